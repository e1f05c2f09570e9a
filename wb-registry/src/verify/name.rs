//! One name for the directory and the toolkit, and one command for each name.

use std::collections::BTreeMap;

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::{MANIFEST, Subject};

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
                .place(subject.place(MANIFEST, id.span))
                .hint("rename one of them"),
        );
    }
    let mut taken = BTreeMap::new();
    for unit in subject.units() {
        let Some(name) = &unit.manifest.cli_bin else {
            continue;
        };
        let Some((path, span)) = taken.insert(name.as_str(), (unit.path, name.span)) else {
            continue;
        };
        let first = subject.place(path, span);
        findings.add(
            Finding::new(Check::Name, unit.rigor(), "verify/repeated-command")
                .message(format!(
                    "the command `{}` is declared at {first} too",
                    name.value
                ))
                .place(subject.place(unit.path, name.span)),
        );
    }
    findings.pass(Check::Name, subject.dir.to_owned());
}
