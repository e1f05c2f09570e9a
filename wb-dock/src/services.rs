use std::fmt;
use std::sync::Arc;

use wb_policy::{Cap, CapSet, Grant, Profiles};

use crate::event::{Event, Recorder};
use crate::program::Program;
use crate::shape::ArgMode;
use crate::wasi::{Clock, ClockSource, Random, RandomSource};

/// Finds the commands that guests run by name.
///
/// Asked on the stack of the guest, of which the host has 1 MiB. Asked once for
/// every nested run, so a changed table holds from the next run on
/// while a run under way finishes on the code it started with.
pub trait Commands: Send + Sync {
    /// The command called `name`, or nothing if there is none.
    ///
    /// # Errors
    ///
    /// Words for the guest when there is one that must not or cannot run.
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String>;
}

/// A command that a guest may run.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its code.
    pub program: Program,
    /// What it may do. It spends from the budget of whoever started it, too.
    pub grant: Grant,
    /// How it takes its arguments.
    pub arg_mode: ArgMode,
}

/// Who runs something: what a guest is told by `session-info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Name of the session.
    pub id: String,
    /// On whose behalf it runs.
    pub tenant: String,
}

/// What the host puts behind the capabilities.
///
/// Default: nothing. Time is virtual, randomness has a fixed seed, no command
/// can be run, no event is recorded. Cloning shares everything.
#[derive(Clone, Default)]
pub struct Services {
    pub(crate) clock: ClockSource,
    pub(crate) random: RandomSource,
    pub(crate) commands: Option<Arc<dyn Commands>>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) session: Arc<Session>,
    pub(crate) profiles: Option<Arc<Profiles>>,
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

    /// Stands behind `commands` and `parallel`.
    #[must_use]
    pub fn commands(mut self, commands: Arc<dyn Commands>) -> Self {
        self.commands = Some(commands);
        self
    }

    /// Is told what happens.
    #[must_use]
    pub fn recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// What `session-info` tells.
    #[must_use]
    pub fn session(mut self, session: Session) -> Self {
        self.session = Arc::new(session);
        self
    }

    /// The profiles of this deployment, for naming the smallest that would do when
    /// an import is refused. Default: the four built-in ones.
    #[must_use]
    pub fn profiles(mut self, profiles: Profiles) -> Self {
        self.profiles = Some(Arc::new(profiles));
        self
    }

    /// The capabilities that have something behind them.
    pub(crate) fn provided(&self) -> CapSet {
        match self.commands {
            Some(_) => CapSet::of(Cap::Commands).with(Cap::Parallel),
            None => CapSet::EMPTY,
        }
    }

    pub(crate) fn record(&self, event: &Event<'_>) {
        if let Some(recorder) = &self.recorder {
            recorder.record(event);
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("clock", &self.clock)
            .field("random", &self.random)
            .field("commands", &self.commands.is_some())
            .field("recorder", &self.recorder.is_some())
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
