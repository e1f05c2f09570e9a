use wb_policy::Cap;

use super::scoped;
use crate::script::{Script, calls};
use crate::services::everything;
use crate::support::granting;

#[test]
fn a_stream_is_opened_used_and_closed() {
    for (cap, module) in [(Cap::Tcp, "wb:tcp"), (Cap::Tls, "wb:tls")] {
        let script = Script::default()
            .call(module, "connect", ["DB.example.".into(), 5432.into()])
            .call(module, "receive", [0.into(), 100.into()])
            .call(module, "send", [0.into(), "hello".into()])
            .call(module, "receive", [0.into(), 2.into()])
            .call(module, "receive", [0.into(), 100.into()])
            .call(module, "receive", [0.into(), 100.into()])
            .call(module, "receive", [0.into(), 0.into()])
            .call(module, "close", [0.into()])
            .call(module, "send", [0.into(), "x".into()]);
        let answers = script.run(&granting(&[cap]), &everything());
        let short: Vec<_> = answers[..6].iter().map(|a| (a.number, a.value())).collect();
        let greeting = format!("{cap} db.example 5432");
        assert_eq!(
            short,
            [
                (0, ""),
                (19, greeting.as_str()),
                (0, ""),
                (2, "he"),
                (3, "llo"),
                (0, ""),
            ]
        );
        assert_eq!(answers[6].failure().0, -4);
        assert_eq!(answers[7].number, 0);
        assert_eq!(answers[8].failure(), (-4, "handle 0 is not open"));
    }
}

#[test]
fn datagrams_keep_their_bounds() {
    let script = calls! {
        "wb:udp" connect("10.0.0.1", 53);
        "wb:udp" send(0, "one");
        "wb:udp" receive(0);
        "wb:udp" receive(0);
        "wb:udp" receive(0);
        "wb:udp" send(0, crate::script::Arg::Zeros(65_508));
        "wb:udp" close(0);
    };
    let answers = script.run(&granting(&[Cap::Udp]), &everything());
    assert_eq!(answers[2].value(), "udp 10.0.0.1 53");
    assert_eq!(answers[3].value(), "one");
    assert_eq!(answers[4].failure(), (-8, "nobody answered"));
    let limit = (-6, "the message has 65508 bytes, at most 65507 allowed");
    assert_eq!(answers[5].failure(), limit);
    assert_eq!(answers[6].number, 0);
}

#[test]
fn the_allow_list_names_transport_host_and_port() {
    let scopes = r#"{"net":["tcp://db.example:5432","https://db.example"]}"#;
    let script = calls! {
        "wb:tcp" connect("db.example", 5432);
        "wb:tcp" connect("db.example", 5433);
        "wb:tcp" connect("db.example", 443);
        "wb:tcp" connect("127.1", 5432);
        "wb:tcp" connect("db.example", 0);
        "wb:tcp" connect("db.example", 65_536);
    };
    let answers = script.run(&scoped(Cap::Tcp, scopes), &everything());
    let failures: Vec<_> = answers[1..].iter().map(|a| a.failure().0).collect();
    assert_eq!(
        (answers[0].number, &failures[..]),
        (0, &[-3, -3, -4, -4, -4][..])
    );
    let message = "the grant does not reach `tcp://db.example:5433`";
    assert_eq!(answers[1].message, message);
    let script = calls! { "wb:tls" connect("db.example", 5432); };
    let answers = script.run(&scoped(Cap::Tls, scopes), &everything());
    assert_eq!(answers[0].failure().0, -3);
}

/// A handle is of the capability that opened it, and 64 are open at most, whatever
/// they are of.
#[test]
fn handles_are_apart_and_few() {
    let mut script = calls! {
        "wb:tls" connect("a.example", 1);
        "wb:tcp" send(0, "x");
        "wb:udp" close(0);
    };
    for _ in 0..64 {
        script = script.call("wb:tcp", "connect", ["a.example".into(), 1.into()]);
    }
    let grant = granting(&[Cap::Tcp, Cap::Tls, Cap::Udp]);
    let answers = script.run(&grant, &everything());
    assert_eq!(answers[1].failure(), (-4, "handle 0 is not open"));
    assert_eq!(answers[2].failure(), (-4, "handle 0 is not open"));
    assert_eq!(answers[65].number, 62);
    let full = "64 connections and answers are open, at most 64 allowed";
    assert_eq!(answers[66].failure(), (-6, full));
}
