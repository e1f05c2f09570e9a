//! Guests of `tests/guests`, one case each: what they do and what the dock makes of it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests, which watch the clock and touch files"
)]

mod admission;
mod cap;
#[cfg(all(feature = "code-cache", unix))]
mod code_cache;
mod command;
mod graph;
mod kernel;
mod limits;
mod nested;
mod script;
mod services;
mod support;
