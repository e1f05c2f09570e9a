//! The tiers, against real workers.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which say what the machine has not"
)]

mod cages;
mod capabilities;
mod forwarded;
mod guests;
mod posix;
mod process;
#[allow(dead_code, reason = "the tests of the dock use more of it")]
#[path = "../../../tests/dock/script.rs"]
mod script;
#[allow(dead_code, reason = "the tests of the dock use more of it")]
#[path = "../../../tests/dock/services.rs"]
mod services;
mod shapes;
