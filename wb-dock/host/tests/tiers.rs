//! Runs that policy puts into workers: of every shape, inside other runs, and in tasks.
//!
//! This binary is its own worker, so it has a `main` of its own. What it cannot try on
//! this machine it says.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is its own test harness, and a test that panics has failed"
)]

#[cfg(target_os = "linux")]
#[path = "tiers/cases.rs"]
mod cases;

#[cfg(target_os = "linux")]
fn main() {
    wb_tier::worker_if_asked();
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let filter = filter.unwrap_or_default();
    if let Err(error) = wb_tier::Process::new().and_then(|process| process.probe()) {
        let wanted = std::env::var("WB_TEST_TIERS").unwrap_or_default();
        let is_wanted = wanted.split(',').any(|wanted| wanted == "process");
        assert!(!is_wanted, "a process is not to be had: {error}");
        return println!("not tested: {error}");
    }
    for (name, case) in cases::ALL {
        if name.contains(&filter) {
            case();
            println!("test {name} ... ok");
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("not tested: workers are confined by means of Linux");
}
