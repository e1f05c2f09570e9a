//! `workbooks:dock/commands`.

use wasmtime::component::Linker;

use crate::cap::child::lending_fuel;
use crate::component::typed::{Store, interface, output, told};
use crate::guest::Guest;

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(&interface("commands"))?.func_wrap(
        "run",
        |mut store: Store<'_>, (name, arguments, stdin): (String, Vec<String>, Vec<u8>)| {
            lending_fuel(&mut store, |store| {
                let ran = super::run(&store.data().client, &name, arguments, &stdin);
                told(ran.and_then(|ran| Ok(output(ran)?)))
            })
        },
    )
}
