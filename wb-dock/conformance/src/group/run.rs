//! Scripts on a host.

use wb_dock::{Grant, Invocation, Services};

use crate::case::{Finding, ended};
use crate::host::{Ended, Host, Refusal};
use crate::script::{self, Answer, Script};

impl Script {
    /// Runs the script as `guest`.
    pub(crate) fn try_run(
        &self,
        host: &dyn Host,
        grant: &Grant,
        services: &Services,
    ) -> Result<Ended, Refusal> {
        host.run(&self.wasm(), grant, services, Invocation::new("guest"))
    }

    /// Runs the script to its end, and returns the answers.
    pub(crate) fn run(
        &self,
        host: &dyn Host,
        grant: &Grant,
        services: &Services,
    ) -> Result<Vec<Answer>, Finding> {
        answers(&ended(self.try_run(host, grant, services))?.stdout)
    }
}

/// The answers that a script wrote.
pub(crate) fn answers(written: &[u8]) -> Result<Vec<Answer>, Finding> {
    let cut_short = || Finding::failed("whole answers", "output that is cut short");
    script::answers(written).ok_or_else(cut_short)
}
