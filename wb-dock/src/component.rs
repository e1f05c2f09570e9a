//! What a component can import: WASI 0.2, the world functions and the typed interfaces
//! of the capabilities.
//!
//! The last are in [`cap`](crate::cap), one file a capability, each beside the checked
//! operations that it calls; those of core modules call the same.

use wasmtime::Engine;
use wasmtime::component::Linker;
use wb_policy::{Cap, CapSet};

use crate::cap;
use crate::guest::Guest;

pub(crate) mod typed;
mod wasi;
mod world;

/// Adds the functions of one interface.
type Link = fn(&mut Linker<Guest>) -> wasmtime::Result<()>;

/// What each capability links.
const INTERFACES: &[(Cap, Link)] = &[
    (Cap::Vfs, cap::vfs::component::link),
    (Cap::Commands, cap::commands::component::link),
    (Cap::Exec, cap::exec::component::link),
    (Cap::Kv, cap::kv::component::link),
    (Cap::Secrets, cap::secrets::component::link),
    (Cap::Queue, cap::queue::component::link),
    (Cap::Tcp, cap::sockets::component::link_tcp),
    (Cap::Udp, cap::sockets::component::link_udp),
    (Cap::Tls, cap::sockets::component::link_tls),
    (Cap::Net, cap::net::component::link),
    (Cap::Llm, cap::llm::component::link),
    (Cap::Browse, cap::browse::component::link),
    (Cap::Parallel, cap::parallel::component::link),
];

/// A linker with the ambient interfaces and those that `caps` grant.
pub(crate) fn linker(engine: &Engine, caps: CapSet) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    world::add_to_linker(&mut linker, caps)?;
    // Types alone: there is nothing in it to be called, but it has to be there.
    linker.instance(&typed::interface("types"))?;
    cap::session::component::link(&mut linker)?;
    if caps.contains(Cap::Net) || caps.contains(Cap::Browse) {
        wasi::http::add_to_linker(&mut linker)?;
    }
    for (_, link) in INTERFACES.iter().filter(|(cap, _)| caps.contains(*cap)) {
        link(&mut linker)?;
    }
    Ok(linker)
}
