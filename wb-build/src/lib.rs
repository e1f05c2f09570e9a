//! Builds: compilers that are themselves wasm turn source trees into artifacts.
//!
//! A [lane](lane::plan) is a function from a source tree to a [`Plan`]: steps
//! with tool digest, arguments, inputs and outputs, as plain data. A [`Builder`]
//! runs the plan's steps on the dock, side by side where it can and from a cache
//! where it may, and gives an [`Artifact`] with its [`Provenance`].
//!
//! ```
//! use wb_build::lane::{self, Options};
//! use wb_build::toolchain::Lock;
//! use wb_build::{Artifact, Builder, DockSandbox, MemoryCache, Tools};
//! use wb_manifest::Lang;
//!
//! /// Builds one C file; `tools` are the toolchains that the host has installed.
//! fn build(source: String, tools: impl Tools) -> Result<Artifact, wb_build::Error> {
//!     let tree = lane::inline_tree(Lang::C, source)?;
//!     let plan = lane::plan(Lang::C, tree, &Options::default(), &Lock::pinned())?;
//!     let (sandbox, cache) = (DockSandbox::new(tools), MemoryCache::new());
//!     Builder::new(&sandbox, &cache).run(&plan)?.artifact()
//! }
//! ```
//!
//! Nothing here could start a native compiler, read a disk or reach a network:
//! tools, packages and caches come through [`Tools`], [`npm::PackageSource`] and
//! [`StepCache`].

mod component;
mod diagnose;
mod driver;
mod error;
mod guest;
pub mod lane;
mod naming;
pub mod npm;
mod plan;
mod provenance;
pub mod source;
pub mod splice;
mod step;
pub mod toolchain;

pub use component::{ComposeError, compose, conforms};
pub use diagnose::{Diagnostic, Place, Severity};
pub use driver::{
    Artifact, Builder, Built, Content, DockSandbox, MemoryCache, Mounted, NoCache, Ran, Sandbox,
    StepCache, StepRecord, StepReport, Tools,
};
pub use error::{Error, ErrorKind};
pub use naming::Naming;
pub use plan::{ARTIFACT, Plan, Product};
pub use provenance::{Command, Provenance};
pub use step::{Dialect, Input, Part, Run, Source, SourceTree, Step, ToolRef, Work};
