//! Toolchain packs: what the lanes' compilers are, pinned and verified.
//!
//! This module knows archives, digests and recipes, and neither disks nor
//! registries: the host fetches a package through the user's own client, and
//! hands its bytes to [`unpack`].

pub(crate) mod archive;
mod builtins;
mod glob;
mod lock;
mod recipe;

pub use archive::{PackFiles, Package, check_member, take_members, tree_entries, unpack};
pub use lock::{ArchiveDigests, Client, Derived, Entry, Lock, Member, MemberKind, Pack};
pub use recipe::recipe;
