//! The Dock: runs untrusted WebAssembly under a grant, with every limit enforced.

pub mod fs;

#[cfg(all(feature = "code-cache", unix))]
mod code_cache;
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

pub use engine::{Engine, EngineBuilder};
pub use error::{Error, ErrorKind};
pub use event::{Ended, Event, Recorder, Step};
pub use outcome::Outcome;
pub use program::{CompileLimits, Program};
pub use services::{Commands, Resolved, Services, Session};
pub use shape::{ArgMode, Command, Invocation};
pub use wasi::{Clock, Input, Output, Random};
pub use wb_policy::Grant;
