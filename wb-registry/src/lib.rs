//! Artifacts, the names they are registered under, and what is known about toolkits.

mod binding;
mod bundle;
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
    Bundle, BundleError, Part, PathRefusal, UnpackLimits, decode_bundle, encode_bundle,
    strip_private,
};
pub use install::{
    InstallError, InstallRules, Installed, Signature, SignatureCheck, Unsigned, install,
};
pub use program::{NotWasm, ProgramShape};
pub use promote::{Layout, PromoteError, Promoted, Promotion, promote};
pub use registry_json::{RegistryError, SkipReason, Skipped, read_registry, write_registry};
pub use search::{Hit, search};
pub use skill::{OVERVIEW, Skill, SkillKind, find_skill, skills};
pub use store::{MemoryStore, Store, StoreError, check_artifact};
pub use table::{BindError, CommandTable, GcPlan, NameError, RollbackError, command_name};
pub use verify::{
    Check, Facilities, Finding, NoFacilities, Outcome, Place, Report, Surroundings, json, junit,
    sarif, verify,
};
