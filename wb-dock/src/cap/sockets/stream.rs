//! `tcp` and `tls`: the same operations under two capabilities.

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::{Cap, HostError, Origin};

use super::Connection;
use crate::cap::Failure;
use crate::client::{Call, Client, Handles, Refusal, Slab};
use crate::guest::Guest;
use crate::import::{Answer, answer};

/// Most bytes that one call receives.
const MAX_RECEIVE: usize = 1 << 20;

/// What a stream of bytes goes over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Tcp,
    Tls,
}

impl Transport {
    const fn cap(self) -> Cap {
        match self {
            Self::Tcp => Cap::Tcp,
            Self::Tls => Cap::Tls,
        }
    }

    fn origin(self, host: &str, port: u16) -> Result<Origin, HostError> {
        match self {
            Self::Tcp => Origin::tcp(host, port),
            Self::Tls => Origin::tls(host, port),
        }
    }

    pub(super) const fn open(self, handles: &mut Handles) -> &mut Slab<Box<dyn Connection>> {
        match self {
            Self::Tcp => &mut handles.tcp,
            Self::Tls => &mut handles.tls,
        }
    }
}

/// Connects to a port, and returns a handle.
pub(crate) fn connect(
    client: &mut Client,
    transport: Transport,
    host: &str,
    port: u16,
) -> Result<u32, Refusal> {
    let (call, handles) = client.call_with_handles(transport.cap())?;
    handles.check_room()?;
    let origin = transport.origin(host, port);
    let origin = origin.map_err(|error| Failure::bad_request(error.to_string()))?;
    Call::in_reach(&call.scopes().net, &origin, format_args!("`{origin}`"))?;
    let sockets = call.service(|services| &services.sockets)?;
    // The host in the spelling that was compared, lest a resolver reads another.
    let connection = call.ask(host.len(), |who| match transport {
        Transport::Tcp => sockets.tcp(who, origin.host(), port),
        Transport::Tls => sockets.tls(who, origin.host(), port),
    })?;
    Ok(transport.open(handles).insert(connection))
}

pub(crate) fn send(
    client: &mut Client,
    transport: Transport,
    handle: u32,
    data: &[u8],
) -> Result<(), Refusal> {
    let (call, handles) = client.call_with_handles(transport.cap())?;
    let connection = transport.open(handles).get(handle)?;
    call.ask(data.len(), |who| connection.send(who, data))
}

/// Waits for bytes; none when the other end has closed.
pub(crate) fn receive(
    client: &mut Client,
    transport: Transport,
    handle: u32,
    most: usize,
) -> Result<Bytes, Refusal> {
    let (call, handles) = client.call_with_handles(transport.cap())?;
    let connection = transport.open(handles).get(handle)?;
    if most == 0 {
        return Err(Failure::bad_request("0 bytes to receive, at least 1 wanted").into());
    }
    call.ask(0, |who| connection.receive(who, most.min(MAX_RECEIVE)))
}

pub(crate) fn close(client: &mut Client, transport: Transport, handle: u32) -> Result<(), Refusal> {
    let (_, handles) = client.call_with_handles(transport.cap())?;
    transport.open(handles).remove(handle)?;
    Ok(())
}

/// The core module `wb:tcp`.
pub(crate) fn link_tcp(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link(linker, "wb:tcp", Transport::Tcp)
}

/// The core module `wb:tls`.
pub(crate) fn link_tls(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link(linker, "wb:tls", Transport::Tls)
}

fn link(linker: &mut Linker<Guest>, module: &str, transport: Transport) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "connect",
        move |mut caller: Caller<'_, Guest>, host: u32, host_len: u32, port: u32| {
            answer(
                &mut caller,
                |memory| Ok((memory.text("the host", (host, host_len))?, port_of(port)?)),
                |client, (host, port)| Ok(Answer::handle(connect(client, transport, host, port)?)),
            )
        },
    )?;
    linker.func_wrap(
        module,
        "send",
        move |mut caller: Caller<'_, Guest>, handle: u32, ptr: u32, len: u32| {
            answer(
                &mut caller,
                |memory| memory.bytes((ptr, len)),
                |client, data| {
                    send(client, transport, handle, data)?;
                    Ok(Answer::of(0))
                },
            )
        },
    )?;
    linker.func_wrap(
        module,
        "receive",
        move |mut caller: Caller<'_, Guest>, handle: u32, most: u32| {
            answer(
                &mut caller,
                |_| Ok(()),
                |client, ()| {
                    let data = receive(client, transport, handle, most as usize)?;
                    Ok(Answer::value(data))
                },
            )
        },
    )?;
    linker.func_wrap(
        module,
        "close",
        move |mut caller: Caller<'_, Guest>, handle: u32| {
            answer(
                &mut caller,
                |_| Ok(()),
                |client, ()| {
                    close(client, transport, handle)?;
                    Ok(Answer::of(0))
                },
            )
        },
    )?;
    Ok(())
}

pub(super) fn port_of(port: u32) -> Result<u16, Failure> {
    u16::try_from(port)
        .map_err(|_| Failure::bad_request(format!("port {port}, wanted one from 1 to 65535")))
}
