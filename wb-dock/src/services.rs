use std::fmt;
use std::sync::Arc;

use crate::wasi::{Clock, ClockSource, Random, RandomSource};

/// What the host puts behind the capabilities.
///
/// Default: nothing. Time is virtual, randomness has a fixed seed, no command
/// can be run, no event is recorded.
#[derive(Clone, Default)]
pub struct Services {
    pub(crate) clock: ClockSource,
    pub(crate) random: RandomSource,
}

impl Services {
    /// Lets guests read a clock of the host.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = ClockSource::Host(clock);
        self
    }

    /// Lets guests draw from a source of the host.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = RandomSource::Host(random);
        self
    }

    /// Starts the repeatable generator at `seed`.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = RandomSource::Seeded(seed);
        self
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("clock", &self.clock)
            .field("random", &self.random)
            .finish()
    }
}
