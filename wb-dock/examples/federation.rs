//! Federation: a live source as rows. The manifest says all about it, the host sends
//! the request, and the key is in no hand but the host's.
//!
//! `cargo run -p wb-dock --example federation`

#![allow(clippy::print_stdout, reason = "an example of a front end")]

use bytes::Bytes;
use wb_registry::federation::{Broker, FederationError, JsonSource, Provider, Request};

const MANIFEST: &str = "\
#+TITLE: Issues
#+TOOLKIT: issues
#+EXEC: federation
#+URL: https://api.example.org/v2/issues?state=open
#+ROWS_PATH: data.items
#+ENV_KEYS: ISSUES_TOKEN
#+ENTITIES: issue
* Issues :toolkit:
";

/// A deployer's broker: it holds the key, and knows where it may be sent. This one has
/// the answers itself where a real one asks the network, by `wb_services::HttpClient`.
struct Scripted {
    key: &'static str,
    may_go_to: &'static str,
}

impl Broker for Scripted {
    fn send(&self, request: &Request) -> Result<Bytes, String> {
        let url = request.url.as_str();
        println!("GET {url}");
        for (name, value) in &request.headers {
            println!("  {name}: {value}");
            let is_secret = value.contains("{{secret:");
            if is_secret && !url.starts_with(self.may_go_to) {
                return Err(format!("the secret must not be sent to `{url}`"));
            }
        }
        // Here the template would be filled in, where nobody else can see it.
        println!("  ({} bytes of key filled in)", self.key.len());
        Ok(Bytes::from_static(
            br#"{"data": {"items": [
                {"id": 7, "title": "A frame is dropped", "open": true},
                {"id": 9, "title": "Say what the limit was", "open": true}]}}"#,
        ))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let reading = wb_manifest::read(MANIFEST.as_bytes());
    let issues = JsonSource::declared(reading.manifest())?;
    let broker = Scripted {
        key: "0123456789abcdef",
        may_go_to: "https://api.example.org/",
    };
    for entity in issues.entities() {
        for row in issues.rows(entity, &broker)? {
            println!("{entity} {}: {}", row["id"], row["title"]);
        }
    }

    // What goes wrong says whose fault it is.
    let elsewhere = Scripted {
        may_go_to: "https://intranet.example/",
        ..broker
    };
    let faults: [Result<_, FederationError>; 3] = [
        issues.rows("issue", &elsewhere),
        issues.rows("pull-request", &broker),
        issues.read(br#"{"data": {"error": "over quota"}}"#),
    ];
    for fault in faults {
        if let Err(error) = fault {
            println!("{}: {error}", error.code());
        }
    }
    Ok(())
}
