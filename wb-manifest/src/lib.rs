//! Toolkit manifests: an Org document read into checked types.
//!
//! Bytes in, values out. This crate says what a manifest states and where it
//! states it; it never asks whether that is allowed or whether a file exists.

mod digest;
mod name;
mod rel_path;
mod tree;

pub use digest::{Digest, Hasher, InvalidDigest};
pub use name::{CommandName, InvalidName, InvalidNameKind, SkillSlug, ToolkitId};
pub use rel_path::{InvalidPath, RelDir, RelPath};
pub use tree::Tree;
