//! Guests, servers and resolvers for the tests of this crate.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use wb_dock::cap::{Failure, Principal};
use wb_dock::{Grant, Session};
use wb_policy::{Budget, Cap, CapSet, Limits, Profile, Scopes, Trust};

use crate::{Egress, Resolver};

/// Who asks, with every capability of the network.
pub(crate) struct Guest {
    session: Session,
    grant: Grant,
}

impl Guest {
    pub(crate) fn new() -> Self {
        let caps = [
            Cap::Net,
            Cap::Browse,
            Cap::Llm,
            Cap::Tcp,
            Cap::Tls,
            Cap::Udp,
            Cap::Secrets,
        ];
        let (profile, caps) = (Profile::network(), CapSet::from_iter(caps));
        Self {
            session: Session::default(),
            grant: Grant::decide(caps, Trust::FirstParty, &profile, None).unwrap(),
        }
    }

    pub(crate) fn scoped(mut self, scopes: &str) -> Self {
        let scopes: Scopes = serde_json::from_str(scopes).unwrap();
        self.grant = self.grant.narrow_scopes(&scopes);
        self
    }

    pub(crate) fn with_caps(mut self, caps: &[Cap]) -> Self {
        self.grant = self.grant.narrow_caps(caps.iter().copied().collect());
        self
    }

    pub(crate) fn within(mut self, wall: Duration, egress: u64) -> Self {
        let limits = Limits {
            wall,
            egress,
            ..self.grant.limits()
        };
        self.grant = self.grant.narrow_limits(limits);
        self
    }

    pub(crate) fn grant(&self) -> Grant {
        self.grant.clone()
    }

    pub(crate) fn who(&self) -> Principal<'_> {
        let budget = Budget::new("guest", self.grant.limits());
        Principal::new(&self.session, "guest", &self.grant, budget)
    }
}

/// Answers from a list, and another answer each time if there are several.
pub(crate) struct Scripted(Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>);

impl Scripted {
    /// `name=address,address` answers in this order; `name=a;b` answers `a` first and then `b`.
    pub(crate) fn new(script: &[&str]) -> Arc<Self> {
        let entry = |line: &&str| {
            let (name, answers) = line.split_once('=').unwrap();
            let answer = |list: &str| list.split(',').map(|a| a.parse().unwrap()).collect();
            (name.to_owned(), answers.split(';').map(answer).collect())
        };
        Arc::new(Self(Mutex::new(script.iter().map(entry).collect())))
    }
}

impl Resolver for Scripted {
    fn resolve(&self, host: &str, _: Duration) -> Result<Vec<IpAddr>, Failure> {
        let mut names = self.0.lock().unwrap();
        let answers = names
            .get_mut(host)
            .ok_or_else(|| Failure::failed(format!("`{host}` cannot be resolved")))?;
        Ok(match answers.len() {
            1 => answers[0].clone(),
            _ => answers.remove(0),
        })
    }
}

/// A policy under which tests may talk to servers of their own.
pub(crate) fn loopback() -> Egress {
    Egress::public()
        .allow("127.0.0.0/8".parse().unwrap())
        .resolver(Scripted::new(&[
            "server.test=127.0.0.1",
            "other.test=127.0.0.1",
        ]))
}

/// Runs `each` with every connection, on threads that end with the tests.
pub(crate) fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = each.clone();
            thread::spawn(move || each(stream));
        }
    });
    address
}

/// Answers each connection's first request with what `answer` makes of it.
pub(crate) fn serve_http(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    serve(move |mut stream| {
        let request = read_request(&mut stream);
        let _ = stream.write_all(&answer(&request));
    })
}

/// A request up to the end of its body.
pub(crate) fn read_request(stream: &mut impl Read) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => read.push(byte[0]),
            _ => break,
        }
    }
    let head = String::from_utf8_lossy(&read).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    let _ = stream.read_exact(&mut body);
    read.extend(body);
    String::from_utf8_lossy(&read).into_owned()
}

/// A response with `body` and its length.
pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = ("Content-Length", &*body.len().to_string());
    let fields: Vec<String> = headers
        .iter()
        .chain([&("Connection", "close"), &length])
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let text = format!("HTTP/1.1 {status} Words\r\n{}\r\n", fields.concat());
    [text.as_bytes(), body].concat()
}

/// A server with a certificate for `name`, valid until `year`, and the root to trust.
pub(crate) fn serve_tls(name: &str, year: i32) -> (SocketAddr, Vec<u8>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
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
    let address = serve(move |stream| {
        let session = rustls::ServerConnection::new(config.clone()).unwrap();
        let mut stream = rustls::StreamOwned::new(session, stream);
        let request = read_request(&mut stream);
        let _ = stream.write_all(&response(200, &[], request.as_bytes()));
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    (address, root.der().to_vec())
}

/// Some root, so that TLS works where the machine has none.
pub(crate) fn any_root() -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "another root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    root.der().to_vec()
}
