//! Tries out the tiers of this machine, and says what each does.
//!
//! ```text
//! cargo run -p wb-conformance --example report -- [--tier TIER] [--json] [FILTER]
//! ```
//!
//! Ends with 1 if a case failed, or if the tier that was asked for is missing.

#![expect(clippy::print_stdout, reason = "an example talks to people")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use wb_conformance::{Survey, run, tiers};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // The example is its own worker.
    #[cfg(target_os = "linux")]
    wb_tier::worker_if_asked();
    let (mut tier, mut json, mut filter) = (None, false, String::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match &*arg {
            "--tier" => tier = Some(args.next().ok_or("`--tier` wants the name of one")?),
            "--json" => json = true,
            _ => filter = arg,
        }
    }
    let (mut hosts, mut missing) = tiers(&std::env::current_exe()?, Duration::from_millis(100))?;
    if let Some(tier) = &tier {
        hosts.retain(|host| host.name() == *tier);
        missing.retain(|missing| missing.tier == *tier);
    }
    let reports = hosts.iter().map(|host| run(&**host, &filter)).collect();
    let survey = Survey::new(reports, missing);
    if json {
        println!("{}", serde_json::to_string_pretty(&survey)?);
    } else {
        println!("{survey}");
    }
    let asked_and_missing = tier.is_some() && survey.reports.is_empty();
    let failed = survey.reports.iter().any(|report| !report.is_clean());
    Ok(ExitCode::from(u8::from(failed || asked_and_missing)))
}
