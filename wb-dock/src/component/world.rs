//! The functions of the worlds `workbooks:engine`: text in, text out.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wb_policy::CapSet;

use crate::cap::session;
use crate::guest::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>, _caps: CapSet) -> wasmtime::Result<()> {
    let mut root = linker.root();
    root.func_wrap(
        "session-info",
        |mut store: StoreContextMut<'_, Guest>, ()| {
            let info = session::info(&store.data_mut().client)?;
            Ok((info,))
        },
    )?;
    Ok(())
}
