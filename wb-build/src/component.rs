//! Components: what the host itself does to make one, without running anything.
//!
//! A world is read from WIT; bindings to it are written for the compilers; the core
//! module that comes out of them is checked and encoded. Each is a pure function
//! of bytes, and a step of a plan.

mod bindings;
mod compose;
mod conform;
mod declarations;
mod encode;
mod script;
mod surgery;
mod table;
mod world;

pub(crate) use bindings::stem as c_stem;
pub use compose::{ComposeError, compose};
pub use conform::conforms;
pub(crate) use declarations::{CHECK_MODULE, DECLARATIONS};
pub(crate) use encode::Refused;
pub(crate) use script::{ENTRY_MODULE, Modules, check as check_script};
pub(crate) use world::{World, sources};

use std::collections::BTreeSet;

use wb_policy::CapSet;

use crate::diagnose::Diagnostic;
use crate::splice::SpliceError;

/// The version of everything here; rises whenever the same inputs would give other
/// bytes.
pub(crate) const VERSION: &str = "component/1";

impl World {
    /// Header and source of the bindings for C.
    pub(crate) fn c_bindings(self) -> Result<(Vec<u8>, Vec<u8>), Diagnostic> {
        bindings::c(self)
    }

    /// What a JavaScript program imports, and the module that exports what the world wants.
    pub(crate) fn script_modules(&self) -> Modules {
        script::modules(self)
    }

    /// The types of the world, as a declaration file for TypeScript.
    pub(crate) fn declarations(&self) -> String {
        declarations::declarations(self)
    }

    /// A TypeScript module that is right if the program at `path` exports what the
    /// world wants, with its types.
    pub(crate) fn type_check(&self, path: &str) -> String {
        declarations::check(self, path)
    }

    /// The JavaScript runtime with the imports of this world that are `wanted`, and all exports.
    pub(crate) fn join(
        &self,
        runtime: &[u8],
        wanted: &BTreeSet<String>,
    ) -> Result<Vec<u8>, SpliceError> {
        surgery::join(self, runtime, wanted)
    }

    /// The component of a core module that was made for this world, with warnings.
    pub(crate) fn encode(
        &self,
        core: &[u8],
        caps: CapSet,
    ) -> Result<(Vec<u8>, Vec<Diagnostic>), Refused> {
        encode::encode(self, core, caps)
    }
}
