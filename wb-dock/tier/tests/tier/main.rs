//! The tiers, against real workers.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which say what the machine has not"
)]

mod cages;
mod capabilities;
mod guests;
mod posix;
mod process;
