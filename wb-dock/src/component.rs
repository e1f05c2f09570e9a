//! What a component can import, one file an interface: the world functions, the typed
//! capabilities and WASI 0.2.
//!
//! The checks are those of core modules: both call the same operations.

use wasmtime::Engine;
use wasmtime::component::Linker;
use wb_policy::CapSet;

use crate::guest::Guest;

mod wasi;
mod world;

/// A linker with the ambient interfaces and those that `caps` grant.
pub(crate) fn linker(engine: &Engine, caps: CapSet) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    world::add_to_linker(&mut linker, caps)?;
    Ok(linker)
}
