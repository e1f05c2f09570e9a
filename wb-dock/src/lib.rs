//! The Dock: runs untrusted WebAssembly under a grant, with every limit enforced.
//!
//! ```
//! use wb_dock::{Engine, Grant, Invocation, Services};
//!
//! # fn wasm() -> Vec<u8> {
//! #     wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap()
//! # }
//! # fn main() -> Result<(), wb_dock::Error> {
//! let engine = Engine::new()?;
//! let program = engine.load(&wasm())?; // bounded: a compile bomb is refused
//! let command = program.admit(&Grant::none(), &Services::default())?; // or names what it lacks
//! let outcome = command.run(Invocation::new("slug").arg("--lower").stdin("Ünïcode"))?;
//! println!("exit {}: {:?}", outcome.exit_code, outcome.stdout);
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a program
//!
//! | Step | What it settles |
//! |---|---|
//! | [`Engine`] | compiles, caches code, hands out memory, watches the time |
//! | [`Engine::load`] → [`Program`] | how large a module may be ([`CompileLimits`]) |
//! | [`Program::admit`] → [`Command`] | which imports there are, by a [`Grant`] and [`Services`] |
//! | [`Command::run`] → [`Outcome`] | one [`Invocation`]: arguments, streams, files |
//!
//! A [`Grant`] is made by `wb-policy` alone, and everything a run uses is charged to
//! one budget, by the runs it starts as well. An [`Error`] says which import was
//! refused, which limit was reached, or how the guest crashed.
//!
//! # What a guest may import
//!
//! All 46 functions of `wasi_snapshot_preview1`, and these. Every parameter and
//! result is an `i32`; (ptr, len) lie in the guest's exported `memory`. A call
//! returns 0 or more when it worked. What it left stays with the host until the next
//! call, and is read through `wb:reply`: stream 0 is the message of a failed call,
//! 1 the value or standard output, 2 standard error.
//!
//! | Module | Function | Needs | Returns |
//! |---|---|---|---|
//! | `wb:reply` | `len(stream)` | | bytes in the stream |
//! | `wb:reply` | `read(stream, offset, ptr, len)` | | bytes copied |
//! | `wb:session` | `info()` | | length of the value: JSON `{"id","tenant","profile"}` |
//! | `wb:commands` | `run(name, name_len, args, args_len, stdin, stdin_len)` | `commands` | the low byte of the exit code |
//! | `wb:parallel` | `run_many(name, name_len, inputs, inputs_len)` | `parallel` | how many were run |
//!
//! `args` are strings back to back, a NUL after each. `inputs` are a `u32` count,
//! then for each its `u32` length and its bytes; the value of `run_many` has for
//! each, in order, an `i32` status, the `u32` length and bytes of standard output, and
//! the same for standard error. Numbers are little-endian. Errors: -1 no such command,
//! -2 nested deeper than 8, -3 refused by policy, -4 bad request, -5 the child
//! crashed, -6 the child reached a limit. Time that is over ends the parent too.
//!
//! # What a guest does not have
//!
//! No host file: [`fs`] is a tree in memory. No environment, no real clock, no
//! real randomness unless [`Services`] gives them: the same run gives the same
//! bytes. No socket. No signal, no thread. No path of the machine in any message.
//!
//! # What this crate must not know
//!
//! Org, manifests, registries, paths of the host, sockets, keys. With the feature
//! `code-cache` (on by default) it writes compiled code to one directory it is
//! given; nothing else touches files.

pub mod cap;
pub mod fs;
pub mod wit;

#[cfg(feature = "bare")]
#[doc(hidden)]
pub mod bare;

mod client;
#[cfg(all(feature = "code-cache", unix))]
mod code_cache;
mod component;
mod engine;
mod error;
mod event;
mod guest;
mod import;
mod limits;
mod outcome;
mod program;
mod services;
mod shape;
mod wasi;

pub use cap::{Commands, Resolved, Session};
pub use engine::{Engine, EngineBuilder};
pub use error::{Error, ErrorKind};
pub use event::{Ended, Event, Recorder, Step};
pub use outcome::Outcome;
pub use program::{CompileLimits, ComponentProgram, Function, Program};
pub use services::{CpuClock, Services};
pub use shape::{
    ArgMode, Called, Command, Component, Instance, Invocation, Params, Results, TypedFunction,
};
pub use wasi::{Clock, Input, Output, Random};
pub use wb_policy::Grant;

/// The example on the repository's front page, so that it stays true.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
