use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use wb_dock::cap::FailureKind;

use super::body::failure_of;
use super::*;
use crate::fill::Filled;
use crate::testing::{
    Guest, Scripted, any_root, loopback, read_request, response, serve, serve_http, serve_tls,
};
use crate::vault::{Owner, Secret, Vault};

fn get(url: impl Into<String>) -> Request {
    Request {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: Bytes::new(),
        timeouts: Timeouts::in_all(Some(Duration::from_secs(5))),
        redirects: 5,
    }
}

fn everywhere() -> Guest {
    Guest::new().scoped(r#"{"net":["http://*:*","https://*:*"]}"#)
}

fn client() -> HttpClient {
    HttpClient::new(loopback(), Tls::system())
}

/// Status and body, or the kind and words of the failure.
fn outcome(client: &HttpClient, guest: &Guest, request: Request) -> Result<(u16, String), Failure> {
    let mut response = client.send(&guest.who(), request)?;
    let mut body = Vec::new();
    response
        .body
        .read_to_end(&mut body)
        .map_err(|error| failure_of(&error))?;
    Ok((response.status, String::from_utf8_lossy(&body).into_owned()))
}

fn kind(client: &HttpClient, guest: &Guest, request: Request) -> FailureKind {
    outcome(client, guest, request).unwrap_err().kind
}

fn echo() -> SocketAddr {
    serve_http(|request| response(200, &[], request.as_bytes()))
}

#[test]
fn a_request_arrives_as_written_and_framed_by_the_host() {
    let port = echo().port();
    let request = Request {
        method: "POST".into(),
        headers: vec![
            ("X-Kind".into(), Bytes::from_static(b"a")),
            ("x-kind".into(), Bytes::from_static(b"b")),
            ("content-length".into(), Bytes::from_static(b"4")),
            ("accept-encoding".into(), Bytes::from_static(b"br")),
        ],
        body: Bytes::from_static(b"ping"),
        ..get(format!("http://SERVER.test:{port}/a b?c#d").replace(' ', "%20"))
    };
    let (status, seen) = outcome(&client(), &everywhere(), request).unwrap();
    assert_eq!(status, 200);
    let mut lines: Vec<&str> = seen.split("\r\n").collect();
    let (first, body) = (lines.remove(0), lines.pop());
    assert_eq!((first, body), ("POST /a%20b?c HTTP/1.1", Some("ping")));
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "",
            "accept-encoding: gzip",
            "accept: */*",
            "content-length: 4",
            &format!("host: server.test:{port}"),
            concat!("user-agent: wb/", env!("CARGO_PKG_VERSION")),
            "x-kind: a",
            "x-kind: b",
        ]
    );
}

#[test]
fn what_is_not_the_guests_to_say_is_refused() {
    let port = echo().port();
    let url = format!("http://server.test:{port}/");
    let with = |name: &str, value: &'static [u8]| Request {
        headers: vec![(name.to_owned(), Bytes::from_static(value))],
        ..get(&url)
    };
    for request in [
        with("host", b"other.test"),
        with("transfer-encoding", b"chunked"),
        with("connection", b"upgrade"),
        with("content-length", b"7"),
        with("a b", b"c"),
        with("a", b"b\r\nc: d"),
        with("a", b"b\0"),
        get(format!("{url}{{{{secret:key}}}}")),
    ] {
        let shown = format!("{:?}", request.headers);
        assert_eq!(
            kind(&client(), &everywhere(), request),
            FailureKind::BadRequest,
            "{shown}"
        );
    }
    for method in ["CONNECT", "TRACE", "get", "", "GET /x HTTP/1.1\r\n"] {
        let request = Request {
            method: method.into(),
            ..get(&url)
        };
        assert_eq!(
            kind(&client(), &everywhere(), request),
            FailureKind::BadRequest
        );
    }
    let many = Request {
        headers: vec![("a".into(), Bytes::new()); 65],
        ..get(&url)
    };
    assert_eq!(kind(&client(), &everywhere(), many), FailureKind::Limit);
}

#[test]
fn the_grant_is_asked_on_every_hop() {
    let secret = echo();
    let port = serve_http(move |_| {
        let to = format!("http://other.test:{}/", secret.port());
        response(302, &[("Location", &to)], b"")
    })
    .port();
    let url = format!("http://server.test:{port}/");
    let only_first = Guest::new().scoped(&format!(r#"{{"net":["http://server.test:{port}"]}}"#));
    let failure = outcome(&client(), &only_first, get(&url)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.message.contains("other.test"), "{failure}");
    assert!(outcome(&client(), &everywhere(), get(&url)).is_ok());

    let nothing = Guest::new().with_caps(&[Cap::Llm]);
    assert_eq!(kind(&client(), &nothing, get(&url)), FailureKind::Refused);

    // `wasi:http` with `browse` alone reads, and does no more.
    let browse = Guest::new()
        .scoped(r#"{"browse":["http://*:*"]}"#)
        .with_caps(&[Cap::Browse]);
    assert!(outcome(&client(), &browse, get(&url)).is_ok());
    let sending = Request {
        method: "POST".into(),
        ..get(&url)
    };
    assert_eq!(kind(&client(), &browse, sending), FailureKind::Refused);
}

#[test]
fn redirects_into_forbidden_places_are_not_followed() {
    let egress = Egress::public()
        .allow("127.0.0.1".parse().unwrap())
        .resolver(Scripted::new(&[
            "server.test=127.0.0.1",
            "inside.test=10.0.0.1",
        ]));
    let client = HttpClient::new(egress, Tls::system());
    for (location, expected) in [
        ("http://10.0.0.1/", FailureKind::Refused),
        (
            "http://169.254.169.254/latest/meta-data/",
            FailureKind::Refused,
        ),
        ("http://127.0.0.2/", FailureKind::Refused),
        ("http://100.64.0.1/", FailureKind::Refused),
        ("http://192.168.1.1/", FailureKind::Refused),
        ("http://[::1]/", FailureKind::Refused),
        ("http://[fd00::1]/", FailureKind::Refused),
        ("http://[::ffff:10.0.0.1]/", FailureKind::Refused),
        ("http://[64:ff9b::a00:1]/", FailureKind::Refused),
        ("http://0xa9fea9fe/", FailureKind::Refused),
        ("//10.0.0.1/", FailureKind::Refused),
        ("http://inside.test/", FailureKind::Refused),
        ("http:\\\\10.0.0.1\\", FailureKind::Failed),
        ("http://user@server.test/", FailureKind::Failed),
        ("file:///etc/passwd", FailureKind::Failed),
    ] {
        let port = serve_http(move |_| response(307, &[("Location", location)], b"")).port();
        let url = format!("http://server.test:{port}/");
        assert_eq!(
            kind(&client, &everywhere(), get(url)),
            expected,
            "{location}"
        );
    }
}

#[test]
fn redirects_are_counted_and_can_be_left_alone() {
    let port = serve_http(|_| response(302, &[("Location", "/again")], b"moved")).port();
    let url = format!("http://server.test:{port}/");
    let left_alone = Request {
        redirects: 0,
        ..get(&url)
    };
    let (status, body) = outcome(&client(), &everywhere(), left_alone).unwrap();
    assert_eq!((status, &*body), (302, "moved"));
    let failure = outcome(&client(), &everywhere(), get(&url)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Failed);
    assert!(failure.message.ends_with("after 5 redirects"), "{failure}");
}

#[test]
fn a_redirect_keeps_only_what_the_other_origin_may_see() {
    let other = echo().port();
    let port = serve_http(move |request| {
        let status = request.split('/').nth(1).unwrap()[..3].parse().unwrap();
        let to = format!("http://other.test:{other}/");
        response(status, &[("Location", &to)], b"")
    })
    .port();
    let sending = |status: u16| Request {
        method: "POST".into(),
        headers: vec![
            ("authorization".into(), Bytes::from_static(b"Bearer x")),
            ("cookie".into(), Bytes::from_static(b"a=b")),
            ("x-key".into(), Bytes::from_static(b"{{secret:key}}")),
            ("content-type".into(), Bytes::from_static(b"text/plain")),
        ],
        body: Bytes::from_static(b"body"),
        ..get(format!("http://server.test:{port}/{status}"))
    };
    let client = client().secrets(Arc::new(OneSecret));
    for (status, first, keeps_body) in [
        (301, "GET", false),
        (302, "GET", false),
        (303, "GET", false),
        (307, "POST", true),
        (308, "POST", true),
    ] {
        let (_, seen) = outcome(&client, &everywhere(), sending(status)).unwrap();
        assert!(seen.starts_with(first), "{status}: {seen}");
        assert_eq!(seen.ends_with("body"), keeps_body, "{status}: {seen}");
        assert_eq!(
            seen.contains("content-type"),
            keeps_body,
            "{status}: {seen}"
        );
        for credential in ["authorization", "cookie", "x-key", "hunter2"] {
            assert!(!seen.contains(credential), "{status}: {seen}");
        }
    }
    let secret_body = Request {
        body: Bytes::from_static(b"{{secret:key}}"),
        ..sending(307)
    };
    assert_eq!(
        kind(&client, &everywhere(), secret_body),
        FailureKind::Refused
    );
}

#[test]
fn a_name_is_asked_for_once() {
    // The second answer would lead inside; it is never asked for.
    let port = echo().port();
    let names = Scripted::new(&["rebinding.test=127.0.0.1;10.0.0.1;10.0.0.1"]);
    let egress = Egress::public()
        .allow("127.0.0.1".parse().unwrap())
        .resolver(names);
    let client = HttpClient::new(egress, Tls::system());
    let url = format!("http://rebinding.test:{port}/");
    assert!(outcome(&client, &everywhere(), get(&url)).is_ok());
    assert_eq!(
        kind(&client, &everywhere(), get(&url)),
        FailureKind::Refused
    );
}

struct OneSecret;

impl Fill for OneSecret {
    fn fill(&self, who: &Principal<'_>, _: &Origin, text: &[u8]) -> Result<Filled, Failure> {
        if !who.grant().caps().contains(Cap::Secrets) {
            return Err(Failure::refused("no secrets"));
        }
        let text = String::from_utf8_lossy(text).replace("{{secret:key}}", "hunter2");
        Ok(Filled {
            text: text.into_bytes().into(),
            values: vec![b"hunter2".to_vec().into()],
        })
    }
}

#[test]
fn secrets_leave_and_do_not_come_back() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let port = serve_http(move |request| {
        count.fetch_add(request.matches("hunter2").count(), SeqCst);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(request.as_bytes()).unwrap();
        let headers = [("Content-Encoding", "gzip"), ("X-Echo", "you said hunter2")];
        response(200, &headers, &packed.finish().unwrap())
    })
    .port();
    let request = Request {
        method: "PUT".into(),
        headers: vec![("x-key".into(), Bytes::from_static(b"Key {{secret:key}}"))],
        body: Bytes::from_static(b"[{{secret:key}}]"),
        ..get(format!("http://server.test:{port}/"))
    };
    let client = client().secrets(Arc::new(OneSecret));
    let guest = everywhere();
    let mut response = client.send(&guest.who(), request.clone()).unwrap();
    assert_eq!(seen.load(SeqCst), 2);
    let mut body = String::new();
    response.body.read_to_string(&mut body).unwrap();
    assert!(body.contains("x-key: Key *******"), "{body}");
    assert!(body.ends_with("[*******]"), "{body}");
    let echo = response
        .headers
        .iter()
        .find(|(name, _)| name == "x-echo")
        .unwrap();
    assert_eq!(echo.1, "you said *******");
    assert!(
        !response
            .headers
            .iter()
            .any(|(name, _)| name == "content-encoding")
    );

    let without = everywhere().with_caps(&[Cap::Net]);
    assert_eq!(
        kind(&client, &without, request.clone()),
        FailureKind::Refused
    );
    let no_vault = HttpClient::new(loopback(), Tls::system());
    assert_eq!(kind(&no_vault, &guest, request), FailureKind::Unavailable);

    let odd =
        serve_http(|_| crate::testing::response(200, &[("Content-Encoding", "br")], b"?")).port();
    let request = Request {
        headers: vec![("x-key".into(), Bytes::from_static(b"{{secret:key}}"))],
        ..get(format!("http://server.test:{odd}/"))
    };
    assert_eq!(kind(&client, &guest, request), FailureKind::Failed);
}

#[test]
fn the_vault_fills_where_a_secret_is_for() {
    let port = echo().port();
    let vault = Vault::in_memory();
    let host = format!("http://server.test:{port}").parse().unwrap();
    let token = Secret::token("hunter2").only_to(host);
    // The guests of these tests belong to the tenant without a name.
    vault
        .set(Owner::Tenant(String::new()), "TOKEN", token)
        .unwrap();
    let client = client().secrets(Arc::new(vault));
    let request = |host: &str, name: &str| Request {
        headers: vec![(
            "authorization".into(),
            format!("Bearer {{{{secret:{name}}}}}").into(),
        )],
        ..get(format!("http://{host}:{port}/"))
    };
    let ask = |guest: &Guest, host: &str, name: &str| outcome(&client, guest, request(host, name));
    let (_, seen) = ask(&everywhere(), "server.test", "TOKEN").unwrap();
    assert!(seen.contains("authorization: Bearer *******\r\n"), "{seen}");
    let kind = |guest: &Guest, host: &str, name: &str| ask(guest, host, name).unwrap_err().kind;
    assert_eq!(
        kind(&everywhere(), "other.test", "TOKEN"),
        FailureKind::Refused
    );
    assert_eq!(
        kind(&everywhere(), "server.test", "NONE"),
        FailureKind::NotFound
    );
    let without = everywhere().with_caps(&[Cap::Net]);
    assert_eq!(kind(&without, "server.test", "TOKEN"), FailureKind::Refused);
    let elsewhere = everywhere().scoped(r#"{"secrets":["OTHER_*"]}"#);
    assert_eq!(
        kind(&elsewhere, "server.test", "TOKEN"),
        FailureKind::Refused
    );
}

#[test]
fn egress_is_paid_before_anything_is_sent() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let port = serve_http(move |request| {
        count.store(request.len(), SeqCst);
        response(200, &[], b"")
    })
    .port();
    let poor = everywhere().within(Duration::from_secs(5), 400);
    let sending = |bytes: usize| Request {
        method: "POST".into(),
        body: vec![b'x'; bytes].into(),
        ..get(format!("http://server.test:{port}/"))
    };
    assert_eq!(kind(&client(), &poor, sending(400)), FailureKind::Limit);
    assert_eq!(seen.load(SeqCst), 0);
    assert!(outcome(&client(), &poor, sending(10)).is_ok());
    let sent = seen.load(SeqCst);
    assert!((100..400).contains(&sent), "{sent}");
}

#[test]
fn connecting_has_a_time_limit_of_its_own_and_securing_is_part_of_it() {
    let silent = serve(|_stream| thread::sleep(Duration::from_secs(3)));
    let request = Request {
        timeouts: Timeouts {
            connect: Some(Duration::from_millis(200)),
            ..Timeouts::default()
        },
        ..get(format!("https://{silent}/"))
    };
    let started = Instant::now();
    assert_eq!(
        kind(&client(), &everywhere(), request),
        FailureKind::TimedOut
    );
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn slow_servers_are_left_in_time() {
    let silent = serve(|stream| {
        thread::sleep(Duration::from_secs(20));
        drop(stream);
    });
    let dripping_head = serve(|mut stream| {
        for byte in b"HTTP/1.1 200 OK\r\nX: "
            .iter()
            .chain(std::iter::repeat(&b'x'))
        {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let dripping_body = serve(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"1\r\nx\r\n").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    for address in [silent, dripping_head, dripping_body] {
        let request = Request {
            timeouts: Timeouts::in_all(Some(Duration::from_millis(250))),
            ..get(format!("http://{address}/"))
        };
        let started = Instant::now();
        assert_eq!(
            kind(&client(), &everywhere(), request),
            FailureKind::TimedOut
        );
        assert!(started.elapsed() < Duration::from_secs(3));

        // The run's own time counts as well.
        let hurried = everywhere().within(Duration::from_millis(250), 1 << 20);
        let request = get(format!("http://{address}/"));
        assert_eq!(kind(&client(), &hurried, request), FailureKind::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(6));
    }
}

#[test]
fn answers_are_capped_and_must_be_whole() {
    let answer = |bytes: Vec<u8>| {
        let port = serve_http(move |_| bytes.clone()).port();
        let limits = HttpLimits {
            response_body: 1000,
            ..HttpLimits::default()
        };
        let request = get(format!("http://server.test:{port}/"));
        outcome(&client().limits(limits), &everywhere(), request)
            .map(|(_, body)| body.len())
            .map_err(|failure| failure.kind)
    };
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![0; 1 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let mut small = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    small.write_all(b"a few words").unwrap();
    let small = small.finish().unwrap();

    assert_eq!(answer(response(200, &[], &[b'x'; 1000])), Ok(1000));
    assert_eq!(
        answer(response(200, &[], &[b'x'; 1001])),
        Err(FailureKind::Limit)
    );
    let packed = [("Content-Encoding", "gzip")];
    assert_eq!(
        answer(response(200, &packed, &bomb)),
        Err(FailureKind::Limit)
    );
    assert_eq!(
        answer(response(200, &packed, &small[..small.len() - 5])),
        Err(FailureKind::Failed)
    );
    let chunked = [
        head("Transfer-Encoding: chunked\r\n"),
        b"3\r\nabc\r\n0\r\n\r\n".to_vec(),
    ];
    assert_eq!(answer(chunked.concat()), Ok(3));
    let cut = [head("Transfer-Encoding: chunked\r\n"), b"9\r\nabc".to_vec()];
    assert_eq!(answer(cut.concat()), Err(FailureKind::Failed));
    let short = [head("Content-Length: 9\r\n"), b"abc".to_vec()];
    assert_eq!(answer(short.concat()), Err(FailureKind::Failed));
    assert_eq!(
        answer(head(&"X: y\r\n".repeat(200))),
        Err(FailureKind::Failed)
    );
    let long = format!("X: {}\r\n", "y".repeat(80 << 10));
    assert_eq!(answer(head(&long)), Err(FailureKind::Limit));
    assert_eq!(
        answer(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
        Err(FailureKind::Failed)
    );
    assert_eq!(answer(Vec::new()), Err(FailureKind::Failed));
}

#[test]
fn nobody_there_is_a_failure_in_words() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let request = get(format!("http://server.test:{port}/"));
    let failure = outcome(&client(), &everywhere(), request).unwrap_err();
    assert_eq!(
        failure.message,
        format!("`http://server.test:{port}` accepts no connection")
    );
}

#[test]
fn certificates_are_verified() {
    let ask = |name: &str, year: i32, trusted: bool| {
        let (address, root) = serve_tls(name, year);
        let tls = Tls::with_roots(trusted.then_some(root).into_iter().chain([any_root()]));
        let url = format!("https://server.test:{}/", address.port());
        outcome(
            &HttpClient::new(loopback(), tls.clone()),
            &everywhere(),
            get(url),
        )
        .map_err(|failure| failure.to_string())
    };
    let (status, seen) = ask("server.test", 2100, true).unwrap();
    assert_eq!(status, 200);
    assert!(seen.starts_with("GET / HTTP/1.1"));
    for (name, year, trusted, words) in [
        ("other.test", 2100, true, "not valid for name"),
        ("server.test", 2001, true, "expired"),
        ("server.test", 2100, false, "UnknownIssuer"),
    ] {
        let failure = ask(name, year, trusted).unwrap_err();
        assert!(failure.contains(words), "{failure}");
    }
}

#[test]
fn https_does_not_become_http() {
    let outgoing = |url: &str| Outgoing::read(get(url), 0).unwrap();
    let failure = outgoing("https://server.test/")
        .follow(302, "http://server.test/")
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(
        outgoing("http://server.test/")
            .follow(302, "https://server.test/")
            .is_ok()
    );
}

#[test]
fn connections_are_used_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let address = serve(move |mut stream| {
        count.fetch_add(1, SeqCst);
        while read_request(&mut stream).ends_with("\r\n\r\n") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let client = client();
    for _ in 0..5 {
        outcome(&client, &everywhere(), get(format!("http://{address}/"))).unwrap();
    }
    assert_eq!(connections.load(SeqCst), 1);
    assert!(address.ip() == Ipv4Addr::LOCALHOST);
}
