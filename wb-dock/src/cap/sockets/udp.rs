//! `udp`: datagrams to and from one address.

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::{Cap, Origin};

use super::stream::port_of;
use crate::cap::Failure;
use crate::client::{Call, Client, Refusal, check_size};
use crate::guest::Guest;
use crate::import::{Answer, answer};

/// Largest datagram, in bytes: what fits into one packet of IPv4.
const MAX_DATAGRAM: usize = 65_507;

/// Opens a socket that talks to one address, and returns a handle.
pub(crate) fn connect(client: &mut Client, host: &str, port: u16) -> Result<u32, Refusal> {
    let (call, handles) = client.call_with_handles(Cap::Udp)?;
    handles.check_room()?;
    let origin = Origin::udp(host, port);
    let origin = origin.map_err(|error| Failure::bad_request(error.to_string()))?;
    Call::in_reach(&call.scopes().net, &origin, format_args!("`{origin}`"))?;
    let sockets = call.service(|services| &services.sockets)?;
    let socket = call.ask(host.len(), |who| sockets.udp(who, origin.host(), port))?;
    Ok(handles.udp.insert(socket))
}

pub(crate) fn send(client: &mut Client, handle: u32, message: &[u8]) -> Result<(), Refusal> {
    let (call, handles) = client.call_with_handles(Cap::Udp)?;
    let socket = handles.udp.get(handle)?;
    check_size("the message", message.len(), MAX_DATAGRAM)?;
    call.ask(message.len(), |who| socket.send(who, message))
}

/// Waits for one datagram.
pub(crate) fn receive(client: &mut Client, handle: u32) -> Result<Bytes, Refusal> {
    let (call, handles) = client.call_with_handles(Cap::Udp)?;
    let socket = handles.udp.get(handle)?;
    call.ask(0, |who| socket.receive(who))
}

pub(crate) fn close(client: &mut Client, handle: u32) -> Result<(), Refusal> {
    let (_, handles) = client.call_with_handles(Cap::Udp)?;
    handles.udp.remove(handle)?;
    Ok(())
}

/// The core module `wb:udp`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:udp",
        "connect",
        |mut caller: Caller<'_, Guest>, host: u32, host_len: u32, port: u32| {
            answer(
                &mut caller,
                |memory| Ok((memory.text("the host", (host, host_len))?, port_of(port)?)),
                |client, (host, port)| Ok(Answer::handle(connect(client, host, port)?)),
            )
        },
    )?;
    linker.func_wrap(
        "wb:udp",
        "send",
        |mut caller: Caller<'_, Guest>, handle: u32, ptr: u32, len: u32| {
            answer(
                &mut caller,
                |memory| memory.bytes((ptr, len)),
                |client, message| {
                    send(client, handle, message)?;
                    Ok(Answer::of(0))
                },
            )
        },
    )?;
    linker.func_wrap(
        "wb:udp",
        "receive",
        |mut caller: Caller<'_, Guest>, handle: u32| {
            answer(
                &mut caller,
                |_| Ok(()),
                |client, ()| Ok(Answer::value(receive(client, handle)?)),
            )
        },
    )?;
    linker.func_wrap(
        "wb:udp",
        "close",
        |mut caller: Caller<'_, Guest>, handle: u32| {
            answer(
                &mut caller,
                |_| Ok(()),
                |client, ()| {
                    close(client, handle)?;
                    Ok(Answer::of(0))
                },
            )
        },
    )?;
    Ok(())
}
