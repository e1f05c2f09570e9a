//! Each capability as a component has it: the guests pass every call on.

use std::sync::Arc;

use serde_json::{Value, json};
use wb_dock::{Commands, Component, Engine, Grant, Resolved, Services};
use wb_policy::{Cap, CapSet, Requirement, component_imports};

use crate::services::everything;
use crate::support::{granting, importer, proxy};

/// The world function or interface behind a name of policy's table, as WIT.
fn item(name: &str) -> String {
    match name {
        "session-info" => "session-info: func() -> string".into(),
        "vfs-query" => "vfs-query: func(sql: string) -> string".into(),
        "run-command" => {
            "run-command: func(command: string, input: string, args: list<string>) -> string".into()
        }
        "run-command-many" => {
            "run-command-many: func(command: string, inputs: string) -> string".into()
        }
        "llm-complete" => "llm-complete: func(prompt: string) -> string".into(),
        "browse-fetch" => "browse-fetch: func(url: string) -> string".into(),
        interface => interface.to_owned(),
    }
}

fn admitted(items: &[&str], caps: &[Cap]) -> Component {
    let program = Engine::new()
        .unwrap()
        .load_component(&proxy(items))
        .unwrap();
    program.admit(&granting(caps), &everything()).unwrap()
}

fn call(component: &Component, function: &str, args: &Value) -> Value {
    component.call_json(function, args).unwrap().value
}

fn bytes(text: &str) -> Value {
    json!(text.as_bytes())
}

/// Everything but what has resources, which a guest cannot pass on.
fn is_plain(name: &str) -> bool {
    !["tcp", "tls", "udp", "llm@"]
        .iter()
        .any(|word| name.contains(word))
}

#[test]
fn what_is_granted_is_linked_under_its_type_and_nothing_else_is() {
    let engine = Engine::new().unwrap();
    for (name, requirement) in component_imports().filter(|(name, _)| is_plain(name)) {
        if name.contains("types") {
            continue;
        }
        let program = engine.load_component(&proxy(&[&item(&name)])).unwrap();
        assert!(program.imports().any(|import| import == name), "{name}");
        program
            .admit(&granting(requirement.caps()), &everything())
            .unwrap();
        if requirement != Requirement::Ambient {
            let others: CapSet = Cap::ALL.into_iter().collect();
            let others = others.difference(requirement.caps().iter().copied().collect());
            let others: Vec<Cap> = others.iter().collect();
            let error = program
                .admit(&granting(&others), &everything())
                .unwrap_err();
            assert_eq!(error.code(), "dock/not-granted", "{name}");
        }
    }
}

#[test]
fn interfaces_with_resources_are_linked_under_their_types_too() {
    let engine = Engine::new().unwrap();
    for (name, cap) in [
        ("tcp", Cap::Tcp),
        ("tls", Cap::Tls),
        ("udp", Cap::Udp),
        ("llm", Cap::Llm),
    ] {
        let wasm = importer(&format!("workbooks:dock/{name}@1.0.0"));
        let program = engine.load_component(&wasm).unwrap();
        assert!(
            program.imports().any(|import| import.contains(name)),
            "{name}"
        );
        program.admit(&granting(&[cap]), &everything()).unwrap();
        let error = program.admit(&Grant::none(), &everything()).unwrap_err();
        assert_eq!(error.code(), "dock/not-granted", "{name}");
    }
}

#[test]
fn every_interface_of_wasi_is_linked_under_its_type() {
    let engine = Engine::new().unwrap();
    for interface in [
        "io/streams",
        "io/poll",
        "io/error",
        "filesystem/types",
        "filesystem/preopens",
        "clocks/monotonic-clock",
        "sockets/tcp",
        "sockets/udp",
        "sockets/ip-name-lookup",
        "sockets/tcp-create-socket",
        "sockets/udp-create-socket",
        "sockets/instance-network",
        "cli/stdin",
        "cli/stdout",
        "cli/stderr",
        "cli/exit",
        "cli/terminal-stdin",
        "cli/terminal-stdout",
        "cli/terminal-stderr",
    ] {
        let wasm = importer(&format!("wasi:{interface}@0.2.12"));
        let program = engine.load_component(&wasm).unwrap();
        assert!(
            program.imports().any(|import| import.contains(interface)),
            "{interface}"
        );
        program.admit(&Grant::none(), &Services::default()).unwrap();
    }
}

#[test]
fn kv() {
    let kv = admitted(&["workbooks:dock/kv@1.0.0"], &[Cap::Kv]);
    assert_eq!(call(&kv, "get", &json!(["k"])), json!({"ok": null}));
    assert_eq!(call(&kv, "put", &json!(["k", [1, 2]])), json!({"ok": null}));
    assert_eq!(call(&kv, "get", &json!(["k"])), json!({"ok": [1, 2]}));
    assert_eq!(call(&kv, "list", &json!([""])), json!({"ok": ["k"]}));
    assert_eq!(call(&kv, "delete", &json!(["k"])), json!({"ok": true}));
    let failed = call(&kv, "get", &json!([""]));
    assert_eq!(
        failed,
        json!({"err": {"kind": "bad-request", "message": "the key is empty"}})
    );
}

#[test]
fn queue_and_secrets() {
    let queue = admitted(&["workbooks:dock/queue@1.0.0"], &[Cap::Queue]);
    assert_eq!(
        call(&queue, "publish", &json!(["t", [7]])),
        json!({"ok": null})
    );
    assert_eq!(call(&queue, "poll", &json!(["t"])), json!({"ok": [7]}));
    assert_eq!(call(&queue, "poll", &json!(["t"])), json!({"ok": null}));
    let secrets = admitted(&["workbooks:dock/secrets@1.0.0"], &[Cap::Secrets]);
    assert_eq!(
        call(&secrets, "present", &json!(["signing"])),
        json!({"ok": true})
    );
    let signed = call(&secrets, "sign", &json!(["signing", bytes("x")]));
    assert_eq!(signed, json!({"ok": bytes("signed:x")}));
    let failed = call(&secrets, "hmac", &json!(["other", []]));
    assert_eq!(failed["err"]["kind"], "not-found");
}

#[test]
fn vfs() {
    let vfs = admitted(&["workbooks:dock/vfs@1.0.0"], &[Cap::Vfs]);
    let path = "workspace/a.txt";
    assert_eq!(
        call(&vfs, "write", &json!([path, bytes("hi")])),
        json!({"ok": null})
    );
    assert_eq!(
        call(&vfs, "read", &json!([path])),
        json!({"ok": bytes("hi")})
    );
    assert_eq!(
        call(&vfs, "list", &json!(["workspace"])),
        json!({"ok": [{"name": "a.txt", "directory": false, "size": 2}]})
    );
    assert_eq!(call(&vfs, "remove", &json!([path])), json!({"ok": true}));
    let values = json!(["null", {"integer": -1}, {"real": 0.5}, {"text": "t"}, {"blob": [0]}]);
    assert_eq!(
        call(&vfs, "query", &json!(["memory", "SELECT 1", values])),
        json!({"ok": {"columns": ["memory", "SELECT 1"], "rows": [values], "changed": 0}})
    );
    let failed = call(&vfs, "read", &json!(["workspace/../x"]));
    assert_eq!(failed["err"]["kind"], "bad-request");
}

#[test]
fn net_and_browse() {
    let profiles = wb_policy::Profiles::built_in();
    let network = profiles.get("network").unwrap();
    let declared = CapSet::from_iter([Cap::Net, Cap::Browse]);
    let grant = Grant::decide(declared, wb_policy::Trust::FirstParty, network, None).unwrap();
    let program = Engine::new().unwrap().load_component(&proxy(&[
        "workbooks:dock/net@1.0.0",
        "workbooks:dock/browse@1.0.0",
    ]));
    let component = program.unwrap().admit(&grant, &everything()).unwrap();
    let url = "https://example.com/a";
    let request = json!({
        "method": "POST", "url": url, "headers": [["x-a", bytes("1")]],
        "body": bytes("body"), "timeout": 1000, "redirects": 0,
    });
    let sent = call(&component, "send", &json!([request]));
    if let Some(response) = sent.get("ok") {
        assert_eq!(response["status"], 200);
        assert_eq!(response["body"], bytes("body"));
        assert_eq!(
            response["headers"],
            json!([["x-method", bytes("POST")], ["x-a", bytes("1")]])
        );
    } else {
        panic!("{sent}");
    }
    let page = call(&component, "fetch", &json!([url]));
    assert_eq!(page["ok"]["links"], json!([{"text": "self", "url": url}]));
    let failed = call(&component, "fetch", &json!(["no url"]));
    assert_eq!(failed["err"]["kind"], "bad-request");
}

/// A table with one command, `cat`.
struct Cat(Engine);

impl Commands for Cat {
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String> {
        if name != "cat" {
            return Ok(None);
        }
        let path = format!("{}/tests/guests/cat.wat", env!("CARGO_MANIFEST_DIR"));
        let program = self.0.load(&wat::parse_file(path).unwrap()).unwrap();
        Ok(Some(Resolved {
            code: program.into(),
            grant: Grant::none(),
            arg_mode: wb_dock::ArgMode::Argv,
        }))
    }
}

fn with_cat(items: &[&str], caps: &[Cap]) -> Component {
    let engine = Engine::new().unwrap();
    let program = engine.load_component(&proxy(items)).unwrap();
    let services = Services::default().commands(Arc::new(Cat(engine)));
    program.admit(&granting(caps), &services).unwrap()
}

#[test]
fn commands_are_run_in_every_way() {
    let items = [
        "workbooks:dock/commands@1.0.0",
        "workbooks:dock/parallel@1.0.0",
        &item("run-command"),
        &item("run-command-many"),
    ];
    let component = with_cat(&items, &[Cap::Commands, Cap::Parallel]);
    let output = |text: &str| json!({"exit-code": 0, "stdout": bytes(text), "stderr": []});
    assert_eq!(
        call(
            &component,
            "workbooks:dock/commands@1.0.0#run",
            &json!(["cat", [], bytes("in")])
        ),
        json!({"ok": output("in")})
    );
    assert_eq!(
        call(
            &component,
            "run-many",
            &json!(["cat", [bytes("a"), bytes("b")]])
        ),
        json!({"ok": [{"ok": output("a")}, {"ok": output("b")}]})
    );
    assert_eq!(
        call(&component, "run-command", &json!(["cat", "in", ["x"]])),
        json!("in")
    );
    assert_eq!(
        call(&component, "run-command", &json!(["dog", "", []])),
        json!(r#"{"error":"no such command `dog`"}"#)
    );
    assert_eq!(
        call(
            &component,
            "run-command-many",
            &json!(["cat", r#"["a","b"]"#])
        ),
        json!(r#"[{"ok":"a"},{"ok":"b"}]"#)
    );
    let many = call(&component, "run-command-many", &json!(["cat", "a"]));
    assert!(
        many.as_str()
            .unwrap()
            .starts_with(r#"{"error":"the inputs are no JSON array"#)
    );
    let exec = with_cat(&["workbooks:dock/exec@1.0.0"], &[Cap::Exec]);
    let ran = call(
        &exec,
        "run",
        &json!(["cat", ["a"], [["LANG", "C"]], bytes("in")]),
    );
    assert_eq!(ran, json!({"ok": output("in")}));
}

#[test]
fn run_command_has_two_parameters_or_three() {
    let short = "run-command: func(command: string, input: string) -> string";
    let component = with_cat(&[short], &[Cap::Commands]);
    assert_eq!(
        call(&component, "run-command", &json!(["cat", "in"])),
        json!("in")
    );
    let wrong = "run-command: func(command: string) -> string";
    let program = Engine::new()
        .unwrap()
        .load_component(&proxy(&[wrong]))
        .unwrap();
    let error = program
        .admit(&granting(&[Cap::Commands]), &everything())
        .unwrap_err();
    assert_eq!(error.code(), "dock/import-type");
}

#[test]
fn the_world_functions_tell_in_text() {
    let items = [
        item("vfs-query"),
        item("llm-complete"),
        item("browse-fetch"),
    ];
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let component = admitted(&items, &[Cap::Vfs, Cap::Llm, Cap::Browse]);
    assert_eq!(
        call(&component, "vfs-query", &json!(["SELECT 1"])),
        json!("[[]]")
    );
    assert_eq!(
        call(&component, "vfs-query", &json!([""])),
        json!(r#"{"error":"the statement is empty"}"#)
    );
    assert_eq!(
        call(&component, "llm-complete", &json!(["say hello"])),
        json!("say hello")
    );
    let failed = call(&component, "llm-complete", &json!(["{"]));
    assert!(failed.as_str().unwrap().starts_with("error: "), "{failed}");
    let page = call(&component, "browse-fetch", &json!(["https://example.com/"]));
    assert!(
        page.as_str().unwrap().contains(r#""title":"Echo""#),
        "{page}"
    );
}

#[test]
fn host_calls_are_counted() {
    let program = Engine::new().unwrap();
    let program = program
        .load_component(&proxy(&["workbooks:dock/kv@1.0.0"]))
        .unwrap();
    let kv = program.admit(&granting(&[Cap::Kv]), &everything()).unwrap();
    let mut kv = kv.start(wb_dock::Invocation::new("kv")).unwrap();
    for _ in 0..3 {
        kv.call_json("get", &json!(["k"])).unwrap();
    }
    assert_eq!(kv.finish().usage.host_calls, 3);
}

#[test]
fn wasi_functions_answer() {
    let items = [
        "wasi:clocks/wall-clock@0.2.12",
        "wasi:clocks/monotonic-clock@0.2.12",
        "wasi:random/random@0.2.12",
        "wasi:random/insecure-seed@0.2.12",
        "wasi:cli/environment@0.2.12",
    ];
    // Pollables cannot be passed on, so the monotonic clock is left to the adapter.
    let items = [items[0], items[2], items[3], items[4]];
    let component = admitted(&items, &[]);
    let now = call(&component, "wasi:clocks/wall-clock@0.2.12#now", &json!([]));
    assert_eq!(now["seconds"], 1_704_067_200);
    let some = |len: u64| call(&component, "get-random-bytes", &json!([len]));
    assert_eq!(some(8), some(8));
    assert_eq!(some(9).as_array().unwrap().len(), 9);
    let error = component
        .call_json("get-random-bytes", &json!([u64::MAX]))
        .unwrap_err();
    assert_eq!(error.code(), "policy/memory-limit");
    assert_eq!(
        call(&component, "get-arguments", &json!([])),
        json!(["get-arguments"])
    );
}
