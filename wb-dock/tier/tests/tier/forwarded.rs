//! Every capability over the wire: a guest in a worker gets the same answers as one
//! in this process, from the same services.

use std::sync::Arc;

use wb_dock::{Engine, Grant, Invocation, Services};
use wb_policy::{Cap, CapSet, Profile, Trust};
use wb_tier::{Instance, Module, Process, Runner};

use crate::capabilities::Echo;
use crate::script::{Answer, Script, answers, calls};
use crate::services::everything;

/// The answers to the calls of `script`, which are the same in both places.
fn forwarded(caps: &[Cap], services: fn() -> Services, script: &Script) -> Vec<Answer> {
    let declared = caps.iter().copied().collect::<CapSet>();
    let grant = Grant::decide(declared, Trust::FirstParty, &Profile::posix(), None).unwrap();
    let module = Module::new(script.wasm());
    let run = |runner: &dyn Runner| {
        let outcome = runner
            .run(&module, &grant, &services(), Invocation::new("guest"))
            .unwrap();
        assert!(outcome.is_success(), "{outcome:?}");
        answers(&outcome.stdout)
    };
    let here = run(&Instance::new(Engine::new().unwrap()));
    let there = run(&Process::with_worker(env!("CARGO_BIN_EXE_wb-worker")));
    assert_eq!(there, here);
    there
}

#[test]
fn files_and_tables() {
    let params = r#"[null,1,2.5,"x",{"base64":"AP8="}]"#;
    let script = calls! {
        "wb:vfs" write("workspace/a/b", "one");
        "wb:vfs" read("workspace/a/b");
        "wb:vfs" list("workspace/a");
        "wb:vfs" remove("workspace/a/b");
        "wb:vfs" read("workspace/a/b");
        "wb:vfs" query("memory", "select ?", params);
    };
    let answers = forwarded(&[Cap::Vfs], everything, &script);
    assert_eq!(answers[1].value(), "one");
    assert_eq!(
        answers[2].value(),
        r#"[{"name":"b","directory":false,"size":3}]"#
    );
    assert_eq!(answers[3].number, 1);
    assert_eq!(answers[4].failure(), (-1, "no file `workspace/a/b`"));
    assert!(answers[5].value().contains(params), "{:?}", answers[5]);
}

#[test]
fn signatures_without_the_key() {
    let script = calls! {
        "wb:secrets" present("signing");
        "wb:secrets" present("other");
        "wb:secrets" sign("signing", "data");
        "wb:secrets" hmac("signing", "data");
        "wb:secrets" sign("other", "data");
    };
    let answers = forwarded(&[Cap::Secrets], everything, &script);
    assert_eq!((answers[0].number, answers[1].number), (1, 0));
    assert_eq!(answers[2].value(), "signed:data");
    assert_eq!(answers[3].value(), "hmac-signed:data");
    assert_eq!(answers[4].failure(), (-1, "no secret `other`"));
}

#[test]
fn messages_of_topics() {
    let script = calls! {
        "wb:queue" poll("topic");
        "wb:queue" publish("topic", "first");
        "wb:queue" publish("topic", "second");
        "wb:queue" poll("topic");
        "wb:queue" poll("other");
    };
    let answers = forwarded(&[Cap::Queue], everything, &script);
    assert_eq!(answers[0].number, 0);
    assert_eq!((answers[3].number, answers[3].value()), (1, "first"));
    assert_eq!(answers[4].number, 0);
}

#[test]
fn requests() {
    let head = r#"{"method":"POST","url":"https://a.example/x","headers":[["X-One","1"]]}"#;
    let script = calls! {
        "wb:net" request(head, "body");
        "wb:net" request(r#"{"url":"file:///etc/passwd"}"#, "");
    };
    let answers = forwarded(&[Cap::Net], everything, &script);
    assert_eq!((answers[0].number, answers[0].value()), (200, "body"));
    let head = String::from_utf8_lossy(&answers[0].second);
    assert!(head.contains(r#"["x-one","1"]"#), "{head}");
    assert_eq!(answers[1].failure().0, -4);
}

#[test]
fn pages() {
    let script = calls! { "wb:browse" fetch("https://a.example/page"); };
    let answers = forwarded(&[Cap::Browse], everything, &script);
    let page = answers[0].value();
    assert!(page.contains(r#""title":"Echo","text":"Hello""#), "{page}");
}

#[test]
fn answers_of_models_whole_and_in_pieces() {
    let script = calls! {
        "wb:llm" complete("hello there");
        "wb:llm" open("one two");
        "wb:llm" next(0);
        "wb:llm" next(0);
        "wb:llm" next(0);
        "wb:llm" close(0);
        "wb:llm" next(0);
    };
    let answers = forwarded(&[Cap::Llm], everything, &script);
    assert_eq!(answers[0].value(), "hello there");
    assert_eq!((answers[2].value(), answers[3].value()), ("one ", "two"));
    assert_eq!((answers[4].number, answers[5].number), (0, 0));
    assert_eq!(answers[6].failure(), (-4, "handle 0 is not open"));
}

#[test]
fn connections() {
    let script = calls! {
        "wb:tcp" connect("db.example", 5432);
        "wb:tcp" receive(0, 100);
        "wb:tcp" send(0, "hello");
        "wb:tcp" receive(0, 2);
        "wb:tcp" close(0);
        "wb:tcp" send(0, "x");
        "wb:tls" connect("web.example", 443);
        "wb:tls" receive(0, 100);
        "wb:udp" connect("10.0.0.1", 53);
        "wb:udp" send(0, "one");
        "wb:udp" receive(0);
        "wb:udp" receive(0);
        "wb:udp" receive(0);
    };
    let answers = forwarded(&[Cap::Tcp, Cap::Tls, Cap::Udp], everything, &script);
    assert_eq!(answers[1].value(), "tcp db.example 5432");
    assert_eq!(answers[3].value(), "he");
    assert_eq!(answers[5].failure(), (-4, "handle 0 is not open"));
    assert_eq!(answers[7].value(), "tls web.example 443");
    assert_eq!(answers[10].value(), "udp 10.0.0.1 53");
    assert_eq!(answers[11].value(), "one");
    assert_eq!(answers[12].failure(), (-8, "nobody answered"));
}

/// A table with `echo` in it.
fn commands() -> Services {
    Services::default().commands(Arc::new(Echo(Engine::new().unwrap())))
}

#[test]
fn programs_with_an_environment() {
    let script = calls! {
        "wb:exec" run("echo", "a\0", "A=1\0", "in");
        "wb:exec" run("nobody", "", "", "");
        "wb:exec" run("echo", "", "=1\0", "");
    };
    let answers = forwarded(&[Cap::Exec], commands, &script);
    assert_eq!((answers[0].number, answers[0].value()), (0, "in"));
    assert_eq!(answers[1].failure(), (-1, "no such command `nobody`"));
    assert_eq!(answers[2].failure().0, -4);
}

#[test]
fn many_runs_at_once() {
    let inputs = b"\x02\0\0\0\x03\0\0\0one\x03\0\0\0two";
    let script = calls! { "wb:parallel" run_many("echo", &inputs[..]); };
    let answers = forwarded(&[Cap::Parallel], commands, &script);
    assert_eq!(answers[0].number, 2);
    assert_eq!(
        answers[0].value,
        b"\0\0\0\0\x03\0\0\0one\0\0\0\0\0\0\0\0\x03\0\0\0two\0\0\0\0"
    );
}
