//! Each capability, from a core module to a small service and back.

mod browse;
mod exec;
mod kv;
mod llm;
mod net;
mod queue;
mod rules;
mod secrets;
mod sockets;
mod vfs;

use wb_dock::Grant;
use wb_policy::{Cap, Scopes};

use crate::support::granting;

/// A grant of `cap`, narrowed by scopes as they are written in JSON.
fn scoped(cap: Cap, scopes: &str) -> Grant {
    let scopes: Scopes = serde_json::from_str(scopes).unwrap();
    granting(&[cap]).narrow_scopes(&scopes)
}
