//! Servers on loopback that answer by a script, on threads that end with the tests.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use wb_dock::cap::Failure;
use wb_services::Resolver;

/// What the webhook wants to be shown.
pub(crate) const TOKEN: &str = "token of the webhook";

/// What the model wants to be shown.
pub(crate) const MODEL_KEY: &str = "key to the model";

/// Every name that ends in `.test` is this machine.
pub(crate) struct Names;

impl Resolver for Names {
    fn resolve(&self, host: &str, _: Duration) -> Result<Vec<IpAddr>, Failure> {
        if host.rsplit('.').next() == Some("test") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        Err(Failure::failed(format!("`{host}` cannot be resolved")))
    }
}

/// Runs `each` with every connection; the port.
fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = each.clone();
            thread::spawn(move || each(stream));
        }
    });
    port
}

/// A request over HTTP/1.1.
struct Request {
    /// Method and path.
    line: String,
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn read(from: &mut impl Read) -> Self {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && from.read(&mut byte).is_ok_and(|read| read == 1) {
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let line = head.rsplit_once(" HTTP/").map_or("", |(line, _)| line);
        let mut request = Self {
            line: line.to_owned(),
            body: Vec::new(),
            head,
        };
        let length = request.field("content-length").parse().unwrap_or(0);
        request.body.resize(length, 0);
        from.read_exact(&mut request.body).unwrap();
        request
    }

    /// The value of a header field, or nothing.
    fn field(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = fields.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.next().map_or("", |(_, value)| value)
    }
}

/// A response with its length; `fields` end with line breaks.
fn response(status: u16, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Words\r\n{fields}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

const PAGE: &str = "<!doctype html><title>The gardens of Zoë</title><style>p { color: red }</style>\
    <script>document.write('no')</script><h1>Welcome</h1><p>Open from <b>nine</b>\n to five.\
    <p><a href=/moved>The way</a>, <a href='https://example.org/?a=1&amp;b=2'>friends</a>";

/// A web site: pages, a receiver of messages.
pub(crate) fn web() -> u16 {
    serve(|mut stream| {
        let request = Request::read(&mut stream);
        let html = "Content-Type: text/html; charset=utf-8\r\n";
        let answer = match request.line.as_str() {
            "GET /page" => response(200, html, PAGE),
            "HEAD /page" => response(200, html, ""),
            "HEAD /get-only" => response(405, "Allow: GET\r\n", ""),
            "GET /get-only" => response(200, html, "here"),
            "HEAD /moved" | "GET /moved" => response(301, "Location: /page\r\n", ""),
            "POST /hook" if request.field("authorization") == format!("Bearer {TOKEN}") => {
                // It repeats the token, as a careless receiver would.
                let (length, signed) = (request.body.len(), request.field("x-signature-256"));
                let said = format!("{length} bytes, {signed}, by {TOKEN}");
                response(202, "", &said)
            }
            "POST /hook" => response(401, "", "unknown token"),
            line if line.starts_with("HEAD") => response(404, html, ""),
            _ => response(404, html, "<title>Not found</title><p>Nothing is here."),
        };
        stream.write_all(&answer).unwrap();
    })
}

/// A model that speaks the format of chat completions and streams the question back.
pub(crate) fn model() -> u16 {
    serve(|mut stream| {
        let request = Request::read(&mut stream);
        if request.field("authorization") != format!("Bearer {MODEL_KEY}") {
            let _ = stream.write_all(&response(401, "", "{}"));
            return;
        }
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let content = body["messages"][0]["content"].as_str().unwrap();
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let said = format!("{} was asked: {content:?}", body["model"]);
        for word in said.split_inclusive(' ') {
            let delta = serde_json::json!({ "choices": [{ "delta": { "content": word } }] });
            stream
                .write_all(format!("data: {delta}\n\n").as_bytes())
                .unwrap();
        }
        if content != "Break off." {
            let end = serde_json::json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
            let end = format!("data: {end}\n\ndata: [DONE]\n\n");
            stream.write_all(end.as_bytes()).unwrap();
        }
    })
}

/// A server of mail that greets in two parts.
pub(crate) fn mail() -> u16 {
    serve(|mut stream| {
        for part in ["220 mail.test ", "ESMTP ready\r\n"] {
            // A client may have heard enough.
            if stream.write_all(part.as_bytes()).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    })
}

/// A web server over TLS, and the root that vouches for its certificate for `name`.
pub(crate) fn secure(name: &str) -> (u16, Vec<u8>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(2500, 1, 1);
    let certificate = params.signed_by(&key, &root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let config = Arc::new(config);
    let port = serve(move |stream| {
        let session = rustls::ServerConnection::new(config.clone()).unwrap();
        let mut stream = rustls::StreamOwned::new(session, stream);
        let request = Request::read(&mut stream);
        // A client that does not trust the certificate has gone by now.
        let said = format!("HTTP/1.0 200 for {}\r\n\r\n", request.line);
        let _ = stream.write_all(said.as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    (port, root.der().to_vec())
}

/// A name server that knows `www.example.org`; RFC 1035 section 4.
pub(crate) fn names() -> u16 {
    /// The name in the question, which begins after the header.
    const ASKED: [u8; 2] = [0xc0, 12];
    let byte = |number: usize| u8::try_from(number).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut question) {
            let question = &question[..length];
            let kind = question[length - 3];
            let label = |name: &str| [&[byte(name.len())], name.as_bytes()].concat();
            let known = question[12..].starts_with(&label("www"));
            let data: Vec<Vec<u8>> = match kind {
                _ if !known => Vec::new(),
                1 => vec![vec![192, 0, 2, 1], vec![192, 0, 2, 2]],
                // `mail`, and then what follows `www` in the question.
                15 => vec![[&[0, 10][..], &label("mail"), &[0xc0, 16]].concat()],
                16 => vec![label("v=spf1 \"-all\"")],
                28 => vec![[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].to_vec()],
                _ => Vec::new(),
            };
            let code = if known { 0 } else { 3 };
            let count = byte(data.len());
            let mut answer = question.to_vec();
            answer[2..12].copy_from_slice(&[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
            for data in data {
                let life = 300_u32.to_be_bytes();
                answer
                    .extend([&ASKED[..], &[0, kind, 0, 1], &life, &[0, byte(data.len())]].concat());
                answer.extend(data);
            }
            socket.send_to(&answer, peer).unwrap();
        }
    });
    port
}

/// Sends datagrams back.
pub(crate) fn echo() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut message = [0; 2048];
        while let Ok((length, peer)) = socket.recv_from(&mut message) {
            socket.send_to(&message[..length], peer).unwrap();
        }
    });
    port
}
