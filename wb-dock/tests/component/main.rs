//! Components: the interfaces, admission, calls, WASI 0.2, limits.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests, which read files and watch the clock"
)]

mod admission;
mod callers_stack;
mod calls;
mod caps;
#[cfg(all(feature = "code-cache", unix))]
mod code_cache;
mod http;
mod limits;
#[path = "../dock/services.rs"]
#[allow(dead_code, reason = "shared with the tests of core modules")]
mod services;
mod support;
mod values;
mod wasi;
mod wit;
