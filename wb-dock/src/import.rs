//! The functions of the Dock that a guest can import, one file a module.
//!
//! Results of a call stay with the host until the guest's next call, and are
//! fetched through `wb:reply`. A call returns 0 or more when it worked and one of
//! [`Status`] when it did not; the message then is in stream 0.

use wasmtime::{Engine, Linker};
use wb_policy::{Cap, CapSet};

use crate::guest::Guest;
use crate::wasi;

pub(crate) mod args;
mod commands;
mod nested;
mod parallel;
mod reply;
pub(crate) mod session;

pub(crate) use reply::Reply;

/// Why a Dock call failed, as the guest sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Status {
    /// There is no command of this name.
    NoSuchCommand = -1,
    /// Runs are nested deeper than allowed.
    TooDeep = -2,
    /// Policy forbids it.
    Refused = -3,
    /// Pointers, UTF-8 or encoding are wrong.
    BadRequest = -4,
    /// The child crashed, or could not be started.
    ChildFailed = -5,
    /// The child reached a limit.
    ChildLimit = -6,
}

/// A length or a count as a call returns it. Nothing larger than a budget gets
/// here, but if it did, it would read as the largest there is and not as an error.
fn length(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A linker with the ambient functions and those that `caps` grant.
pub(crate) fn linker(engine: &Engine, caps: CapSet) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    reply::add_to_linker(&mut linker)?;
    session::add_to_linker(&mut linker)?;
    if caps.contains(Cap::Commands) {
        commands::add_to_linker(&mut linker)?;
    }
    if caps.contains(Cap::Parallel) {
        parallel::add_to_linker(&mut linker)?;
    }
    Ok(linker)
}
