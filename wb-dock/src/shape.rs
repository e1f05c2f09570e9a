//! The shapes a program can be run in.

mod command;
mod component;
mod invocation;

pub use command::Command;
pub use component::{Called, Component, Instance, Params, Results, TypedFunction};
pub use invocation::{ArgMode, Invocation, InvocationParts};
