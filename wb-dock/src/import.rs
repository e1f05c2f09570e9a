//! The functions of the Dock that a guest can import, one file a module.

use wasmtime::{Engine, Linker};
use wb_policy::CapSet;

use crate::guest::Guest;
use crate::wasi;

/// A linker with the ambient functions and those that `caps` grant.
pub(crate) fn linker(engine: &Engine, _caps: CapSet) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    Ok(linker)
}
