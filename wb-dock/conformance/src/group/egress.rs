//! Addresses that no guest must reach, in every spelling that got past somebody's check.

use std::sync::Arc;

use wb_dock::Services;
use wb_services::{Egress, Vault};

use super::granted;
use crate::case::{Case, Finding, Verdict, holds, same};
use crate::host::Host;
use crate::script::{Answer, calls};
use crate::server::{Names, Server, response};

/// What a name is, then a URL that must not be requested.
const VECTORS: [(&str, &str); 46] = [
    ("loopback", "http://127.0.0.1/"),
    ("loopback-name", "http://localhost/"),
    ("loopback-name-with-dot", "http://LOCALHOST./"),
    ("loopback-trailing-dot", "http://127.0.0.1./"),
    ("loopback-short", "http://127.1/"),
    ("loopback-decimal", "http://2130706433/"),
    ("loopback-hex", "http://0x7f000001/"),
    ("loopback-hex-parts", "http://0x7f.0x0.0x0.0x1/"),
    ("loopback-octal", "http://0177.0.0.1/"),
    ("loopback-octal-whole", "http://017700000001/"),
    ("loopback-percent", "http://%31%32%37.0.0.1/"),
    (
        "loopback-circled",
        "http://\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}/",
    ),
    (
        "loopback-ideographic-stops",
        "http://127\u{3002}0\u{3002}0\u{3002}1/",
    ),
    ("loopback-6", "http://[::1]/"),
    ("loopback-by-a-public-name", "http://loopback.example/"),
    ("unspecified", "http://0.0.0.0/"),
    ("unspecified-short", "http://0/"),
    ("unspecified-6", "http://[::]/"),
    ("private-10", "http://10.0.0.1/"),
    ("private-172", "http://172.16.0.1/"),
    ("private-192", "http://192.168.0.1/"),
    ("private-by-name", "http://private.example/"),
    ("one-private-of-two", "http://one-of-two.example/"),
    ("unique-local", "http://[fd00::1]/"),
    ("link-local-6", "http://[fe80::1]/"),
    ("metadata", "http://169.254.169.254/latest/meta-data/"),
    ("metadata-decimal", "http://2852039166/"),
    ("metadata-hex", "http://0xa9fea9fe/"),
    ("metadata-octal", "http://0251.0376.0251.0376/"),
    ("metadata-by-name", "http://metadata.example/"),
    ("metadata-azure", "http://168.63.129.16/"),
    ("metadata-alibaba", "http://100.100.100.200/"),
    ("metadata-6", "http://[fd00:ec2::254]/"),
    ("mapped", "http://[::ffff:127.0.0.1]/"),
    ("mapped-hex", "http://[::ffff:7f00:1]/"),
    ("mapped-by-name", "http://mapped.example/"),
    ("compatible", "http://[::127.0.0.1]/"),
    ("nat64", "http://[64:ff9b::127.0.0.1]/"),
    ("nat64-by-name", "http://nat64.example/"),
    ("6to4", "http://[2002:7f00:1::]/"),
    ("multicast", "http://224.0.0.1/"),
    ("broadcast", "http://255.255.255.255/"),
    ("backslashes", "http:\\\\127.0.0.1\\"),
    ("backslash-before-at", "https://good.example\\@127.0.0.1/"),
    ("empty-authority", "http:///127.0.0.1/"),
    ("userinfo", "http://good.example@127.0.0.1/"),
];

/// Where a redirect must not lead.
const REDIRECTS: [(&str, &str); 9] = [
    ("loopback", "http://127.0.0.2/"),
    ("loopback-6", "http://[::1]/"),
    ("loopback-hex", "http://0x7f000002/"),
    ("mapped", "http://[::ffff:127.0.0.2]/"),
    ("private-without-scheme", "//10.0.0.1/"),
    ("private-by-name", "http://private.example/"),
    ("metadata", "http://169.254.169.254/latest/meta-data/"),
    ("file", "file:///etc/passwd"),
    ("userinfo", "http://good.example@127.0.0.2/"),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = VECTORS
        .into_iter()
        .map(|(name, url)| {
            let about = format!(
                "`{}` is refused before anything is sent",
                url.escape_debug()
            );
            Case::new("egress", name, about, move |host| {
                let services = network(host, Egress::public().resolver(names()));
                is_refused(&request(host, &services, url)?)
            })
        })
        .collect();
    cases.extend(REDIRECTS.into_iter().map(|(name, location)| {
        let about = format!("a redirect to `{location}` is not followed");
        Case::new(
            "egress",
            format_args!("redirect-{name}"),
            about,
            move |host| redirect(host, location),
        )
    }));
    cases.extend([
        Case::new(
            "egress",
            "rebinding",
            "a name is resolved once a request, and each answer is judged",
            rebinding,
        ),
        Case::new(
            "egress",
            "what-is-permitted-works",
            "a permitted address is reached: the cases before are no accident",
            permitted,
        ),
        Case::new(
            "egress",
            "allow-list",
            "a grant that names one origin reaches no other",
            allow_list,
        ),
        Case::new(
            "egress",
            "head-injection",
            "a header field with a line end, or that frames the message, is refused",
            injection,
        ),
    ]);
    cases
}

fn names() -> Arc<Names> {
    Names::new(&[
        ("localhost", "127.0.0.1,::1"),
        ("good.example", "93.184.215.14"),
        ("loopback.example", "127.0.0.1"),
        ("private.example", "10.0.0.1"),
        ("one-of-two.example", "93.184.215.14,192.168.1.1"),
        ("metadata.example", "169.254.169.254"),
        ("mapped.example", "::ffff:127.0.0.1"),
        ("nat64.example", "64:ff9b::7f00:1"),
        ("server.test", "127.0.0.1"),
        ("other.test", "127.0.0.1"),
        ("rebinding.test", "127.0.0.1;10.0.0.1"),
    ])
}

fn network(host: &dyn Host, egress: Egress) -> Services {
    Services::default().net(host.net(egress, Arc::new(Vault::in_memory())))
}

/// To servers of the suite, and to nothing else that is not public.
fn local(host: &dyn Host) -> Result<Services, Finding> {
    let egress = Egress::public().allow(only_loopback()?).resolver(names());
    Ok(network(host, egress))
}

/// The one address of the servers of the suite.
pub(crate) fn only_loopback() -> Result<wb_services::Network, Finding> {
    let address = "127.0.0.1".parse();
    address.map_err(|_| Finding::failed("a network", "127.0.0.1"))
}

fn request(host: &dyn Host, services: &Services, url: &str) -> Result<Answer, Finding> {
    let head = serde_json::json!({ "url": url, "timeout_ms": 2000 }).to_string();
    let script = calls! { "wb:net" request(head, ""); };
    let mut answers = script.run(host, &granted(|_| {}), services)?;
    answers
        .pop()
        .ok_or_else(|| Finding::failed("an answer", "none"))
}

/// Refused by policy, or as no request at all.
fn is_refused(answer: &Answer) -> Verdict {
    let seen = format!("{} {}", answer.number, answer.message);
    holds(
        matches!(answer.number, -3 | -4),
        "a refusal (-3 or -4)",
        seen,
    )
}

fn redirect(host: &dyn Host, location: &'static str) -> Verdict {
    let field = format!("Location: {location}\r\n");
    let server = Server::http(move |_| response(307, &field, ""))?;
    let url = format!("http://server.test:{}/", server.port);
    let answer = request(host, &local(host)?, &url)?;
    let seen = format!("{} {}", answer.number, answer.message);
    // A place that is none makes the answer of the server a bad one.
    holds(matches!(answer.number, -5..=-3), "a refusal", &seen)?;
    same("connections to the first server", 1, server.connections())
}

fn rebinding(host: &dyn Host) -> Verdict {
    let server = Server::http(|_| response(200, "", "inside"))?;
    let services = local(host)?;
    let url = format!("http://rebinding.test:{}/", server.port);
    same(
        "the first status",
        200,
        request(host, &services, &url)?.number,
    )?;
    // The second answer of the name leads inside.
    is_refused(&request(host, &services, &url)?)
}

fn permitted(host: &dyn Host) -> Verdict {
    let server = Server::http(|_| response(200, "", "hello"))?;
    let services = local(host)?;
    let url = format!("http://server.test:{}/", server.port);
    let answer = request(host, &services, &url)?;
    same(
        "status and body",
        (200, "hello".to_owned()),
        (answer.number, answer.text()),
    )
}

fn allow_list(host: &dyn Host) -> Verdict {
    let server = Server::http(|_| response(200, "", "hello"))?;
    let port = server.port;
    let scopes = format!(r#"{{"net":["http://server.test:{port}"]}}"#);
    let scopes = serde_json::from_str(&scopes)
        .map_err(|error| Finding::failed("a scope", error.to_string()))?;
    let head = |url: &str| serde_json::json!({ "url": url }).to_string();
    let script = calls! {
        "wb:net" request(head(&format!("http://server.test:{port}/")), "");
        "wb:net" request(head(&format!("http://other.test:{port}/")), "");
        "wb:net" request(head(&format!("https://server.test:{port}/")), "");
        "wb:net" request(head("http://server.test/"), "");
    };
    let grant = granted(|_| {}).narrow_scopes(&scopes);
    let answers = script.run(host, &grant, &local(host)?)?;
    let numbers: Vec<i32> = answers.iter().map(|answer| answer.number).collect();
    same("the answers", vec![200, -3, -3, -3], numbers)
}

fn injection(host: &dyn Host) -> Verdict {
    let server = Server::http(|_| response(200, "", ""))?;
    let services = local(host)?;
    let url = format!("http://server.test:{}/", server.port);
    for (name, value) in [
        ("a", "b\r\nc: d"),
        ("a\r\nb", "c"),
        ("host", "other.test"),
        ("transfer-encoding", "chunked"),
        ("content-length", "7"),
        ("connection", "upgrade"),
    ] {
        let head = serde_json::json!({ "url": url, "headers": [[name, value]] }).to_string();
        let script = calls! { "wb:net" request(head, ""); };
        for answer in script.run(host, &granted(|_| {}), &services)? {
            is_refused(&answer)?;
        }
    }
    same("connections", 0, server.connections())
}
