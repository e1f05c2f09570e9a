//! Native checks of a toolkit: counted, and never run.

use wb_oql::BlockKind;

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let pages = std::iter::once(&subject.manifest).chain(subject.skills.iter().map(|(_, p)| p));
    let count = pages
        .flat_map(|page| {
            let document = &page.document;
            let blocks = document
                .blocks()
                .iter()
                .filter(|b| b.kind == BlockKind::Source);
            blocks
                .filter_map(move |block| block.arg(document, "role").map(|a| document.str(a.value)))
        })
        .filter(|role| *role == "pre")
        .count();
    if count > 0 {
        let blocks = if count == 1 { "block" } else { "blocks" };
        findings.add(
            Finding::new(Check::Pre, Outcome::Note, "verify/pre-disabled")
                .message(format!("{count} `:role pre` {blocks} DISABLED, never run")),
        );
    }
}
