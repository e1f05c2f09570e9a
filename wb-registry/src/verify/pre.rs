//! Native checks of a toolkit: counted, and never run.

use wb_manifest::CheckRole;

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let own = subject.units().flat_map(|unit| &unit.manifest.checks);
    let of_skills = subject
        .skills
        .iter()
        .flat_map(|(_, reading)| &reading.skill.checks);
    let count = own
        .chain(of_skills)
        .filter(|check| check.role == CheckRole::Pre)
        .count();
    if count > 0 {
        let blocks = if count == 1 { "block" } else { "blocks" };
        findings.add(
            Finding::new(Check::Pre, Outcome::Note, "verify/pre-disabled")
                .message(format!("{count} `:role pre` {blocks} DISABLED, never run")),
        );
    }
}
