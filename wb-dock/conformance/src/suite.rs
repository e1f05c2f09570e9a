use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::case::{Case, Finding};
use crate::group;
use crate::host::Host;
use crate::report::{CaseReport, Report, Status};

/// Every case there is, in an order that stays.
pub fn suite() -> Vec<Case> {
    [
        group::caps::cases(),
        group::limits::cases(),
        group::compile::cases(),
        group::components::cases(),
        group::files::cases(),
        group::egress::cases(),
        group::timeouts::cases(),
        group::determinism::cases(),
        group::secrets::cases(),
        group::swap::cases(),
        group::crash::cases(),
        group::budget::cases(),
        group::preview1::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Tries every case on `host` whose name contains `filter`, one after the other.
///
/// A case that panics has failed; the others go on.
pub fn run(host: &dyn Host, filter: &str) -> Report {
    let cases = suite();
    let wanted = cases.iter().filter(|case| case.name.contains(filter));
    let reports = wanted.map(|case| try_out(case, host)).collect();
    Report::new(host.name(), reports)
}

fn try_out(case: &Case, host: &dyn Host) -> CaseReport {
    let started = Instant::now();
    let verdict = catch_unwind(AssertUnwindSafe(|| case.run(host)))
        .unwrap_or_else(|_| Err(Finding::failed("no panic", "a panic")));
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let mut report = CaseReport {
        name: case.name.clone(),
        group: case.group,
        about: case.about.clone(),
        status: Status::Passed,
        expected: None,
        seen: None,
        reason: None,
        micros,
    };
    match verdict {
        Ok(()) => {}
        Err(Finding::Failed { expected, seen }) => {
            report.status = Status::Failed;
            report.expected = Some(expected);
            report.seen = Some(seen);
        }
        Err(Finding::Skipped { reason }) => {
            report.status = Status::Skipped;
            report.reason = Some(reason);
        }
    }
    report
}
