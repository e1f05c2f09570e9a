//! Components: the interfaces, admission, calls, WASI 0.2, limits.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests, which read files and watch the clock"
)]

mod admission;
mod calls;
mod limits;
mod support;
mod values;
mod wasi;
mod wit;
