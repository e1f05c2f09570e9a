//! `wasi:http` from end to end: a component that sends requests by the calls of the usual tool
//! chains, and servers on loopback under the policy of a test.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wb_dock::cap::{Principal, Revocations};
use wb_dock::{Called, Component, Engine, Error, Grant, Services};
use wb_policy::{Cap, Limits};

use super::HttpClient;
use crate::testing::{Guest, loopback, read_request, response, serve, serve_http};
use crate::{Egress, Tls};

#[path = "../../../tests/component/support.rs"]
#[allow(
    dead_code,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "shared"
)]
mod support;

/// The numbers of `error-code` in the order of its cases.
const REQUEST_DENIED: u8 = 15;
const RESPONSE_TIMEOUT: u8 = 33;
const INTERNAL_ERROR: u8 = 38;

const EVERYWHERE: &str = r#"{"net":["http://*:*"]}"#;

fn guest(grant: &Grant, services: &Services) -> Component {
    let wasm = support::component_of(
        include_str!("../../../tests/component/guests/fetches.wit"),
        include_str!("../../../tests/component/guests/fetches.wat"),
    );
    let program = Engine::new().unwrap().load_component(&wasm).unwrap();
    program.admit(grant, services).unwrap()
}

fn services() -> Services {
    Services::default().net(Arc::new(HttpClient::new(loopback(), Tls::system())))
}

/// A guest that may talk to everybody who speaks plain HTTP.
fn anybody() -> Component {
    guest(&Guest::new().scoped(EVERYWHERE).grant(), &services())
}

/// Time limits in milliseconds; none is 0.
#[derive(Clone, Copy, Default)]
struct Within {
    first_byte: u64,
    between_bytes: u64,
}

fn try_fetch(
    guest: &Component,
    authority: &str,
    body: &str,
    within: Within,
) -> Result<Called<Value>, Error> {
    let nanos = |millis: u64| millis * 1_000_000;
    let limits = json!({
        "connect": 0,
        "first-byte": nanos(within.first_byte),
        "between-bytes": nanos(within.between_bytes),
    });
    guest.call_json(
        "fetch",
        &json!([authority, "/x?y=1", body.as_bytes(), limits]),
    )
}

fn fetch(guest: &Component, authority: &impl ToString, body: &str, within: Within) -> Value {
    try_fetch(guest, &authority.to_string(), body, within)
        .unwrap()
        .value
}

/// Sends the head of a response, then what `pieces` says, each after a pause.
fn serve_slowly(pieces: &'static [(u64, &'static str)]) -> std::net::SocketAddr {
    serve(move |mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (pause, piece) in pieces {
            thread::sleep(Duration::from_millis(*pause));
            let _ = stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    })
}

#[test]
fn a_request_goes_out_as_written_and_is_accounted_for() {
    let server = serve_http(|request| {
        assert!(request.starts_with("POST /x?y=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with(&"b".repeat(10_000)), "{request}");
        response(201, &[], &vec![b'r'; 70_000])
    });
    let guest = anybody();
    let body = "b".repeat(10_000);
    let called = try_fetch(&guest, &server.to_string(), &body, Within::default()).unwrap();
    let came = &called.value["ok"];
    assert_eq!(
        (&came["status"], &came["bytes"]),
        (&json!(201), &json!(70_000))
    );
    assert_eq!(came["broken"], Value::Null);
    let usage = called.outcome.usage;
    assert_eq!(usage.host_calls, 1);
    assert!((10_000..11_000).contains(&usage.egress), "{}", usage.egress);
}

#[test]
fn a_body_is_read_as_it_comes() {
    let server = serve_slowly(&[(0, "one"), (80, "two"), (80, "three"), (80, "four")]);
    let within = Within {
        first_byte: 2_000,
        between_bytes: 2_000,
    };
    let answer = fetch(&anybody(), &server, "", within);
    assert_eq!(answer["ok"]["bytes"], 15);
    let pieces = answer["ok"]["pieces"].as_u64().unwrap();
    assert!(pieces >= 3, "{pieces} pieces");
}

#[test]
fn a_server_that_pauses_for_too_long_breaks_the_body_off() {
    // The pause before the head has a limit of its own.
    let server = serve_slowly(&[(0, "one"), (3_000, "two")]);
    let started = Instant::now();
    let within = Within {
        first_byte: 0,
        between_bytes: 150,
    };
    let answer = fetch(&anybody(), &server, "", within);
    assert_eq!(answer["ok"]["bytes"], 3);
    assert_eq!(answer["ok"]["broken"], RESPONSE_TIMEOUT);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_pause_before_the_head_is_not_one_between_bytes() {
    let server = serve(|mut stream| {
        read_request(&mut stream);
        thread::sleep(Duration::from_millis(300));
        let _ = stream.write_all(&response(200, &[], b"late"));
    });
    let within = Within {
        first_byte: 0,
        between_bytes: 100,
    };
    assert_eq!(fetch(&anybody(), &server, "", within)["ok"]["bytes"], 4);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let server = serve(|mut stream| {
        read_request(&mut stream);
        thread::sleep(Duration::from_secs(3));
    });
    let started = Instant::now();
    let within = Within {
        first_byte: 150,
        between_bytes: 0,
    };
    assert_eq!(
        fetch(&anybody(), &server, "", within),
        json!({"err": RESPONSE_TIMEOUT})
    );
    assert!(started.elapsed() < Duration::from_secs(2));
    // Nor does it outlast the guest's own time.
    let limits = Limits {
        wall: Duration::from_millis(200),
        ..Guest::new().grant().limits()
    };
    let grant = Guest::new()
        .scoped(EVERYWHERE)
        .grant()
        .narrow_limits(limits);
    let guest = guest(&grant, &services());
    let error = try_fetch(&guest, &server.to_string(), "", Within::default()).unwrap_err();
    assert_eq!(error.code(), "policy/time-limit");
}

#[test]
fn failures_are_told_by_kind() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let not_http = serve(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
    });
    let guest = anybody();
    for place in [
        closed.to_string(),
        not_http.to_string(),
        "nowhere.test".to_owned(),
    ] {
        let answer = fetch(&guest, &place, "", Within::default());
        assert_eq!(answer, json!({"err": INTERNAL_ERROR}), "{place}");
    }
    // What breaks off is not passed off as the whole.
    let cut = serve(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.");
    });
    let answer = fetch(&guest, &cut, "", Within::default());
    assert_eq!(answer["ok"]["broken"], INTERNAL_ERROR);
    // Redirects are the guest's to follow.
    let away = serve_http(|_| response(302, &[("Location", "http://169.254.169.254/")], b""));
    let answer = fetch(&guest, &away, "", Within::default());
    assert_eq!(answer["ok"]["status"], 302);
}

#[test]
fn scopes_and_the_guard_come_before_the_network() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = serve_http(move |_| {
        count.fetch_add(1, SeqCst);
        response(200, &[], b"")
    });
    let denied = json!({"err": REQUEST_DENIED});
    let scoped = Guest::new()
        .scoped(r#"{"net":["http://other.test:*"]}"#)
        .grant();
    let answer = fetch(&guest(&scoped, &services()), &server, "", Within::default());
    assert_eq!(answer, denied);
    let public = HttpClient::new(Egress::public(), Tls::system());
    let public = Services::default().net(Arc::new(public));
    let everywhere = Guest::new().scoped(EVERYWHERE).grant();
    let answer = fetch(&guest(&everywhere, &public), &server, "", Within::default());
    assert_eq!(answer, denied);
    // `browse` reads, and sends nothing.
    let reader = Guest::new()
        .with_caps(&[Cap::Browse])
        .scoped(r#"{"browse":["http://*:*"]}"#)
        .grant();
    let reader = guest(&reader, &services());
    assert_eq!(fetch(&reader, &server, "body", Within::default()), denied);
    assert_eq!(asked.load(SeqCst), 0);
    let answer = fetch(&reader, &server, "", Within::default());
    assert_eq!(answer["ok"]["status"], 200);
}

/// Takes `net` back once it is told to.
#[derive(Default)]
struct Switch(AtomicBool);

impl Revocations for Switch {
    fn is_revoked(&self, _: &Principal<'_>, cap: Cap) -> bool {
        cap == Cap::Net && self.0.load(SeqCst)
    }
}

#[test]
fn what_is_taken_back_ends_in_the_middle_of_a_body() {
    let switch = Arc::new(Switch::default());
    let flip = Arc::clone(&switch);
    let server = serve(move |mut stream| {
        read_request(&mut stream);
        let _ =
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        thread::sleep(Duration::from_millis(200));
        flip.0.store(true, SeqCst);
        for _ in 0..20 {
            let _ = stream.write_all(b"4\r\nmore\r\n");
            thread::sleep(Duration::from_millis(20));
        }
    });
    let grant = Guest::new().scoped(EVERYWHERE).grant();
    let guest = guest(&grant, &services().revocations(switch));
    let answer = fetch(&guest, &server, "", Within::default());
    assert_eq!(answer["ok"]["broken"], REQUEST_DENIED);
    assert_eq!(
        fetch(&guest, &server, "", Within::default()),
        json!({"err": REQUEST_DENIED})
    );
}

#[test]
fn what_is_sent_is_charged_before_it_is() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = serve_http(move |_| {
        count.fetch_add(1, SeqCst);
        response(200, &[], b"")
    });
    let grant = Guest::new()
        .scoped(EVERYWHERE)
        .within(Duration::from_secs(10), 1_000);
    let guest = guest(&grant.grant(), &services());
    let place = server.to_string();
    let error = try_fetch(&guest, &place, &"b".repeat(2_000), Within::default()).unwrap_err();
    assert_eq!(error.code(), "policy/egress-limit");
    assert_eq!(asked.load(SeqCst), 0);
    try_fetch(&guest, &place, "small", Within::default()).unwrap();
    assert_eq!(asked.load(SeqCst), 1);
}
