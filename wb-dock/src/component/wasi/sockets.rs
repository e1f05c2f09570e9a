//! `wasi:sockets`: there to be linked to, and no socket can be had. A component that
//! talks to the network does so through the Dock.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType, Val};

use super::VERSION;
use crate::guest::Guest;

/// The one network there is, where everything is refused.
struct Network;

/// The type of what is never made.
enum Never {}

/// An interface: its resources, and its functions, which are all refused.
struct Interface {
    name: &'static str,
    resources: &'static [&'static str],
    functions: &'static [&'static str],
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut network = linker.instance(&format!("wasi:sockets/network@{VERSION}"))?;
    network.resource(
        "network",
        ResourceType::host::<Network>(),
        |mut store, rep| {
            let own = Resource::<Network>::new_own(rep);
            store.data_mut().table.delete(own)?;
            Ok(())
        },
    )?;
    linker
        .instance(&format!("wasi:sockets/instance-network@{VERSION}"))?
        .func_wrap(
            "instance-network",
            |mut store: StoreContextMut<'_, Guest>, ()| Ok((store.data_mut().hand(Network)?,)),
        )?;
    for interface in INTERFACES {
        let name = format!("wasi:sockets/{}@{VERSION}", interface.name);
        let mut instance = linker.instance(&name)?;
        for resource in interface.resources {
            instance.resource(resource, ResourceType::host::<Never>(), |_, _| Ok(()))?;
        }
        for function in interface.functions {
            refuse(&mut instance, function)?;
        }
    }
    Ok(())
}

/// Links a function that fails with `access-denied`, whatever its parameters.
fn refuse(instance: &mut LinkerInstance<'_, Guest>, name: &str) -> wasmtime::Result<()> {
    instance.func_new(name, |mut store, _, params, results| {
        for param in params {
            if let Val::Resource(borrowed) = param {
                borrowed.resource_drop(&mut store)?;
            }
        }
        let denied = Val::Enum("access-denied".into());
        if let [result] = results {
            *result = Val::Result(Err(Some(Box::new(denied))));
        }
        Ok(())
    })
}

/// From `wasi:sockets@0.2.12`. The methods are never reached: nobody has a socket.
const INTERFACES: &[Interface] = &[
    Interface {
        name: "ip-name-lookup",
        resources: &["resolve-address-stream"],
        functions: &[
            "[method]resolve-address-stream.resolve-next-address",
            "[method]resolve-address-stream.subscribe",
            "resolve-addresses",
        ],
    },
    Interface {
        name: "tcp",
        resources: &["tcp-socket"],
        functions: &[
            "[method]tcp-socket.start-bind",
            "[method]tcp-socket.finish-bind",
            "[method]tcp-socket.start-connect",
            "[method]tcp-socket.finish-connect",
            "[method]tcp-socket.start-listen",
            "[method]tcp-socket.finish-listen",
            "[method]tcp-socket.accept",
            "[method]tcp-socket.local-address",
            "[method]tcp-socket.remote-address",
            "[method]tcp-socket.is-listening",
            "[method]tcp-socket.address-family",
            "[method]tcp-socket.set-listen-backlog-size",
            "[method]tcp-socket.keep-alive-enabled",
            "[method]tcp-socket.set-keep-alive-enabled",
            "[method]tcp-socket.keep-alive-idle-time",
            "[method]tcp-socket.set-keep-alive-idle-time",
            "[method]tcp-socket.keep-alive-interval",
            "[method]tcp-socket.set-keep-alive-interval",
            "[method]tcp-socket.keep-alive-count",
            "[method]tcp-socket.set-keep-alive-count",
            "[method]tcp-socket.hop-limit",
            "[method]tcp-socket.set-hop-limit",
            "[method]tcp-socket.receive-buffer-size",
            "[method]tcp-socket.set-receive-buffer-size",
            "[method]tcp-socket.send-buffer-size",
            "[method]tcp-socket.set-send-buffer-size",
            "[method]tcp-socket.subscribe",
            "[method]tcp-socket.shutdown",
        ],
    },
    Interface {
        name: "tcp-create-socket",
        resources: &[],
        functions: &["create-tcp-socket"],
    },
    Interface {
        name: "udp",
        resources: &[
            "udp-socket",
            "incoming-datagram-stream",
            "outgoing-datagram-stream",
        ],
        functions: &[
            "[method]udp-socket.start-bind",
            "[method]udp-socket.finish-bind",
            "[method]udp-socket.stream",
            "[method]udp-socket.local-address",
            "[method]udp-socket.remote-address",
            "[method]udp-socket.address-family",
            "[method]udp-socket.unicast-hop-limit",
            "[method]udp-socket.set-unicast-hop-limit",
            "[method]udp-socket.receive-buffer-size",
            "[method]udp-socket.set-receive-buffer-size",
            "[method]udp-socket.send-buffer-size",
            "[method]udp-socket.set-send-buffer-size",
            "[method]udp-socket.subscribe",
            "[method]incoming-datagram-stream.receive",
            "[method]incoming-datagram-stream.subscribe",
            "[method]outgoing-datagram-stream.check-send",
            "[method]outgoing-datagram-stream.send",
            "[method]outgoing-datagram-stream.subscribe",
        ],
    },
    Interface {
        name: "udp-create-socket",
        resources: &[],
        functions: &["create-udp-socket"],
    },
];
