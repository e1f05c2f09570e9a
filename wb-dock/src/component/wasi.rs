//! WASI 0.2, synchronous and with nothing granted: what every component may import.
//!
//! Clock and randomness are those of the host's choice, repeatable by default. The file
//! system is the tree in memory. Sockets are refused. Components built for any
//! version 0.2 link to these interfaces: the engine pairs versions that are compatible.
//! `wasi:http` alone is a power, and linked apart.
#![expect(
    unreachable_pub,
    reason = "generated code re-exports the types of resources"
)]

use wasmtime::component::{HasSelf, Linker};

use crate::guest::Guest;
use crate::limits::Stop;
use crate::wasi::{Errno, Fail};

mod cli;
mod clocks;
mod files;
pub(super) mod http;
mod random;
mod sockets;
mod streams;

/// The version of WASI that is linked.
const VERSION: &str = "0.2.12";

mod bindings {
    #![allow(
        missing_docs,
        unused_qualifications,
        clippy::pedantic,
        reason = "generated"
    )]

    wasmtime::component::bindgen!({
        path: [
            "wit/deps/io.wit",
            "wit/deps/clocks.wit",
            "wit/deps/random.wit",
            "wit/deps/filesystem.wit",
            "wit/deps/sockets.wit",
            "wit/deps/cli.wit",
            "wit/deps/http.wit",
        ],
        inline: "
            package workbooks:host;

            world wasi {
                import wasi:io/error@0.2.12;
                import wasi:io/poll@0.2.12;
                import wasi:io/streams@0.2.12;
                import wasi:clocks/monotonic-clock@0.2.12;
                import wasi:clocks/wall-clock@0.2.12;
                import wasi:random/random@0.2.12;
                import wasi:random/insecure@0.2.12;
                import wasi:random/insecure-seed@0.2.12;
                import wasi:filesystem/types@0.2.12;
                import wasi:filesystem/preopens@0.2.12;
                import wasi:cli/environment@0.2.12;
                import wasi:cli/exit@0.2.12;
                import wasi:cli/stdin@0.2.12;
                import wasi:cli/stdout@0.2.12;
                import wasi:cli/stderr@0.2.12;
                import wasi:cli/terminal-input@0.2.12;
                import wasi:cli/terminal-output@0.2.12;
                import wasi:cli/terminal-stdin@0.2.12;
                import wasi:cli/terminal-stdout@0.2.12;
                import wasi:cli/terminal-stderr@0.2.12;
                import wasi:http/types@0.2.12;
                import wasi:http/outgoing-handler@0.2.12;
            }
        ",
        world: "workbooks:host/wasi",
        imports: { default: trappable },
        trappable_error_type: {
            "wasi:io/streams.stream-error" => super::StreamFail,
            "wasi:filesystem/types.error-code" => crate::wasi::Fail,
        },
        with: {
            "wasi:io/error.error": super::streams::StreamError,
            "wasi:io/poll.pollable": super::clocks::Pollable,
            "wasi:io/streams.input-stream": super::streams::InputStream,
            "wasi:io/streams.output-stream": super::streams::OutputStream,
            "wasi:filesystem/types.descriptor": super::files::Descriptor,
            "wasi:filesystem/types.directory-entry-stream": super::files::Listing,
            "wasi:cli/terminal-input.terminal-input": super::cli::Terminal,
            "wasi:cli/terminal-output.terminal-output": super::cli::Terminal,
            "wasi:http/types.fields": super::http::Fields,
            "wasi:http/types.outgoing-request": super::http::OutgoingRequest,
            "wasi:http/types.request-options": super::http::RequestOptions,
            "wasi:http/types.outgoing-body": super::http::OutgoingBody,
            "wasi:http/types.future-incoming-response": super::http::FutureResponse,
            "wasi:http/types.incoming-response": super::http::IncomingResponse,
            "wasi:http/types.incoming-body": super::http::IncomingBody,
            "wasi:http/types.future-trailers": super::http::FutureTrailers,
            "wasi:http/types.incoming-request": super::http::IncomingRequest,
            "wasi:http/types.outgoing-response": super::http::OutgoingResponse,
            "wasi:http/types.response-outparam": super::http::ResponseOutparam,
        },
    });
}

/// Why a stream did not do what the guest asked.
#[derive(Debug)]
pub(crate) enum StreamFail {
    /// There is nothing more to read, or to write to.
    Closed,
    /// The guest is told and goes on.
    Failed(Errno),
    /// The same, of a body that came over HTTP.
    Http(bindings::wasi::http::types::ErrorCode),
    /// The guest is stopped.
    Stop(wasmtime::Error),
}

impl From<Errno> for StreamFail {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

impl From<Fail> for StreamFail {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Errno(errno) => Self::Failed(errno),
            Fail::Stop(stop) => Self::Stop(stop.into()),
        }
    }
}

impl From<Stop> for StreamFail {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop.into())
    }
}

impl From<wb_policy::Exceeded> for StreamFail {
    fn from(exceeded: wb_policy::Exceeded) -> Self {
        Stop::Limit(exceeded).into()
    }
}

impl From<wasmtime::component::ResourceTableError> for StreamFail {
    fn from(error: wasmtime::component::ResourceTableError) -> Self {
        Self::Stop(error.into())
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    use bindings::wasi::{cli, clocks, filesystem, io, random};
    /// Links the generated interfaces, all of which the guest itself answers.
    macro_rules! link {
        ($($($name:ident)::+;)*) => {
            $($($name)::+::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;)*
        };
    }
    link! {
        io::error;
        io::poll;
        io::streams;
        clocks::monotonic_clock;
        clocks::wall_clock;
        random::random;
        random::insecure;
        random::insecure_seed;
        filesystem::types;
        filesystem::preopens;
        cli::environment;
        cli::stdin;
        cli::stdout;
        cli::stderr;
        cli::terminal_input;
        cli::terminal_output;
        cli::terminal_stdin;
        cli::terminal_stdout;
        cli::terminal_stderr;
        cli::exit;
    }
    sockets::add_to_linker(linker)
}
