//! `workbooks:dock/parallel`.

use bytes::Bytes;
use wasmtime::component::Linker;

use crate::cap::child::lending_fuel;
use crate::component::typed::{Failure, Output, Store, interface, output, told};
use crate::guest::Guest;

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(&interface("parallel"))?.func_wrap(
        "run-many",
        |mut store: Store<'_>, (name, inputs): (String, Vec<Vec<u8>>)| {
            let inputs: Vec<Bytes> = inputs.into_iter().map(Bytes::from).collect();
            lending_fuel(&mut store, |store| {
                let ran = super::run_many(&store.data().client, &name, &inputs);
                told(ran.map(|ran| {
                    let outputs = ran
                        .into_iter()
                        .map(|ran| output(ran).map_err(Failure::from));
                    outputs.collect::<Vec<Result<Output, Failure>>>()
                }))
            })
        },
    )
}
