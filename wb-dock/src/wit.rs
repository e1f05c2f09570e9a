//! The text of the interfaces, for tools that build components.
//!
//! A component names what it uses of these in its own WIT. To resolve that, push
//! [`WASI`], [`DOCK`] and [`ENGINE`] first, in this order.

/// The text of one package: its name, and each file with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// With its version, if it has one: `workbooks:dock@1.0.0`.
    pub name: &'static str,
    /// Name and text of each file.
    pub files: &'static [(&'static str, &'static str)],
}

/// A package of the files of one folder.
macro_rules! package {
    ($name:literal, $folder:literal: $($file:literal)*) => {
        Package {
            name: $name,
            files: &[$(($file, include_str!(concat!("../wit/", $folder, $file)))),*],
        }
    };
}

/// The worlds of functions from text to text; `engine` is the world of a component
/// that names no other.
pub const ENGINE: Package = package!("workbooks:engine", "": "engine.wit");

/// The capabilities, one interface each.
pub const DOCK: Package = package!("workbooks:dock@1.0.0", "dock/":
    "types.wit" "session.wit" "vfs.wit" "commands.wit" "exec.wit" "parallel.wit" "kv.wit"
    "secrets.wit" "queue.wit" "tcp.wit" "udp.wit" "tls.wit" "net.wit" "browse.wit" "llm.wit"
    "world.wit"
);

/// The packages of WASI 0.2, each after those that it uses.
pub const WASI: &[Package] = &[
    package!("wasi:io@0.2.12", "deps/": "io.wit"),
    package!("wasi:clocks@0.2.12", "deps/": "clocks.wit"),
    package!("wasi:random@0.2.12", "deps/": "random.wit"),
    package!("wasi:filesystem@0.2.12", "deps/": "filesystem.wit"),
    package!("wasi:sockets@0.2.12", "deps/": "sockets.wit"),
    package!("wasi:cli@0.2.12", "deps/": "cli.wit"),
    package!("wasi:http@0.2.12", "deps/": "http.wit"),
];
