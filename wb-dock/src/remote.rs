//! The host's side of a run whose guest is somewhere else: in a worker process, a
//! container or a virtual machine.
//!
//! What such a guest asks for arrives as messages of a process that may have been
//! taken over. So nothing it says about itself counts: grant, scopes, budget and
//! deadline are those kept here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wb_policy::{Budget, CapSet, Exceeded, Grant, Profiles, Resource};

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
        let meter = Meter::start(Budget::new(name, grant.limits()));
        Self::on_meter(meter, grant, services)
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
        let meter = job.0.child(name, grant.limits())?;
        Ok(Self::on_meter(meter, grant, services))
    }

    fn on_meter(meter: Meter, grant: &Grant, services: &Services) -> Self {
        let account = Account {
            meter,
            alone: true,
            share: 1,
        };
        let (services, grant) = (Arc::new(services.clone()), Arc::new(grant.clone()));
        Self {
            client: Client::new(services, grant, account),
        }
    }

    /// Starts it: its time begins now, unless it runs in a job, and the recorder is
    /// told.
    #[must_use]
    pub fn start(mut self) -> Self {
        let budget = self.client.meter.budget().clone();
        let depth = budget.depth();
        if depth == 0 {
            self.client.meter = Meter::start(budget);
        }
        self.client.services.record(&Event::Started {
            command: self.name(),
            depth,
        });
        self
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

    /// How long it may still take.
    pub fn time_left(&self) -> Duration {
        self.client.meter.remaining()
    }

    /// The error of a run that is over its time.
    pub fn out_of_time(&self) -> Exceeded {
        let meter = &self.client.meter;
        meter.budget().out_of_time(meter.elapsed())
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

    /// Closes the ledger and notes how the run ended.
    ///
    /// Time, host calls, egress and children are those counted here; memory, fuel
    /// and output are what the guest's side reports.
    ///
    /// # Errors
    ///
    /// The error that `ended` is.
    pub fn finish(self, ended: Result<Outcome, Error>) -> Result<Outcome, Error> {
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
        self.client.services.record(&Event::Finished(Step {
            command: meter.budget().by(),
            depth: meter.budget().depth(),
            ended: how,
            elapsed,
            usage,
            caps: &caps,
        }));
        ended
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
