//! How core modules call the Dock: arguments in their memory, a number as the result,
//! and the rest of the answer through `wb:reply`.
//!
//! The functions themselves are in [`cap`](crate::cap), one file a capability, each
//! beside the checked operation that it calls.

use wasmtime::{Caller, Engine, Linker};
use wb_policy::{Cap, CapSet};

use crate::cap::{self, Failure};
use crate::client::{Client, Refusal};
use crate::guest::Guest;
use crate::wasi;

mod args;
mod frames;
mod reply;

pub(crate) use args::{Arguments, items, strings};
pub(crate) use reply::{Answer, count, status};

/// Adds the functions of one import module.
type Link = fn(&mut Linker<Guest>) -> wasmtime::Result<()>;

/// What each capability links.
const MODULES: &[(Cap, Link)] = &[
    (Cap::Vfs, cap::vfs::link),
    (Cap::Commands, cap::commands::link),
    (Cap::Exec, cap::exec::link),
    (Cap::Kv, cap::kv::link),
    (Cap::Secrets, cap::secrets::link),
    (Cap::Queue, cap::queue::link),
    (Cap::Tcp, cap::sockets::link_tcp),
    (Cap::Udp, cap::sockets::link_udp),
    (Cap::Tls, cap::sockets::link_tls),
    (Cap::Net, cap::net::link),
    (Cap::Llm, cap::llm::link),
    (Cap::Browse, cap::browse::link),
    (Cap::Parallel, cap::parallel::link),
    (Cap::Frames, frames::link),
];

/// A linker with the ambient functions and those that `caps` grant.
pub(crate) fn linker(engine: &Engine, caps: CapSet) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    reply::link(&mut linker)?;
    cap::session::link(&mut linker)?;
    for (_, link) in MODULES.iter().filter(|(cap, _)| caps.contains(*cap)) {
        link(&mut linker)?;
    }
    Ok(linker)
}

/// Answers one call of a core module: reads its arguments, has the checked operation
/// done and keeps what the guest fetches afterwards.
pub(crate) fn answer<'c, A>(
    caller: &'c mut Caller<'_, Guest>,
    read: impl FnOnce(Arguments<'c>) -> Result<A, Failure>,
    ask: impl FnOnce(&mut Client, A) -> Result<Answer, Refusal>,
) -> wasmtime::Result<i32> {
    let (memory, guest) = Guest::split(caller)?;
    let Guest { client, reply, .. } = guest;
    // The old answer goes first: two at a time would take twice the memory.
    *reply = Answer::default();
    let answer = match read(Arguments::new(memory.0)) {
        Ok(arguments) => ask(client, arguments),
        // Not even asked, but a call all the same.
        Err(wrong) => match client.ambient_call() {
            Ok(()) => Err(wrong.into()),
            Err(stop) => Err(stop.into()),
        },
    };
    *reply = match answer {
        Ok(answer) => answer,
        Err(Refusal::Failed(failure)) => Answer::failed(failure),
        Err(Refusal::Stop(stop)) => return Err(stop.into()),
    };
    Ok(reply.number())
}
