//! The operating system behind the `wb` crates: disk, clock, processes, downloads.
//!
//! The other crates take bytes and give values; this one fills their traits.
//! It knows nothing of argument parsing, routes or rendering.

pub mod atomic;
mod catalog;
mod clock;
pub mod config;
pub mod consent;
mod deployment;
pub mod discover;
mod disk_store;
pub mod doctor;
mod error;
mod fetch;
mod home;
mod lock;
mod nexus;
mod random;
mod registry_file;
mod stdin;
mod steps;
pub mod task;
pub mod toolchain;
mod toolkits;
pub mod tree;
mod trim;

pub use catalog::Catalog;
pub use clock::{SystemClock, rfc3339, unix_time};
pub use disk_store::DiskStore;
pub use error::{Error, ErrorKind, ManifestFault};
pub use fetch::Fetcher;
pub use home::Home;
pub use lock::Lock;
pub use nexus::{
    BuildFailure, BuildOptions, Callable, Collected, Inline, InlineShape, InstallOptions, Made,
    Native, Nexus, Packed, Processed, Removed, Returned, Source, TENANT, Task, TaskEnd,
    TaskStreams, Types, Values,
};
pub use random::SystemRandom;
pub use registry_file::{RegistryFile, Repair};
pub use stdin::{TimedStdin, read_whole};
pub use steps::StepsLog;
pub use toolkits::{Toolkits, toolkit_id};
pub use tree::TreeLimits;
