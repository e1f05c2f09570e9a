//! `workbooks:dock/kv`.

use wasmtime::component::Linker;

use crate::component::typed::{Store, interface, told};
use crate::guest::Guest;

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut kv = linker.instance(&interface("kv"))?;
    kv.func_wrap("get", |store: Store<'_>, (key,): (String,)| {
        let value = super::get(&store.data().client, &key);
        told(value.map(|value| value.map(Vec::from)))
    })?;
    kv.func_wrap(
        "put",
        |store: Store<'_>, (key, value): (String, Vec<u8>)| {
            told(super::put(&store.data().client, &key, &value))
        },
    )?;
    kv.func_wrap("delete", |store: Store<'_>, (key,): (String,)| {
        told(super::delete(&store.data().client, &key))
    })?;
    kv.func_wrap("list", |store: Store<'_>, (prefix,): (String,)| {
        told(super::list(&store.data().client, &prefix))
    })
}
