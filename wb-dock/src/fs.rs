//! The file system a guest sees: a tree in memory, gone after the run.
//!
//! No path of the host is in reach. Read-only trees are shared between runs
//! without a copy; writable ones start from a shared tree and copy what the guest
//! changes, file by file, at its first change.

mod change;
mod files;
mod image;
mod lookup;
mod mount;
mod node;
#[cfg(test)]
mod tests;
mod tree;

pub use files::Files;
pub use image::{Image, ImageBuilder, ImageEntry};
pub use mount::Mount;

pub(crate) use lookup::Lookup;
pub(crate) use node::{FileType, NodeRef, Stat, Times};
pub(crate) use tree::FileSystem;
