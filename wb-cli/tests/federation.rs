//! Rows of a data source, from a manifest and a secret to lines of JSON.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const TOKEN: &str = "token of the tracker";

/// A tracker of issues over TLS that wants to see the token; its port, and the root
/// that vouches for it, in PEM.
fn tracker() -> (u16, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let (status, body) = if head.contains(&format!("authorization: bearer {TOKEN}\r\n")) {
                // It repeats the token, as a careless source would.
                let items = r#"[{"id":1,"title":"Leaks"},{"id":2,"title":"TOKEN"}]"#;
                (
                    200,
                    format!(r#"{{"data":{{"items":{items}}}}}"#).replace("TOKEN", TOKEN),
                )
            } else {
                (401, "{}".to_owned())
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} Words\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            // A client that does not trust the certificate has gone by now.
            let _ = stream.write_all(answer.as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    let root = STANDARD.encode(root.der());
    let root = format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n");
    (port, root)
}

fn wbx(dir: &Path, args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wbx"))
        .args(args)
        .current_dir(dir)
        .env("WB_HOME", dir.join("home"))
        .env("WB_TOOLKITS_ROOT", dir.join("toolkits"))
        .env("SSL_CERT_FILE", dir.join("root.pem"))
        .env("NO_COLOR", "1")
        .env_remove("WB_OFFLINE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A verb that is refused does not read it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn rows_come_through_the_guard_with_a_credential_nobody_sees() {
    let (port, root) = tracker();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::create_dir_all(dir.join("toolkits/issues")).unwrap();
    fs::create_dir(dir.join("home")).unwrap();
    fs::write(dir.join("root.pem"), root).unwrap();
    let manifest = format!(
        "#+TITLE: Issues\n#+TOOLKIT: issues\n#+EXEC: federation\n#+CAPS: net secrets\n\
         #+URL: https://localhost:{port}/issues\n#+ROWS_PATH: data.items\n\
         #+ENV_KEYS: ISSUES_TOKEN\n#+ENTITIES: issue\n\n* Issues :toolkit:\n"
    );
    fs::write(dir.join("toolkits/issues/manifest.org"), manifest).unwrap();
    let rows = |args: &[&str]| {
        let asked = wbx(dir, &[&["toolkit", "rows", "issues"], args].concat(), "");
        let code = asked.status.code().unwrap();
        (code, text(&asked.stdout), text(&asked.stderr))
    };
    assert_eq!(rows(&[]), (0, "issue\n".to_owned(), String::new()));
    assert_eq!(rows(&["ticket"]).0, 4);
    assert_eq!(rows(&["--offline", "issue"]).0, 1);
    let (code, _, said) = rows(&["issue", "--profile", "minimal"]);
    assert_eq!(code, 126, "{said}");
    assert!(said.contains("needs `net`"), "{said}");

    let (code, _, said) = rows(&["issue"]);
    assert_eq!(code, 1);
    assert!(said.contains("ISSUES_TOKEN"), "no such secret yet: {said}");
    let host = format!("https://localhost:{port}");
    let set = ["secret", "set", "ISSUES_TOKEN", "--host", &host];
    let set = wbx(dir, &set, TOKEN);
    assert!(set.status.success(), "{}", text(&set.stderr));

    let (code, _, said) = rows(&["issue"]);
    assert_eq!(code, 1, "this machine is out of reach: {said}");
    assert!(said.contains("localhost"), "{said}");
    fs::write(
        dir.join("home/config.toml"),
        "[egress]\nhosts = [\"localhost\"]\n",
    )
    .unwrap();
    let (code, lines, said) = rows(&["issue"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        lines.starts_with("{\"id\":1,\"title\":\"Leaks\"}\n{\"id\":2,"),
        "{lines}"
    );
    assert!(!lines.contains(TOKEN), "{lines}");
    let (_, envelope, _) = rows(&["--json", "issue"]);
    let envelope: serde_json::Value = serde_json::from_str(&envelope).unwrap();
    assert_eq!(envelope["data"]["rows"][0]["title"], "Leaks", "{envelope}");
}
