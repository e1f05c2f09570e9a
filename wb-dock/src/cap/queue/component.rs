//! `workbooks:dock/queue`.

use wasmtime::component::Linker;

use crate::component::typed::{Store, interface, told};
use crate::guest::Guest;

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut queue = linker.instance(&interface("queue"))?;
    queue.func_wrap(
        "publish",
        |store: Store<'_>, (topic, message): (String, Vec<u8>)| {
            told(super::publish(&store.data().client, &topic, &message))
        },
    )?;
    queue.func_wrap("poll", |store: Store<'_>, (topic,): (String,)| {
        let message = super::poll(&store.data().client, &topic);
        told(message.map(|message| message.map(Vec::from)))
    })
}
