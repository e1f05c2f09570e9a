//! The tiers, against real workers.
#![cfg(target_os = "linux")]

mod cages;
mod capabilities;
mod guests;
mod posix;
mod process;
