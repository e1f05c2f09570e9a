//! `workbooks:dock/secrets`.

use wasmtime::component::Linker;

use crate::component::typed::{Store, interface, told};
use crate::guest::Guest;

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut secrets = linker.instance(&interface("secrets"))?;
    secrets.func_wrap("present", |store: Store<'_>, (name,): (String,)| {
        told(super::present(&store.data().client, &name))
    })?;
    secrets.func_wrap(
        "sign",
        |store: Store<'_>, (name, data): (String, Vec<u8>)| {
            told(super::sign(&store.data().client, &name, &data).map(Vec::from))
        },
    )?;
    secrets.func_wrap(
        "hmac",
        |store: Store<'_>, (name, data): (String, Vec<u8>)| {
            told(super::hmac(&store.data().client, &name, &data).map(Vec::from))
        },
    )
}
