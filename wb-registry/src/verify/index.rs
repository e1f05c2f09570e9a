//! Whether the skill table and the skills agree: each listed once, each there.

use std::collections::BTreeSet;

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let outcome = subject.rigor();
    let files: BTreeSet<_> = subject
        .skills
        .iter()
        .map(|(s, _)| s.slug.as_str())
        .collect();
    let mut listed = BTreeSet::new();
    for unit in subject.units().filter(|unit| !unit.is_palette()) {
        for entry in &unit.manifest.skills {
            let slug = entry.slug.as_str();
            if !files.contains(slug) {
                findings.add(
                    Finding::new(Check::Index, outcome, "verify/no-skill")
                        .message(format!("`{slug}` is listed and there is no such skill"))
                        .place(subject.place(unit.path, entry.slug.span)),
                );
            }
            if entry.use_when.is_none() {
                findings.add(
                    Finding::new(Check::Index, Outcome::Warning, "verify/no-need")
                        .message(format!("`{slug}` is listed without its need"))
                        .place(subject.place(unit.path, entry.slug.span))
                        .hint("say in the second column when to use it"),
                );
            }
            listed.insert(slug);
        }
    }
    // A single skill needs no table to be chosen from.
    if listed.is_empty() {
        if files.len() > 1 {
            findings.add(
                Finding::new(Check::Index, Outcome::Warning, "verify/no-index")
                    .message(format!(
                        "{} skills and no table to choose from",
                        files.len()
                    ))
                    .hint("add a table headed `| Skill | Use when |`"),
            );
        }
        return;
    }
    for slug in files.difference(&listed) {
        findings.add(
            Finding::new(Check::Index, outcome, "verify/unlisted-skill")
                .message(format!("the skill `{slug}` is not in the table")),
        );
    }
    findings.pass(Check::Index, "every skill is listed");
}
