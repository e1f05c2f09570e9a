use wb_dock::{Grant, Invocation, Outcome, Services};
use wb_policy::Tier;

use crate::{Error, Module};

/// Runs programs in one tier.
///
/// Whatever the tier, a run means the same: the same bytes out, the same errors, the
/// same limits. They differ in what a guest that breaks out of wasm has still before
/// it, and in what a call costs.
pub trait Runner: Send + Sync {
    /// Which tier it is.
    fn tier(&self) -> Tier;

    /// Runs `module` once, from start to exit, under `grant`.
    ///
    /// # Errors
    ///
    /// [`Error::Dock`] for everything that can go wrong with a run in the dock: refused
    /// imports, limits, crashes of the guest. [`Error::Died`] when the worker ended
    /// with the call under way, [`Error::Protocol`] when it said something it must
    /// not; the next call has a new worker. [`Error::Unavailable`] and
    /// [`Error::Start`] when there is no worker.
    fn run(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error>;
}
