//! Toolkit manifests: an Org document read into checked types.
//!
//! Bytes in, values out. This crate says what a manifest states and where it
//! states it; it never asks whether that is allowed or whether a file exists.

mod build_src;
mod diag;
mod digest;
mod edit;
mod key;
mod manifest;
mod name;
mod near;
mod palette;
mod read;
mod recipe;
mod rel_path;
mod schema;
mod skill;
mod skill_index;
mod spanned;
mod tree;
mod vocabulary;

pub use build_src::{BuildSrc, CrateRef, GitRef, HttpsUrl, InvalidSource, InvalidUrl};
pub use diag::CODES;
pub use digest::{Digest, Hasher, InvalidDigest};
pub use edit::{EditError, ManifestText};
pub use key::Key;
pub use manifest::{
    Did, Federation, InvalidDid, InvalidRequirement, Manifest, Preopen, Requirement, UnknownKeyword,
};
pub use name::{CommandName, InvalidName, InvalidNameKind, SkillSlug, TaskName, ToolkitId};
pub use palette::{PaletteEntry, palette};
pub use read::{Reading, read, read_document, read_palette_entry};
pub use recipe::{Check, CheckRole, Recipe};
pub use rel_path::{InvalidPath, RelDir, RelPath};
pub use schema::json_schema;
pub use skill::{
    Flag, Section, SectionKind, Skill, SkillFlags, SkillLink, SkillReading, read_skill,
};
pub use skill_index::SkillEntry;
pub use spanned::Spanned;
pub use tree::Tree;
pub use vocabulary::{Lang, Status, UnknownWord};
pub use wb_oql::{Diagnostic, Label, LineIndex, Position, Severity, Span};
pub use wb_policy::ArgMode;
