//! What a toolkit may do: capabilities, profiles, trust, consent and budgets.
//!
//! This crate decides and never enforces. It knows no manifest text, no wasm
//! bytes, no files and no clock: the same question always has the same answer.
//!
//! A manifest declares capabilities, a [`Profile`] is the ceiling of the
//! deployment, a [`Consent`] is the deployer's word about somebody else's
//! code. [`Grant::decide`] makes of these the one proof that the engine asks
//! for, and a [`Budget`] is what a run under that grant spends.

mod arg_mode;
mod budget;
mod cap;
mod consent;
mod denial;
mod grant;
mod imports;
mod limits;
mod profile;
mod profile_toml;
mod scope;
mod shape;
mod tier;
mod trust;

pub use arg_mode::{ArgMode, UnknownArgMode};
pub use budget::{Budget, CapUse, Exceeded, MemoryReservation, Resource, Usage};
pub use cap::{Cap, CapSet, UnknownCap};
pub use consent::Consent;
pub use denial::{Denial, DenialReason, denied_imports};
pub use grant::{Grant, Refused};
pub use imports::{
    Import, Requirement, component_import, component_imports, core_import, core_imports,
};
pub use limits::Limits;
pub use profile::{Profile, Profiles, UnknownProfile};
pub use profile_toml::ProfileError;
pub use scope::{
    Allow, HostError, HostPattern, NameError, NamePattern, Origin, PathError, PathPrefix, Pattern,
    Scopes,
};
pub use shape::{Shape, UnknownShape};
pub use tier::{Posture, Tier, tier};
pub use trust::{Trust, UnknownTrust};
