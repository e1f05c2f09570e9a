//! The capabilities: what a host may put behind the Dock, one file each.
//!
//! Each file has the trait that a host fills and the data that passes through it.
//! Whether a guest may ask at all, and how far, is settled before a trait is called:
//! by the grant, its scopes, the budget and revocation. A service decides the rest,
//! and keeps tenants apart by [`Principal::session`].
//!
//! Services are called on the stack of the guest, of which the host has 1 MiB, and
//! must return by [`Principal::time_left`]: a guest that waits cannot be stopped.

mod browse;
mod failure;
mod kv;
mod llm;
mod net;
mod principal;
mod queue;
mod secrets;
mod sockets;
mod vfs;

pub use browse::{Browse, Link, Page};
pub use failure::{Failure, FailureKind};
pub use kv::Kv;
pub use llm::{Completion, Llm, Message, Prompt, Role, Tokens};
pub use net::{Net, Request, Response};
pub use principal::Principal;
pub use queue::Queue;
pub use secrets::Secrets;
pub use sockets::{Connection, Datagrams, Sockets};
pub use vfs::{Entry, Rows, Value, Vfs};
