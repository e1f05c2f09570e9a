//! The skill that every toolkit must have.

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::Subject;
use crate::OVERVIEW;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if subject
        .skills
        .iter()
        .any(|(s, _)| s.slug.as_str() == OVERVIEW)
    {
        findings.pass(Check::Overview, "present");
    } else {
        findings.add(
            Finding::new(Check::Overview, Outcome::Fail, "verify/no-overview")
                .message("there is none, and every toolkit must say when to use it"),
        );
    }
}
