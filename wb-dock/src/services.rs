use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wb_policy::{Cap, CapSet, Profiles};

use crate::cap::{
    Browse, Commands, Elsewhere, Kv, Llm, Net, Queue, Revocations, Secrets, Session, Sockets, Vfs,
};
use crate::event::{Event, Recorder};
use crate::wasi::{Clock, ClockSource, Random, RandomSource};

/// Tells how long the processor has worked for the calling thread.
pub trait CpuClock: Send + Sync {
    /// Processor time of this thread, from whatever point on.
    fn thread_time(&self) -> Duration;
}

/// Processor time of this thread from some moment on.
pub(crate) struct CpuWatch<'a> {
    clock: &'a dyn CpuClock,
    start: Duration,
}

impl CpuWatch<'_> {
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.thread_time().saturating_sub(self.start)
    }
}

/// What the host puts behind the capabilities.
///
/// Default: nothing. Time is virtual, randomness has a fixed seed, no capability has
/// anything behind it, no event is recorded. A program that is granted and imports
/// what is not here is not admitted. Cloning shares everything.
#[derive(Clone, Default)]
pub struct Services {
    pub(crate) clock: ClockSource,
    pub(crate) random: RandomSource,
    pub(crate) commands: Option<Arc<dyn Commands>>,
    pub(crate) elsewhere: Option<Arc<dyn Elsewhere>>,
    pub(crate) vfs: Option<Arc<dyn Vfs>>,
    pub(crate) kv: Option<Arc<dyn Kv>>,
    pub(crate) queue: Option<Arc<dyn Queue>>,
    pub(crate) secrets: Option<Arc<dyn Secrets>>,
    pub(crate) net: Option<Arc<dyn Net>>,
    pub(crate) browse: Option<Arc<dyn Browse>>,
    pub(crate) llm: Option<Arc<dyn Llm>>,
    pub(crate) sockets: Option<Arc<dyn Sockets>>,
    cpu_clock: Option<Arc<dyn CpuClock>>,
    pub(crate) revocations: Option<Arc<dyn Revocations>>,
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

    /// Starts the repeatable generator, `SplitMix64`, at `seed`; default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = RandomSource::Seeded(seed);
        self
    }

    /// Tells the processor time that runs take. Without it [`Outcome::cpu`](crate::Outcome)
    /// is empty: to ask costs a system call, twice a run.
    #[must_use]
    pub fn cpu_clock(mut self, clock: Arc<dyn CpuClock>) -> Self {
        self.cpu_clock = Some(clock);
        self
    }

    /// Stands behind `commands`, `exec` and `parallel`.
    #[must_use]
    pub fn commands(mut self, commands: Arc<dyn Commands>) -> Self {
        self.commands = Some(commands);
        self
    }

    /// Stands behind `commands`, `exec` and `parallel` in place of
    /// [`Services::commands`], where commands do not run in this process.
    #[must_use]
    pub fn elsewhere(mut self, elsewhere: Arc<dyn Elsewhere>) -> Self {
        self.elsewhere = Some(elsewhere);
        self
    }

    /// Stands behind `vfs`.
    #[must_use]
    pub fn vfs(mut self, vfs: Arc<dyn Vfs>) -> Self {
        self.vfs = Some(vfs);
        self
    }

    /// Stands behind `kv`.
    #[must_use]
    pub fn kv(mut self, kv: Arc<dyn Kv>) -> Self {
        self.kv = Some(kv);
        self
    }

    /// Stands behind `queue`.
    #[must_use]
    pub fn queue(mut self, queue: Arc<dyn Queue>) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Stands behind `secrets`.
    #[must_use]
    pub fn secrets(mut self, secrets: Arc<dyn Secrets>) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// Stands behind `net`, and behind `wasi:http` whichever of `net` and `browse` is granted.
    #[must_use]
    pub fn net(mut self, net: Arc<dyn Net>) -> Self {
        self.net = Some(net);
        self
    }

    /// Stands behind `browse`.
    #[must_use]
    pub fn browse(mut self, browse: Arc<dyn Browse>) -> Self {
        self.browse = Some(browse);
        self
    }

    /// Stands behind `llm`.
    #[must_use]
    pub fn llm(mut self, llm: Arc<dyn Llm>) -> Self {
        self.llm = Some(llm);
        self
    }

    /// Stands behind `tcp`, `udp` and `tls`.
    #[must_use]
    pub fn sockets(mut self, sockets: Arc<dyn Sockets>) -> Self {
        self.sockets = Some(sockets);
        self
    }

    /// Is asked on every call whether its capability was taken back.
    #[must_use]
    pub fn revocations(mut self, revocations: Arc<dyn Revocations>) -> Self {
        self.revocations = Some(revocations);
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

    pub(crate) fn cpu_watch(&self) -> Option<CpuWatch<'_>> {
        let clock = self.cpu_clock.as_deref()?;
        Some(CpuWatch {
            clock,
            start: clock.thread_time(),
        })
    }

    /// The capabilities that have something behind them.
    pub(crate) fn provided(&self) -> CapSet {
        let commands = self.commands.is_some() || self.elsewhere.is_some();
        let sockets = self.sockets.is_some();
        let provided = [
            (Cap::Vfs, self.vfs.is_some()),
            (Cap::Commands, commands),
            (Cap::Exec, commands),
            (Cap::Kv, self.kv.is_some()),
            (Cap::Secrets, self.secrets.is_some()),
            (Cap::Queue, self.queue.is_some()),
            (Cap::Tcp, sockets),
            (Cap::Udp, sockets),
            (Cap::Tls, sockets),
            (Cap::Net, self.net.is_some()),
            (Cap::Llm, self.llm.is_some()),
            (Cap::Browse, self.browse.is_some()),
            (Cap::Parallel, commands),
        ];
        let caps = provided.into_iter().filter(|(_, provided)| *provided);
        caps.map(|(cap, _)| cap).collect()
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
            .field("provided", &self.provided())
            .field("recorder", &self.recorder.is_some())
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
