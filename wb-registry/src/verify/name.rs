//! One name for the directory and the toolkit, and one command for each name.

use std::collections::BTreeMap;

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let manifest = subject.reading.manifest();
    if let Some(id) = manifest
        .toolkit
        .as_ref()
        .filter(|id| id.as_str() != subject.dir)
    {
        findings.add(
            Finding::new(Check::Name, Outcome::Fail, "verify/directory")
                .message(format!(
                    "the toolkit is called `{}`, its directory `{}`",
                    id.value, subject.dir
                ))
                .place(subject.manifest.place(id.span))
                .hint("rename one of them"),
        );
    }
    let mut taken = BTreeMap::new();
    for unit in subject.units() {
        let Some(name) = &unit.manifest.cli_bin else {
            continue;
        };
        let place = unit.place(name.span);
        if let Some(first) = taken.insert(name.value.clone(), place.clone()) {
            findings.add(
                Finding::new(Check::Name, unit.rigor(), "verify/repeated-command")
                    .message(format!(
                        "the command `{}` is declared at {first} too",
                        name.value
                    ))
                    .place(place),
            );
        }
    }
    findings.pass(Check::Name, subject.dir.to_owned());
}
