//! The shapes a program can be run in.

mod command;
mod invocation;

pub use command::Command;
pub use invocation::{ArgMode, Invocation};
