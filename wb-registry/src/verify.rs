//! Whether a toolkit keeps what its manifest promises.
//!
//! Each check is a file below. A check looks at the toolkit as it lies on disk
//! and at what is registered under its names; it runs nothing. Faults in the
//! text were found when it was read and are shown under the check they belong
//! to, so one report holds all there is to say.

use wb_manifest::{BuildSrc, Lang, Tree};
use wb_policy::Profiles;

use crate::{CommandTable, Store};

mod caps;
mod claims;
mod exec;
mod exports;
mod imports;
mod index;
mod junit;
mod links;
mod name;
mod overview;
mod pre;
mod provenance;
mod report;
mod sarif;
mod source;
mod subject;
mod text;

pub use claims::{Claim, cross_check};
pub use junit::junit;
pub use report::{Check, Finding, Outcome, Place, Report, json};
pub use sarif::sarif;

use report::Findings;
use subject::Subject;

/// What a toolkit is held against: the nexus it is to run in.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// What is registered.
    pub table: &'a CommandTable,
    /// The artifacts behind it.
    pub artifacts: &'a dyn Store,
    /// The deployment's profiles.
    pub profiles: &'a Profiles,
    /// What the nexus can do.
    pub facilities: &'a dyn Facilities,
}

/// What a nexus can do, as far as a toolkit depends on it.
pub trait Facilities: Sync {
    /// Whether a source can be built here.
    ///
    /// # Errors
    ///
    /// What is missing, in words for the user.
    fn can_build(&self, source: &BuildSrc, lang: Option<Lang>) -> Result<(), String>;

    /// Whether a native program of that name is there, for `posix` toolkits.
    fn has_native(&self, program: &str) -> bool;

    /// Whether a component is one of the world that its toolkit names; `wit` is the
    /// toolkit's folder `wit`.
    ///
    /// # Errors
    ///
    /// What it lacks or has with another type, each in words for the user.
    fn conforms(&self, component: &[u8], world: &str, wit: &Tree) -> Result<(), Vec<String>>;
}

/// A nexus that builds nothing, has no native program and knows no world.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFacilities;

impl Facilities for NoFacilities {
    fn can_build(&self, source: &BuildSrc, _: Option<Lang>) -> Result<(), String> {
        Err(format!("nothing here builds `{source}`"))
    }

    fn has_native(&self, _: &str) -> bool {
        false
    }

    fn conforms(&self, _: &[u8], world: &str, _: &Tree) -> Result<(), Vec<String>> {
        Err(vec![format!("nothing here knows the world `{world}`")])
    }
}

/// Checks the toolkit in directory `dir`, whose files are `tree`.
///
/// # Examples
///
/// ```
/// use wb_manifest::Tree;
/// use wb_policy::Profiles;
/// use wb_registry::{CommandTable, MemoryStore, NoFacilities, Surroundings, verify};
///
/// let report = verify("slug", &Tree::new(), &Surroundings {
///     table: &CommandTable::default(),
///     artifacts: &MemoryStore::default(),
///     profiles: &Profiles::built_in(),
///     facilities: &NoFacilities,
/// });
/// assert!(!report.passed());
/// assert_eq!(report.to_string(), "✗ manifest.org: there is none in `slug`\n");
/// ```
pub fn verify(dir: &str, tree: &Tree, around: &Surroundings<'_>) -> Report {
    let mut findings = Findings::default();
    let mut claimed = Vec::new();
    match Subject::read(dir, tree, around) {
        None => findings.add(
            Finding::new(Check::Manifest, Outcome::Fail, "verify/no-manifest")
                .message(format!("there is none in `{dir}`")),
        ),
        Some(subject) => {
            claimed = claims::of(&subject);
            subject.add_diagnostics(&mut findings);
            for check in CHECKS {
                check(&subject, &mut findings);
            }
        }
    }
    findings.into_report(dir, claimed)
}

const CHECKS: [fn(&Subject<'_>, &mut Findings); 11] = [
    text::check,
    overview::check,
    name::check,
    // What cannot be built was told already when the contract is looked at.
    source::check,
    exec::check,
    provenance::check,
    imports::check,
    caps::check,
    index::check,
    links::check,
    pre::check,
];
