//! Isolation tiers for the Dock: the same run, in a stronger cage than wasm alone.
//!
//! ```no_run
//! use wb_dock::{Grant, Invocation, Services};
//! use wb_tier::{Module, Process, Runner};
//!
//! fn main() -> Result<(), wb_tier::Error> {
//!     wb_tier::worker_if_asked(); // this binary is its own worker
//!     # let wasm = Vec::new();
//!     let module = Module::new(wasm);
//!     let process = Process::new()?;
//!     let hello = Invocation::new("hello").arg("world");
//!     let outcome = process.run(&module, &Grant::none(), &Services::default(), hello)?;
//!     println!("{:?}", outcome.stdout);
//!     Ok(())
//! }
//! ```
//!
//! # The cages
//!
//! | [`Runner`] | The guest is in | What it has to get out of besides wasm |
//! |---|---|---|
//! | [`Instance`] | this process | nothing |
//! | [`Process`] | a worker process | seccomp, Landlock, namespaces, resource limits |
//! | [`Vm`] | a worker in a QEMU machine | the worker's cage, a kernel, the virtual machine |
//! | [`Container`] | a worker in a container of runc, crun, podman or docker | the worker's cage, the container |
//!
//! A worker runs the program: a command, a component or a kernel. It compiles it as well,
//! unless the program is first-party and [`Process::compiled_on`] says that the host does,
//! once for all workers, which then start in milliseconds. It has no services of its own: what the
//! guest asks for goes over the [`wire`] to the host, and is checked there, against
//! the grant and the budget that are kept there. A worker that was taken over can do
//! what its guest was granted, and use up what its guest may use.
//!
//! A tier that the machine has not is an [`Error::Unavailable`] that says how to get
//! it; nothing here ever runs a guest in a weaker cage than the one asked for.
//!
//! # What this crate must not know
//!
//! Which tier a program must have: `wb_policy::tier` says so. Manifests, registries,
//! keys.

mod attempt;
mod confinement;
mod error;
mod instance;
mod module;
mod on_path;
mod runner;
pub mod wire;

#[cfg(target_os = "linux")]
mod bounded;
#[cfg(target_os = "linux")]
mod channel;
#[cfg(target_os = "linux")]
mod closure;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod jail;
#[cfg(target_os = "linux")]
mod machine_image;
#[cfg(target_os = "linux")]
mod pool;
#[cfg(target_os = "linux")]
mod posix;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod undo;
#[cfg(target_os = "linux")]
mod vm;
#[cfg(target_os = "linux")]
mod worker;

pub use attempt::Attempt;
pub use confinement::Confinement;
pub use error::{Error, NotAllowed, Unavailable};
pub use instance::Instance;
pub use module::{Call, Contract, Module, Values};
pub use on_path::on_path;
pub use runner::Runner;

#[cfg(target_os = "linux")]
pub use container::Container;
#[cfg(target_os = "linux")]
pub use machine_image::machine_image;
#[cfg(target_os = "linux")]
pub use posix::{DeployerOptIn, Posix};
#[cfg(target_os = "linux")]
pub use probe::{Probe, probe};
#[cfg(target_os = "linux")]
pub use process::Process;
#[cfg(target_os = "linux")]
pub use undo::end_all;
#[cfg(target_os = "linux")]
pub use vm::{Vm, VmParts};
#[cfg(target_os = "linux")]
pub use worker::worker_if_asked;
