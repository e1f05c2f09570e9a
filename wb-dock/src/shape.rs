//! The shapes a program can be run in.

mod command;
mod component;
mod invocation;
mod job;
mod kernel;
mod store;

pub use command::Command;
pub use component::{Called, Component, Instance, Params, Results, TypedFunction};
pub use invocation::{Invocation, InvocationParts};
pub use job::Job;
pub use kernel::{Graph, GraphBuilder, GraphInstance, Kernel, KernelInstance};
pub use wb_policy::ArgMode;
