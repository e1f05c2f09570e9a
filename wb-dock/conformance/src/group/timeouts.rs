//! Services and servers that keep a guest waiting.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use wb_dock::Services;
use wb_dock::cap::{Failure, Kv, Principal};
use wb_services::{Egress, Vault};

use super::limits::on_time;
use super::{egress, still_works};
use crate::case::{Case, Verdict};
use crate::host::Host;
use crate::script::{Script, calls};
use crate::server::{Names, Server};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "timeouts",
            "service-that-waits",
            "a guest whose service has no answer in time ends at its deadline",
            |host| {
                let script = calls! { "wb:kv" get("a"); "wb:kv" get("a"); };
                let services = Services::default().kv(Arc::new(Waits));
                on_time(host, &script.wasm(), &services)?;
                still_works(host)
            },
        ),
        Case::new(
            "timeouts",
            "silent-server",
            "a guest ends at its deadline though the server says nothing",
            |host| {
                let server = Server::new(|stream| {
                    thread::sleep(Duration::from_secs(10));
                    drop(stream);
                })?;
                fetches(host, server.port)
            },
        ),
        Case::new(
            "timeouts",
            "slow-loris-head",
            "a guest ends at its deadline though the head of a response comes byte by byte",
            |host| {
                let server = drips(b"HTTP/1.1 200 OK\r\nX-A: ")?;
                fetches(host, server.port)
            },
        ),
        Case::new(
            "timeouts",
            "slow-loris-body",
            "a guest ends at its deadline though the body of a response comes byte by byte",
            |host| {
                let server = drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
                fetches(host, server.port)
            },
        ),
    ]
}

/// Has no answer before the run's time is over.
struct Waits;

impl Waits {
    fn wait<T>(who: &Principal<'_>) -> Result<T, Failure> {
        thread::sleep(who.time_left());
        Err(Failure::timed_out("nothing came"))
    }
}

impl Kv for Waits {
    fn get(&self, who: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        Self::wait(who)
    }

    fn put(&self, who: &Principal<'_>, _: &str, _: Bytes) -> Result<(), Failure> {
        Self::wait(who)
    }

    fn delete(&self, who: &Principal<'_>, _: &str) -> Result<bool, Failure> {
        Self::wait(who)
    }

    fn list(&self, who: &Principal<'_>, _: &str) -> Result<Vec<String>, Failure> {
        Self::wait(who)
    }
}

/// A server that sends `start` and then a byte at a time, for seconds.
fn drips(start: &'static [u8]) -> Result<Server, crate::case::Finding> {
    Server::new(move |mut stream| {
        let mut sent = stream.write_all(start);
        for _ in 0..500 {
            if sent.is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
            sent = stream.write_all(b"x");
        }
    })
}

/// That a guest which requests something of the server is stopped on time.
fn fetches(host: &dyn Host, port: u16) -> Verdict {
    let names = Names::new(&[("server.test", "127.0.0.1")]);
    let egress = Egress::public()
        .allow(egress::only_loopback()?)
        .resolver(names);
    let services = Services::default().net(host.net(egress, Arc::new(Vault::in_memory())));
    let head = format!(r#"{{"url":"http://server.test:{port}/"}}"#);
    let script: Script = calls! { "wb:net" request(head, ""); };
    on_time(host, &script.wasm(), &services)?;
    still_works(host)
}
