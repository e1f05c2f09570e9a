//! The capabilities: what a host may put behind the Dock, one file each.
//!
//! Each file has the trait that a host fills and the data that passes through it,
//! then the checked operations, and last how a core module calls them; how a component
//! does is in the file `component` beside it.
//! Whether a guest may ask at all, and how far, is settled before a trait is called:
//! by the grant, its scopes, the budget and revocation. A service decides the rest,
//! and keeps tenants apart by [`Principal::session`].
//!
//! Services are called on the stack of the guest, of which the host has 1 MiB, and
//! must return by [`Principal::time_left`]: a guest that waits cannot be stopped
//! before, and is stopped as soon as the service returns.

pub(crate) mod browse;
pub(crate) mod child;
pub(crate) mod commands;
pub(crate) mod exec;
mod failure;
pub(crate) mod kv;
pub(crate) mod llm;
pub(crate) mod net;
pub(crate) mod parallel;
mod principal;
pub(crate) mod queue;
mod revocations;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod sockets;
pub(crate) mod vfs;

pub use browse::{Browse, Link, Page};
pub use child::Ran;
pub use commands::{Cage, Code, Commands, Elsewhere, Resolved};
pub use failure::{Failure, FailureKind};
pub use kv::Kv;
pub use llm::{Completion, Llm, Message, Prompt, Role, Tokens};
pub use net::{Net, Request, Response, Timeouts};
pub use principal::Principal;
pub use queue::Queue;
pub use revocations::Revocations;
pub use secrets::Secrets;
pub use session::Session;
pub use sockets::{Connection, Datagrams, Sockets};
pub use vfs::{Entry, Rows, Value, Vfs};
