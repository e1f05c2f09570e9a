//! The manifest as a text: what its reading found is shown already.

use super::report::{Check, Findings};
use super::subject::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    findings.pass(Check::Manifest, "present");
    findings.pass(Check::Keywords, "complete");
    let first = subject.reading.manifest();
    if !first.headline.is_empty() {
        findings.pass(Check::Drawer, "mirrors the keywords");
    }
    findings.pass(Check::Trust, first.trust().name());
    let recipes: usize = subject.units().map(|u| u.manifest.recipes.len()).sum();
    if recipes > 0 {
        let names: Vec<_> = subject
            .units()
            .flat_map(|unit| {
                unit.manifest
                    .recipes
                    .iter()
                    .map(|recipe| recipe.name.to_string())
            })
            .collect();
        findings.pass(Check::Tasks, names.join(", "));
    }
}
