//! The whole suite on every tier that this machine has. `cargo test --test suite -- limits`
//! tries the cases whose names contain `limits`.

#![expect(clippy::print_stdout, reason = "this is its own test harness")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use wb_conformance::{InProcess, Report, Status, Survey, run, tiers};
use wb_dock::Engine;

/// Tests share their processors with others.
const SLACK: Duration = Duration::from_millis(400);

/// The instance tier whose engine counts fuel.
const COUNTS: &str = "instance, counting fuel";

/// Whether a case can be tried on a host of this name: most engines count no fuel, and in
/// this process there is no worker to kill.
fn is_tried(host: &str, case: &str) -> bool {
    match case {
        "limits/fuel" => host == COUNTS,
        "crash/worker-in-a-call" | "crash/worker-at-work" => !host.starts_with("instance"),
        _ => true,
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    #[cfg(target_os = "linux")]
    wb_tier::worker_if_asked();
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let filter = filter.unwrap_or_default();

    let (hosts, missing) = tiers(&std::env::current_exe()?, SLACK)?;
    let mut reports: Vec<Report> = hosts.iter().map(|host| run(&**host, &filter)).collect();
    if "limits/fuel".contains(&filter) {
        let counts = InProcess::new(Engine::builder().fuel(true).build()?);
        let mut report = run(&counts.with_slack(SLACK), "limits/fuel");
        COUNTS.clone_into(&mut report.host);
        reports.push(report);
    }
    let survey = Survey::new(reports, missing);
    println!("{survey}");

    let unexpected = survey.reports.iter().flat_map(|report| {
        report.cases.iter().filter(|case| match case.status {
            Status::Passed => false,
            Status::Failed => true,
            Status::Skipped => is_tried(&report.host, &case.name),
        })
    });
    let unexpected: Vec<&str> = unexpected.map(|case| &*case.name).collect();
    if !unexpected.is_empty() {
        println!("not as expected: {}", unexpected.join(", "));
    }
    Ok(ExitCode::from(u8::from(!unexpected.is_empty())))
}
