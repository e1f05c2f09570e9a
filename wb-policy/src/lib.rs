//! What a toolkit may do: capabilities, profiles, trust, consent and budgets.
//!
//! This crate decides and never enforces. It knows no manifest text, no wasm
//! bytes, no files and no clock: the same question always has the same answer.

mod cap;
mod limits;
mod shape;
mod trust;

pub use cap::{Cap, CapSet, UnknownCap};
pub use limits::Limits;
pub use shape::{Shape, UnknownShape};
pub use trust::{Trust, UnknownTrust};
