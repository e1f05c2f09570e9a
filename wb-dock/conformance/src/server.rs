//! Servers on loopback, and names that lead where a case says.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use wb_dock::cap::Failure;
use wb_services::Resolver;

use crate::case::Finding;

/// Answers every connection on a thread of its own, until the process ends.
pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// A server that does `each` with its connections.
    pub(crate) fn new(each: impl Fn(TcpStream) + Send + Sync + 'static) -> Result<Self, Finding> {
        let no_server = |error: std::io::Error| {
            Finding::skipped(format!("no server on loopback: {}", error.kind()))
        };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(no_server)?;
        let port = listener.local_addr().map_err(no_server)?.port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (each, counter) = (Arc::new(each), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let each = Arc::clone(&each);
                thread::spawn(move || each(stream));
            }
        });
        Ok(Self { port, connections })
    }

    /// A server that answers each request with what `answer` makes of it.
    pub(crate) fn http(
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Result<Self, Finding> {
        Self::new(move |mut stream| {
            let request = read_request(&mut stream);
            // The guest sees a failure if this is not sent.
            let _ = stream.write_all(answer(&request).as_bytes());
        })
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A response with `fields` (each with its line end) and `body`.
pub(crate) fn response(status: u16, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Words\r\n{fields}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// A request up to the end of its body.
fn read_request(stream: &mut impl Read) -> String {
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
        .and_then(|length| length.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).is_ok() {
        read.extend(body);
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// A resolver that answers from a list, with another answer each time if there are several.
pub(crate) struct Names(Mutex<BTreeMap<&'static str, Vec<Vec<IpAddr>>>>);

impl Names {
    /// The names with their answers: addresses with `,` between them, answers with `;`.
    pub(crate) fn new(names: &[(&'static str, &str)]) -> Arc<Self> {
        let addresses = |list: &str| list.split(',').filter_map(|a| a.parse().ok()).collect();
        let names = names
            .iter()
            .map(|(name, answers)| (*name, answers.split(';').map(addresses).collect()));
        Arc::new(Self(Mutex::new(names.collect())))
    }
}

impl Resolver for Names {
    fn resolve(&self, host: &str, _: Duration) -> Result<Vec<IpAddr>, Failure> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = names
            .get_mut(host)
            .ok_or_else(|| Failure::failed(format!("`{host}` cannot be resolved")))?;
        Ok(match answers.len() {
            1 => answers[0].clone(),
            _ => answers.remove(0),
        })
    }
}
