//! The shapes a program can be run in.

mod command;
mod component;
mod invocation;
mod job;

pub use command::Command;
pub use component::{Called, Component, Instance, Params, Results, TypedFunction};
pub use invocation::{Invocation, InvocationParts};
pub use job::Job;
pub use wb_policy::ArgMode;
