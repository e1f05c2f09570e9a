//! `wasi:http`: a guest that makes the calls of the usual tool chains, and a network that
//! writes down what it is asked.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use wb_dock::cap::{Failure, Net, Principal, Request, Response, Timeouts};
use wb_dock::{Component, Engine, ErrorKind, Grant, Services};
use wb_policy::{Cap, Scopes};

use crate::services::everything;
use crate::support::{granting, importer, program};

/// The numbers of `error-code` in the order of its cases.
const DESTINATION_UNAVAILABLE: u8 = 3;
const REQUEST_DENIED: u8 = 15;
const URI_INVALID: u8 = 19;
const RESPONSE_TIMEOUT: u8 = 33;
const PROTOCOL_ERROR: u8 = 35;
const INTERNAL_ERROR: u8 = 38;

/// Answers by the host that it is asked for, and keeps what it was asked.
#[derive(Default)]
struct Script(Mutex<Vec<Request>>);

impl Net for Script {
    fn send(&self, who: &Principal<'_>, request: Request) -> Result<Response, Failure> {
        who.charge_egress(request.body.len() as u64)?;
        let body = match &request.body {
            nothing if nothing.is_empty() => Bytes::from("hello"),
            body => Bytes::from([b"got ", &body[..]].concat()),
        };
        let url = request.url.clone();
        self.0.lock().unwrap().push(request);
        if url.contains("away") {
            return Err(Failure::unavailable("nobody there"));
        }
        if url.contains("slow") {
            return Err(Failure::timed_out("too slow"));
        }
        if url.contains("broken") {
            return Err(Failure::failed("not HTTP"));
        }
        Ok(Response {
            status: 201,
            url,
            headers: Vec::new(),
            body: Box::new(std::io::Cursor::new(body)),
        })
    }
}

fn admitted(grant: &Grant) -> (Component, Arc<Script>) {
    let script = Arc::new(Script::default());
    let services = everything().net(Arc::clone(&script) as Arc<dyn Net>);
    let component = program("http").admit(grant, &services).unwrap();
    (component, script)
}

fn send(component: &Component, order: &str, authority: &str, body: &str) -> Value {
    let args = json!([order, authority, body.as_bytes()]);
    component.call_json("send", &args).unwrap().value
}

#[test]
fn a_request_goes_out_and_a_response_comes_back() {
    let (component, script) = admitted(&granting(&[Cap::Net]));
    assert_eq!(
        send(&component, "without-body", "api.example", ""),
        json!({"ok": [201, b"hello"]})
    );
    let request = Request {
        method: "GET".into(),
        url: "https://api.example/x?y=1".into(),
        headers: vec![("x-one".into(), "1".into())],
        body: Bytes::new(),
        timeouts: Timeouts::default(),
        redirects: 0,
    };
    assert_eq!(*script.0.lock().unwrap(), [request]);
}

#[test]
fn a_body_is_finished_before_or_after_the_request_is_handed_over() {
    for order in ["body-first", "body-last"] {
        let (component, script) = admitted(&granting(&[Cap::Net]));
        let args = json!([order, "api.example:8443", b"body"]);
        let called = component.call_json("send", &args).unwrap();
        assert_eq!(called.value, json!({"ok": [201, b"got body"]}), "{order}");
        assert_eq!(called.outcome.usage.egress, 4);
        assert_eq!(called.outcome.usage.host_calls, 1);
        let asked = script.0.lock().unwrap();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].method, "POST");
        assert_eq!(asked[0].url, "https://api.example:8443/x?y=1");
        assert_eq!(asked[0].body, "body");
    }
}

#[test]
fn failures_are_told_in_the_words_of_http() {
    let (component, script) = admitted(&granting(&[Cap::Net]));
    for (authority, code) in [
        ("away.example", DESTINATION_UNAVAILABLE),
        ("slow.example", RESPONSE_TIMEOUT),
        ("broken.example", INTERNAL_ERROR),
        // The checked operation refuses it before anybody is asked.
        ("127.1", INTERNAL_ERROR),
        // The request refuses it, and has no authority then.
        ("evil.org/@api.example", URI_INVALID),
        ("user@api.example", URI_INVALID),
        ("", URI_INVALID),
    ] {
        let answer = send(&component, "without-body", authority, "");
        assert_eq!(answer, json!({"err": code}), "{authority}");
    }
    assert_eq!(script.0.lock().unwrap().len(), 3);
}

#[test]
fn the_allow_list_is_that_of_net() {
    let scopes: Scopes = serde_json::from_str(r#"{"net":["https://api.example"]}"#).unwrap();
    let (component, script) = admitted(&granting(&[Cap::Net]).narrow_scopes(&scopes));
    let ask = |authority| send(&component, "body-last", authority, "b");
    assert_eq!(ask("api.example")["ok"][0], 201);
    assert_eq!(ask("api.example:8443"), json!({"err": REQUEST_DENIED}));
    assert_eq!(ask("api.example.evil.org"), json!({"err": REQUEST_DENIED}));
    assert_eq!(script.0.lock().unwrap().len(), 1);
}

#[test]
fn browse_alone_reads_within_its_own_reach() {
    let scopes: Scopes = serde_json::from_str(r#"{"browse":["https://api.example"]}"#).unwrap();
    let (component, script) = admitted(&granting(&[Cap::Browse]).narrow_scopes(&scopes));
    assert_eq!(
        send(&component, "without-body", "api.example", "")["ok"][0],
        201
    );
    for (order, authority) in [
        ("body-first", "api.example"),
        ("without-body", "other.example"),
    ] {
        let answer = send(&component, order, authority, "b");
        assert_eq!(answer, json!({"err": REQUEST_DENIED}), "{order}");
    }
    assert_eq!(script.0.lock().unwrap().len(), 1);
}

#[test]
fn it_needs_net_or_browse_and_is_linked_under_its_type() {
    let engine = Engine::new().unwrap();
    for interface in ["types", "outgoing-handler"] {
        let wasm = importer(&format!("wasi:http/{interface}@0.2.12"));
        let program = engine.load_component(&wasm).unwrap();
        for cap in [Cap::Net, Cap::Browse] {
            program.admit(&granting(&[cap]), &everything()).unwrap();
        }
        let error = program
            .admit(&granting(&[Cap::Tcp, Cap::Tls]), &everything())
            .unwrap_err();
        assert_eq!(error.code(), "dock/not-granted", "{interface}");
    }
}

/// A page is not what it asks for: without `net` behind it there is nobody to ask, whichever of
/// the two was granted.
#[test]
fn it_goes_over_net_whichever_was_granted() {
    let only_browse = Services::default().browse(Arc::new(crate::services::Echo));
    for services in [Services::default(), only_browse] {
        for cap in [Cap::Net, Cap::Browse] {
            let error = program("http").admit(&granting(&[cap]), &services);
            assert_eq!(
                error.unwrap_err().to_string(),
                "import `wasi:http/types@0.2.12` is granted and needs `net`, \
                 which this host does not provide"
            );
        }
    }
}

#[test]
fn a_body_that_is_never_finished_is_never_answered() {
    let (component, script) = admitted(&granting(&[Cap::Net]));
    let error = component.call_wave("wait", "").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Trap { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("waits for the answer to a request whose body it has not finished"),
        "{error}"
    );
    let code = component.call_json("give-up", &json!([])).unwrap().value;
    assert_eq!(code, PROTOCOL_ERROR);
    assert!(script.0.lock().unwrap().is_empty());
}

#[test]
fn a_body_is_charged_to_memory() {
    let grant = granting(&[Cap::Net]);
    let mut limits = grant.limits();
    // The guest itself has 4 MiB.
    limits.memory = (4 << 20) + (64 << 10);
    let (component, _) = admitted(&grant.narrow_limits(limits));
    assert_eq!(
        send(&component, "body-last", "api.example", "b"),
        json!({"ok": [201, b"got b"]})
    );
    let body = "b".repeat(128 << 10);
    let args = json!(["body-last", "api.example", body.as_bytes()]);
    let error = component.call_json("send", &args).unwrap_err();
    assert_eq!(error.code(), "policy/memory-limit");
}

#[test]
fn header_fields_are_checked_as_they_are_written() {
    let (component, _) = admitted(&granting(&[Cap::Net]));
    let append = |name: &str, value: &str| {
        let args = json!([name, value.as_bytes()]);
        component.call_json("append", &args).unwrap().value
    };
    assert_eq!(append("X-Name", "value, ü"), json!({"ok": null}));
    let (syntax, forbidden) = (json!({"err": 0}), json!({"err": 1}));
    for (name, value) in [("", "v"), ("a b", "v"), ("a:", "v"), ("a", "v\r\nb: c")] {
        assert_eq!(append(name, value), syntax, "{name}: {value}");
    }
    for name in ["Host", "connection", "Transfer-Encoding"] {
        assert_eq!(append(name, "v"), forbidden, "{name}");
    }
}

#[test]
fn each_part_has_a_time_limit_of_its_own() {
    let (component, _) = admitted(&granting(&[Cap::Net]));
    assert_eq!(
        component.call_wave("timeouts", "").unwrap().value,
        "(true, true, true)"
    );
}
