//! Whether the registered artifact is the one of the sources beside it.

use wb_manifest::BuildSrc;

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::Subject;
use crate::Freshness;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for unit in subject.units() {
        let (Some(source), Some(name)) = (&unit.manifest.build_src, unit.manifest.command()) else {
            continue;
        };
        let Some(binding) = subject.around.table.get(name.as_str()) else {
            continue;
        };
        let freshness = match &source.value {
            BuildSrc::Path(dir) => {
                let sources = subject.tree.under(dir);
                // With packages of others in the tree only a build knows its digest.
                if sources.contains("package-lock.json") {
                    continue;
                }
                Freshness::of(&binding, &sources, subject.around.artifacts)
            }
            BuildSrc::Wasm(_) => match &unit.manifest.sha256 {
                Some(sha) if sha.value != binding.digest => Freshness::Stale,
                _ => Freshness::Fresh,
            },
            _ => continue,
        };
        if freshness == Freshness::Stale {
            findings.add(
                Finding::new(Check::Build, Outcome::Warning, "verify/stale-artifact")
                    .message(format!(
                        "`{name}` is registered as built from other sources"
                    ))
                    .place(subject.place(unit.path, source.span))
                    .hint(format!("run `wbx toolkit build {}`", subject.dir)),
            );
        }
    }
}
