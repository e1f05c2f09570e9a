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
mod exec;
mod imports;
mod index;
mod junit;
mod links;
mod name;
mod overview;
mod pre;
mod report;
mod sarif;
mod source;
mod subject;
mod text;

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
    /// Whether a source can be built here, or what is missing.
    pub buildable: &'a (dyn Fn(&BuildSrc, Option<Lang>) -> Result<(), String> + Sync),
    /// Whether a native program is there, for `posix` toolkits.
    pub on_path: &'a (dyn Fn(&str) -> bool + Sync),
}

/// Checks the toolkit in directory `dir`, whose files are `tree`.
///
/// # Examples
///
/// ```
/// use wb_manifest::Tree;
/// use wb_policy::Profiles;
/// use wb_registry::{CommandTable, MemoryStore, Surroundings, verify};
///
/// let report = verify("slug", &Tree::new(), &Surroundings {
///     table: &CommandTable::default(),
///     artifacts: &MemoryStore::default(),
///     profiles: &Profiles::built_in(),
///     buildable: &|_, _| Ok(()),
///     on_path: &|_| false,
/// });
/// assert!(!report.passed());
/// assert_eq!(report.to_string(), "✗ manifest.org: there is none in `slug`\n");
/// ```
pub fn verify(dir: &str, tree: &Tree, around: &Surroundings<'_>) -> Report {
    let mut findings = Findings::default();
    match Subject::read(dir, tree, around) {
        None => findings.add(
            Finding::new(Check::Manifest, Outcome::Fail, "verify/no-manifest")
                .message(format!("there is none in `{dir}`")),
        ),
        Some(subject) => {
            subject.add_diagnostics(&mut findings);
            for check in CHECKS {
                check(&subject, &mut findings);
            }
        }
    }
    findings.into_report(dir)
}

const CHECKS: [fn(&Subject<'_>, &mut Findings); 10] = [
    text::check,
    overview::check,
    name::check,
    exec::check,
    source::check,
    imports::check,
    caps::check,
    index::check,
    links::check,
    pre::check,
];
