//! The host's side of a run whose guest is somewhere else: in a worker process, a
//! container or a virtual machine.
//!
//! What such a guest asks for arrives as messages of a process that may have been
//! taken over. So nothing it says about itself counts: grant, scopes, budget and
//! deadline are those kept here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wb_policy::{Budget, CapSet, Exceeded, Grant, Limits, Profiles, Resource, Usage};

use crate::cap::{Failure, Session};
use crate::client::{Account, Client, Refusal};
use crate::error::{Error, ErrorKind};
use crate::event::{Ended, Event, Step};
use crate::limits::{Meter, Stop};
use crate::outcome::Outcome;
use crate::services::Services;
use crate::shape::Job;
use crate::wasi::{Clock, ClockSource, Random, RandomSource};

mod calls;

/// One run whose guest is somewhere else.
///
/// Beside its account it has a method for each operation of each capability, which
/// does all that is done for a guest in this process: revocation, charge, scope and
/// sizes are checked, then the service is called.
pub struct RemoteRun {
    client: Client,
    /// How many runs at a time share what is left of memory and fuel.
    share: u64,
    /// Whether the recorder is told of it.
    is_recorded: bool,
}

/// Why a capability gave no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The guest is told, and goes on.
    Failed(Failure),
    /// The run must end: its own budget is spent.
    Stop(Exceeded),
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Exceeded> for Unanswered {
    fn from(exceeded: Exceeded) -> Self {
        Self::Stop(exceeded)
    }
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(failure) => Self::Failed(failure),
            Refusal::Stop(Stop::Limit(exceeded)) => Self::Stop(exceeded),
            // What only a guest in this process can do.
            Refusal::Stop(other) => Self::Failed(Failure::failed(other.to_string())),
        }
    }
}

/// Where the guests of some [`Services`] draw their randomness from.
#[derive(Clone)]
pub enum RandomOf {
    /// The repeatable generator, started at this seed.
    Seed(u64),
    /// A source of the host.
    Host(Arc<dyn Random>),
}

impl RemoteRun {
    /// A run called `name` that is about to start.
    pub fn new(name: &str, grant: &Grant, services: &Services) -> Self {
        let account = Account {
            meter: Meter::start(Budget::new(name, grant.limits())),
            alone: true,
            share: 1,
        };
        Self::on(account, grant, services)
    }

    /// The same as one of the runs of `job`, which spends the job's budget and time as
    /// well. Its own time starts now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when the job has no room for another run.
    pub fn in_job(
        job: &Job,
        name: &str,
        grant: &Grant,
        services: &Services,
    ) -> Result<Self, Error> {
        Ok(Self::on(
            job.account(name, grant.limits())?,
            grant,
            services,
        ))
    }

    /// A run on an account that is part of another's, and ends with it. Its time began
    /// with the account.
    pub fn on(account: Account, grant: &Grant, services: &Services) -> Self {
        let (services, grant) = (Arc::new(services.clone()), Arc::new(grant.clone()));
        Self {
            share: account.share,
            is_recorded: true,
            client: Client::new(services, grant, account),
        }
    }

    /// Starts it: its time begins now, unless it is on the account of another, and the
    /// recorder is told.
    #[must_use]
    pub fn start(mut self) -> Self {
        if !self.is_nested() {
            let budget = self.client.meter.budget().clone();
            self.client.meter = Meter::start(budget);
        }
        if self.is_recorded {
            self.client.services.record(&Event::Started {
                command: self.name(),
                depth: self.depth(),
            });
        }
        self
    }

    /// Is not told to the recorder, as kernels are not.
    #[must_use]
    pub fn unrecorded(mut self) -> Self {
        self.is_recorded = false;
        self
    }

    fn depth(&self) -> usize {
        self.client.meter.budget().depth()
    }

    /// The name it runs under.
    pub fn name(&self) -> &str {
        self.client.meter.budget().by()
    }

    /// What the run may do.
    pub fn grant(&self) -> &Grant {
        &self.client.grant
    }

    /// On whose behalf it runs.
    pub fn session(&self) -> &Session {
        &self.client.services.session
    }

    /// The capabilities that are granted and have something behind them.
    pub fn provided(&self) -> CapSet {
        self.client
            .services
            .provided()
            .intersection(self.client.grant.caps())
    }

    /// The profiles of the deployment, if it has declared its own.
    pub fn profiles(&self) -> Option<&Profiles> {
        self.client.services.profiles.as_deref()
    }

    /// The clock of the host; none when guests have the virtual one.
    pub fn clock(&self) -> Option<&Arc<dyn Clock>> {
        match &self.client.services.clock {
            ClockSource::Virtual(_) => None,
            ClockSource::Host(clock) => Some(clock),
        }
    }

    /// Where randomness comes from.
    pub fn random(&self) -> RandomOf {
        match &self.client.services.random {
            RandomSource::Seeded(seed) => RandomOf::Seed(*seed),
            RandomSource::Host(random) => RandomOf::Host(Arc::clone(random)),
        }
    }

    /// Whether it is on the account of another run.
    pub fn is_nested(&self) -> bool {
        self.depth() > 0
    }

    /// What the guest may use: the limits of its grant, and of those around it what is
    /// left.
    pub fn limits(&self) -> Limits {
        let own = self.client.grant.limits();
        if !self.is_nested() {
            return own;
        }
        let budget = self.client.meter.budget();
        let left = |resource| budget.remaining(resource);
        Limits {
            memory: left(Resource::Memory) / self.share,
            wall: self.time_left(),
            fuel: budget
                .take_fuel(0)
                .map(|_| left(Resource::Fuel) / self.share),
            output: left(Resource::Output),
            host_calls: left(Resource::HostCalls),
            egress: left(Resource::Egress),
            children: u32::try_from(left(Resource::Children)).unwrap_or(u32::MAX),
        }
        .tightest(own)
    }

    /// How long it may still take.
    pub fn time_left(&self) -> Duration {
        self.client.meter.remaining()
    }

    /// The error of a run that is over its time.
    pub fn out_of_time(&self) -> Exceeded {
        self.client.meter.out_of_time()
    }

    /// Spends from its budget.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] when there is no room, or its time is over.
    pub fn charge(&self, resource: Resource, amount: u64) -> Result<(), Exceeded> {
        self.client.meter.charge(resource, amount)?;
        self.client.meter.check_time()
    }

    /// What was spent until now.
    pub fn usage(&self) -> Usage {
        self.client.meter.budget().usage()
    }

    /// Raises what was spent to `used`, of which the guest's side knows: output, calls
    /// that it answered itself, fuel. Comes before everything that spends from the
    /// same budget here.
    ///
    /// A guest's side that lies can only spend more than it did.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] when there is no room.
    pub fn catch_up(&self, used: &Usage) -> Result<(), Exceeded> {
        let ours = self.usage();
        let amounts = [
            (Resource::Output, used.output, ours.output),
            (Resource::HostCalls, used.host_calls, ours.host_calls),
            (Resource::Fuel, used.fuel, ours.fuel),
        ];
        for (resource, used, ours) in amounts {
            self.client
                .meter
                .charge(resource, used.saturating_sub(ours))?;
        }
        Ok(())
    }

    /// The limit that the guest's side met, after it had spent `used`, in the words of
    /// the ledger: whose it is, and how much it is in all.
    pub fn in_full(&self, met: Exceeded, used: &Usage) -> Exceeded {
        if !self.is_nested() || *met.by != *self.name() {
            return met;
        }
        let meter = &self.client.meter;
        let refused = match met.resource {
            Resource::Wall => return self.out_of_time(),
            Resource::Memory => {
                let most = used.memory_peak.saturating_add(met.asked);
                meter.budget().reserve_memory(most).err()
            }
            resource => {
                let caught_up = self.catch_up(used);
                caught_up
                    .and_then(|()| meter.charge(resource, met.asked))
                    .err()
            }
        };
        refused.unwrap_or(met)
    }

    /// Closes the ledger and notes how the run ended.
    ///
    /// Time, host calls, egress and children are those counted here; memory, fuel
    /// and output are what the guest's side reports, and are spent here as well.
    ///
    /// # Errors
    ///
    /// The error that `ended` is, or [`ErrorKind::Limit`] of a run around it that has no room
    /// for what was reported.
    pub fn finish(self, ended: Result<Outcome, Error>) -> Result<Outcome, Error> {
        let ended = self.spend(ended);
        let meter = &self.client.meter;
        let ours = meter.budget().usage();
        let caps = meter.budget().caps();
        let elapsed = meter.elapsed();
        let settle = |outcome: &mut Outcome| {
            outcome.elapsed = elapsed;
            outcome.caps.clone_from(&caps);
            let usage = &mut outcome.usage;
            usage.host_calls = usage.host_calls.max(ours.host_calls);
            usage.output = usage.output.max(ours.output);
            usage.egress = ours.egress;
            usage.children = ours.children;
        };
        let mut ended = ended;
        let (how, usage) = match &mut ended {
            Ok(outcome) => {
                settle(outcome);
                (Ended::Exit(outcome.exit_code), outcome.usage)
            }
            Err(error) => {
                let how = match error.kind() {
                    ErrorKind::Limit(exceeded) => Ended::Limit(exceeded.resource),
                    _ => Ended::Trap,
                };
                let usage = error.outcome_mut().map_or(ours, |outcome| {
                    settle(outcome);
                    outcome.usage
                });
                (how, usage)
            }
        };
        if self.is_recorded {
            self.client.services.record(&Event::Finished(Step {
                command: meter.budget().by(),
                depth: self.depth(),
                ended: how,
                elapsed,
                usage,
                caps: &caps,
            }));
        }
        ended
    }

    /// Charges what the guest's side reports to those around it. Output that they have no
    /// room for is not kept.
    fn spend(&self, mut ended: Result<Outcome, Error>) -> Result<Outcome, Error> {
        let outcome = match &mut ended {
            Ok(outcome) => Some(outcome),
            Err(error) => error.outcome_mut(),
        };
        let Some(outcome) = outcome else {
            return ended;
        };
        let used = outcome.usage;
        // Its memory is gone; what is left of it is how much there was at a time.
        let peak = self.client.meter.budget().reserve_memory(used.memory_peak);
        let spent = self.catch_up(&used);
        if matches!(&spent, Err(exceeded) if exceeded.resource == Resource::Output) {
            (outcome.stdout, outcome.stderr) = (Bytes::new(), Bytes::new());
        }
        match (peak.map(drop).and(spent), ended) {
            (Err(exceeded), Ok(outcome)) => Err(Error::from(exceeded).with_outcome(outcome)),
            (_, ended) => ended,
        }
    }
}

impl fmt::Debug for RemoteRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteRun")
            .field("grant", &self.client.grant)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RandomOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => f.debug_tuple("Seed").field(seed).finish(),
            Self::Host(_) => f.write_str("Host"),
        }
    }
}
