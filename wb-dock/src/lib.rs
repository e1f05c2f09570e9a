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
//! A component goes the same way: [`Engine::load_component`] → [`ComponentProgram`] →
//! [`ComponentProgram::admit`] → [`Component`], whose functions are called with values of
//! Rust, as text or as JSON. What it may import is in [`wit`].
//!
//! A kernel goes another way from the third step on: [`Program::admit_kernel`] →
//! [`Kernel`], [`Kernel::open`] → [`KernelInstance`], which is called for frame after
//! frame; or many kernels are a [`Graph`].
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
//! | `wb:commands` | `run(name, args, stdin)` | `commands` | the low byte of the exit code |
//! | `wb:exec` | `run(name, args, env, stdin)` | `exec` | the same |
//! | `wb:parallel` | `run_many(name, inputs)` | `parallel` | how many were run |
//! | `wb:vfs` | `query(volume, sql, params)` | `vfs` | length of JSON `{"columns","rows","changed"}` |
//! | `wb:vfs` | `read(path)`, `write(path, data)`, `remove(path)` | `vfs` | length, 0, 1 or 0 |
//! | `wb:vfs` | `list(path)` | `vfs` | length of JSON `[{"name","directory","size"}]` |
//! | `wb:kv` | `get(key)`, `put(key, value)`, `delete(key)` | `kv` | 1 and the value or 0, 0, 1 or 0 |
//! | `wb:kv` | `list(prefix)` | `kv` | how many; the keys, each with a NUL |
//! | `wb:queue` | `publish(topic, message)`, `poll(topic)` | `queue` | 0, 1 and the message or 0 |
//! | `wb:secrets` | `present(name)`, `sign(name, data)`, `hmac(name, data)` | `secrets` | 1 or 0, length |
//! | `wb:tcp`, `wb:tls` | `connect(host, port)`, `send(handle, data)`, `receive(handle, most)`, `close(handle)` | `tcp`, `tls` | handle, 0, length or 0 at the end, 0 |
//! | `wb:udp` | `connect`, `send`, `receive(handle)`, `close` | `udp` | the same |
//! | `wb:net` | `request(head, body)` | `net` | the HTTP status; the body, and in stream 2 the head as JSON |
//! | `wb:browse` | `fetch(url)` | `browse` | length of JSON `{"url","status","title","text","links"}` |
//! | `wb:llm` | `complete(prompt)`, `open(prompt)`, `next(handle)`, `close(handle)` | `llm` | length, handle, length or 0 at the end, 0 |
//! | `wb:frames` | `input()` | `frames` | where the frame of this call is |
//! | `wb:frames` | `input_len()` | `frames` | its length |
//! | `wb:frames` | `output(len)` | `frames` | where to write the frame that it becomes |
//!
//! What is text or bytes in this table is two parameters, ptr and len. `args` and `env`
//! (`NAME=value`) are strings back to back, a NUL after each. `inputs` are a `u32` count,
//! then for each its `u32` length and its bytes, at most 1024; the value of `run_many` has
//! for each, in order, an `i32` status, the `u32` length and bytes of standard output, and
//! the same for standard error. Numbers are little-endian. The head of a request is JSON
//! `{"method","url","headers","timeout_ms","redirects"}`, of which only the URL is needed; a
//! prompt is JSON as in [`cap::Prompt`], or the text of one message. The limits on sizes
//! stand with each trait in [`cap`].
//!
//! Below zero: -1 nothing of this name, -2 nested deeper than 8, -3 refused by policy, -4
//! bad request, -5 it was tried and failed, -6 a limit, -7 unavailable, -8 timed out.
//! A guest whose own budget is spent (calls, bytes to the network, time) ends.
//!
//! # What a guest does not have
//!
//! No host file: [`fs`] is a tree in memory. No environment, no real clock, no
//! real randomness unless [`Services`] gives them: the same run gives the same
//! bytes. No socket: what `tcp`, `tls` and `udp` open stays with the host, behind a
//! number. No signal, no thread. No path of the machine in any message.
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
mod frames;
mod guest;
mod import;
mod limits;
mod outcome;
mod program;
mod remote;
mod services;
mod shape;
mod wasi;

pub use cap::{Code, Commands, Resolved, Session};
pub use client::Account;
pub use engine::{Engine, EngineBuilder};
pub use error::{Error, ErrorKind};
pub use event::{Ended, Event, Recorder, Step};
pub use outcome::Outcome;
pub use program::{CompileLimits, ComponentProgram, Function, Program, Signature};
pub use remote::{RandomOf, RemoteRun, Unanswered};
pub use services::{CpuClock, Services};
pub use shape::{
    ArgMode, Called, Command, Component, Graph, GraphBuilder, GraphInstance, Instance, Invocation,
    InvocationParts, Job, Kernel, KernelInstance, Params, Results, TypedFunction,
};
pub use wasi::{Clock, Input, Output, Random};
pub use wb_policy::Grant;

/// The example on the repository's front page, so that it stays true.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
