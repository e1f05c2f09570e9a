//! Artifacts, the names they are registered under, and what is known about toolkits.
//!
//! A [`Store`] keeps bytes under their digest; a [`CommandTable`] says which
//! name stands for which of them, with the whole contract of a run in each
//! [`Binding`]. [`promote`] makes a toolkit of a session command, [`verify`]
//! says whether a toolkit keeps its promises, [`encode_bundle`] packs one and
//! [`install`] registers what a bundle brings. [`search`] and [`skills`] are
//! the way to the manuals.
//!
//! Everything here takes bytes and gives values. This crate knows no engine, no
//! disk layout and no sockets: a place to keep things is a [`Store`], and what
//! a nexus can do is asked through [`Facilities`].

mod binding;
mod bundle;
mod discover;
pub mod federation;
mod freshness;
mod install;
mod program;
mod promote;
mod registry_json;
mod search;
mod skill;
mod store;
mod table;
mod verify;

pub use binding::Binding;
pub use bundle::{
    Bundle, BundleError, MAX_DEPTH, Part, PathRefusal, UnpackLimits, decode_bundle, encode_bundle,
    strip_private,
};
pub use discover::{Listed, discover, injection_text, list_text, show_text};
pub use freshness::Freshness;
pub use install::{
    InstallError, InstallRules, Installed, Signature, SignatureCheck, Unsigned, install,
};
pub use program::{NotWasm, ProgramShape};
pub use promote::{Layout, Losses, PromoteError, Promoted, Promotion, promote};
pub use registry_json::{RegistryError, SkipReason, Skipped, read_registry, write_registry};
pub use search::{Hit, search};
pub use skill::{OVERVIEW, Skill, SkillKind, find_skill, skills};
pub use store::{MemoryStore, Store, StoreError, check_artifact};
pub use table::{BindError, CommandTable, GcPlan, NameError, RollbackError, command_name};
pub use verify::{
    Check, Claim, Facilities, Finding, NoFacilities, Outcome, Place, Report, Surroundings,
    cross_check, json, junit, sarif, verify,
};
