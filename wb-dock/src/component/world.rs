//! The functions of the worlds `workbooks:engine`: text in, text out.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wb_policy::CapSet;

use crate::guest::Guest;
use crate::import::{args, session};

pub(super) fn add_to_linker(linker: &mut Linker<Guest>, _caps: CapSet) -> wasmtime::Result<()> {
    let mut root = linker.root();
    root.func_wrap(
        "session-info",
        |mut store: StoreContextMut<'_, Guest>, ()| {
            let guest = store.data_mut();
            args::begin(guest)?;
            Ok((session::info_json(guest),))
        },
    )?;
    Ok(())
}
