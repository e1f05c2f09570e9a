use std::time::Duration;

use bytes::Bytes;
use wb_policy::{Cap, CapUse, Usage};

use crate::fs::Files;

/// What came of a run, and the report of what it took.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// The exit code; 0 when the guest returned without one.
    pub exit_code: i32,
    /// Standard output, unless it was streamed.
    pub stdout: Bytes,
    /// Standard error, unless it was streamed.
    pub stderr: Bytes,
    /// What was used, by nested runs as well.
    pub usage: Usage,
    /// What went through each capability that was called, nested runs included.
    pub caps: Vec<(Cap, CapUse)>,
    /// Processor time, of the threads of a fan-out as well; nothing unless
    /// [`Services::cpu_clock`](crate::Services::cpu_clock) tells it.
    pub cpu: Option<Duration>,
    /// How long the run took.
    pub elapsed: Duration,
    /// The file system as the guest left it.
    pub files: Files,
}

impl Outcome {
    /// Whether the guest says that it succeeded.
    pub const fn is_success(&self) -> bool {
        self.exit_code == 0
    }
}
