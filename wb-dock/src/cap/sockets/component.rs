//! `workbooks:dock/tcp`, `tls` and `udp`.

use wasmtime::component::{Linker, Resource, ResourceType};

use super::stream::{self, Transport};
use super::udp;
use crate::component::typed::{Store, interface, told};
use crate::guest::Guest;

/// What is open: its handle is the number in the guest's slab.
struct Tcp;
struct Tls;
struct Udp;

pub(crate) fn link_tcp(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link_stream::<Tcp>(linker, "tcp", Transport::Tcp)
}

pub(crate) fn link_tls(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link_stream::<Tls>(linker, "tls", Transport::Tls)
}

fn link_stream<R: 'static>(
    linker: &mut Linker<Guest>,
    name: &str,
    transport: Transport,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance(&interface(name))?;
    instance.resource(
        "connection",
        ResourceType::host::<R>(),
        move |mut store, handle| {
            let handles = &mut store.data_mut().client.handles;
            transport.open(handles).remove(handle).map(drop)?;
            Ok(())
        },
    )?;
    instance.func_wrap(
        "connect",
        move |mut store: Store<'_>, (host, port): (String, u16)| {
            let client = &mut store.data_mut().client;
            let handle = stream::connect(client, transport, &host, port);
            told(handle.map(Resource::<R>::new_own))
        },
    )?;
    instance.func_wrap(
        "[method]connection.send",
        move |mut store: Store<'_>, (connection, data): (Resource<R>, Vec<u8>)| {
            let client = &mut store.data_mut().client;
            told(stream::send(client, transport, connection.rep(), &data))
        },
    )?;
    instance.func_wrap(
        "[method]connection.receive",
        move |mut store: Store<'_>, (connection, most): (Resource<R>, u32)| {
            let client = &mut store.data_mut().client;
            let received = stream::receive(client, transport, connection.rep(), most as usize);
            told(received.map(Vec::from))
        },
    )
}

pub(crate) fn link_udp(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(&interface("udp"))?;
    instance.resource(
        "socket",
        ResourceType::host::<Udp>(),
        |mut store, handle| {
            store
                .data_mut()
                .client
                .handles
                .udp
                .remove(handle)
                .map(drop)?;
            Ok(())
        },
    )?;
    instance.func_wrap(
        "connect",
        |mut store: Store<'_>, (host, port): (String, u16)| {
            let handle = udp::connect(&mut store.data_mut().client, &host, port);
            told(handle.map(Resource::<Udp>::new_own))
        },
    )?;
    instance.func_wrap(
        "[method]socket.send",
        |mut store: Store<'_>, (socket, message): (Resource<Udp>, Vec<u8>)| {
            told(udp::send(
                &mut store.data_mut().client,
                socket.rep(),
                &message,
            ))
        },
    )?;
    instance.func_wrap(
        "[method]socket.receive",
        |mut store: Store<'_>, (socket,): (Resource<Udp>,)| {
            told(udp::receive(&mut store.data_mut().client, socket.rep()).map(Vec::from))
        },
    )
}
