//! `workbooks:dock/exec`.

use wasmtime::component::Linker;

use crate::cap::child::lending_fuel;
use crate::component::typed::{Store, interface, output, told};
use crate::guest::Guest;

/// Name, arguments, environment, standard input.
type Request = (String, Vec<String>, Vec<(String, String)>, Vec<u8>);

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(&interface("exec"))?.func_wrap(
        "run",
        |mut store: Store<'_>, (name, arguments, environment, stdin): Request| {
            lending_fuel(&mut store, |store| {
                let client = &store.data().client;
                let ran = super::run(client, &name, arguments, environment, &stdin);
                told(ran.and_then(|ran| Ok(output(ran)?)))
            })
        },
    )
}
