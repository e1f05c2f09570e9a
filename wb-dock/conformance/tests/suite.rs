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

/// What fails in workers: output that a guest's commands wrote is not taken from what the
/// guest itself may write, and a guest that the host ends loses the output it had written.
/// A case of these that passes is as much a surprise as another that fails.
const DIFFERS: [&str; 2] = ["budget/calls-of-a-child", "budget/output-of-a-child"];

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
        "instance, counting fuel".clone_into(&mut report.host);
        reports.push(report);
    }
    let survey = Survey::new(reports, missing);
    println!("{survey}");

    let unexpected = survey.reports.iter().flat_map(|report| {
        let in_process = report.host.starts_with("instance");
        let known = move |name: &str, list: &[&str]| !in_process && list.contains(&name);
        report.cases.iter().filter(move |case| match case.status {
            Status::Passed => known(&case.name, &DIFFERS),
            Status::Failed => !known(&case.name, &DIFFERS),
            Status::Skipped => in_process && case.name != "limits/fuel",
        })
    });
    let unexpected: Vec<&str> = unexpected.map(|case| &*case.name).collect();
    if !unexpected.is_empty() {
        println!("not as expected: {}", unexpected.join(", "));
    }
    Ok(ExitCode::from(u8::from(!unexpected.is_empty())))
}
