use std::io::{self, Read};
use std::sync::Arc;

use wb_dock::cap::{Failure, Net, Principal, Request, Response};
use wb_policy::Cap;

use super::scoped;
use crate::script::{Arg, calls};
use crate::services::everything;
use crate::support::granting;

#[test]
fn a_request_goes_out_and_a_response_comes_back() {
    let head = r#"{"method":"POST","url":"https://a.example/x","headers":[["X-One","1"]],"timeout_ms":50}"#;
    let script = calls! { "wb:net" request(head, "body"); };
    let answers = script.run(&granting(&[Cap::Net]), &everything());
    assert_eq!((answers[0].number, answers[0].value()), (200, "body"));
    assert_eq!(
        String::from_utf8_lossy(&answers[0].second),
        r#"{"status":200,"url":"https://a.example/x","headers":[["x-method","POST"],["x-one","1"]]}"#
    );
}

#[test]
fn the_allow_list_is_of_origins() {
    let script = calls! {
        "wb:net" request(r#"{"url":"https://API.example.:443/x"}"#, "");
        "wb:net" request(r#"{"url":"https://api.example:8443"}"#, "");
        "wb:net" request(r#"{"url":"http://api.example"}"#, "");
        "wb:net" request(r#"{"url":"https://api.example.evil.org"}"#, "");
    };
    let grant = scoped(Cap::Net, r#"{"net":["https://api.example"]}"#);
    let answers = script.run(&grant, &everything());
    assert_eq!(answers[0].number, 200);
    let refused: Vec<_> = answers[1..]
        .iter()
        .map(super::super::script::Answer::failure)
        .collect();
    assert_eq!(
        refused,
        [
            (-3, "the grant does not reach `https://api.example:8443`"),
            (-3, "the grant does not reach `http://api.example`"),
            (
                -3,
                "the grant does not reach `https://api.example.evil.org`"
            ),
        ]
    );
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let heads = [
        r#"{"url":"https://good.org\\@evil.org"}"#,
        r#"{"url":"https://user:pass@evil.org"}"#,
        r#"{"url":"https://127.1"}"#,
        r#"{"url":"https://a.org/ x"}"#,
        r#"{"url":"https://a.org/\r\nHost: b"}"#,
        r#"{"url":"tcp://a.org:80"}"#,
        r#"{"url":"file:///etc/passwd"}"#,
        r#"{"url":"https://a.org","method":"GET / HTTP/1.1\r\n"}"#,
        r#"{"url":"https://a.org","method":""}"#,
        r#"{"url":"https://a.org","headers":[["a","b\r\nc: d"]]}"#,
        r#"{"url":"https://a.org","headers":[["a: b","c"]]}"#,
        r#"{"url":"https://a.org","headers":[["","c"]]}"#,
        r#"{"url":"https://a.org","redirects":21}"#,
        r#"{"url":"https://a.org","proxy":"http://b"}"#,
        r#"{"method":"GET"}"#,
        "",
    ];
    for head in heads {
        let script = calls! { "wb:net" request(head, ""); };
        let answers = script.run(&granting(&[Cap::Net]), &everything());
        assert_eq!(answers[0].failure().0, -4, "{head}: {answers:?}");
    }
}

#[test]
fn sizes_are_checked_both_ways() {
    let url = r#"{"url":"https://a.org"}"#;
    let script = calls! {
        "wb:net" request(url, Arg::Zeros(16 << 20));
        "wb:net" request(url, Arg::Zeros((16 << 20) + 1));
    };
    let answers = script.run(&granting(&[Cap::Net]), &everything());
    assert_eq!(answers[0].number, 200);
    let limit = (-6, "the body has 16777217 bytes, at most 16777216 allowed");
    assert_eq!(answers[1].failure(), limit);
}

/// Answers with bodies that break off.
struct Breaking(fn() -> io::Error);

impl Net for Breaking {
    fn send(&self, _: &Principal<'_>, request: Request) -> Result<Response, Failure> {
        Ok(Response {
            status: 200,
            url: request.url,
            headers: Vec::new(),
            body: Box::new(Breaking(self.0)),
        })
    }
}

impl Read for Breaking {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0())
    }
}

#[test]
fn what_a_service_says_of_a_body_that_broke_off_is_told() {
    let breaks: [(fn() -> io::Error, _); 3] = [
        (
            || io::Error::other(Failure::limit("more than it may be")),
            (-6, "more than it may be"),
        ),
        (
            || io::ErrorKind::ConnectionReset.into(),
            (-5, "the response broke off: connection reset"),
        ),
        (
            || io::ErrorKind::TimedOut.into(),
            (-8, "the response took too long"),
        ),
    ];
    for (error, told) in breaks {
        let script = calls! { "wb:net" request(r#"{"url":"https://a.example"}"#, ""); };
        let services = everything().net(Arc::new(Breaking(error)));
        let answers = script.run(&granting(&[Cap::Net]), &services);
        assert_eq!(answers[0].failure(), told);
    }
}
