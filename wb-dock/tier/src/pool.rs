//! Workers that are kept for the next call, and what a call is.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wb_dock::{
    ErrorKind, Grant, Invocation, InvocationParts, Outcome, RandomOf, RemoteRun, Services,
    Unanswered,
};
use wb_policy::{CapSet, Profiles, Tier};

use crate::channel::Worker;
use crate::host::Host;
use crate::wire::{self, Fault, FromWorker, Load, Run, ToWorker};
use crate::worker::Settings;
use crate::{Attempt, Confinement, Error, Module, Runner, Unavailable};
use report::Allowed;

#[cfg(test)]
mod hostile;
mod report;

/// Workers kept without a call. Each holds the code of one program and no memory of
/// a guest to speak of.
const MOST_IDLE: usize = 16;

/// How long compiling may take: as much as the largest module that is let in needs.
const COMPILE: Duration = Duration::from_mins(2);

/// How much later than the guest's deadline its worker is killed. The worker ends
/// the guest by itself, and has then more to tell.
const GRACE: Duration = Duration::from_millis(500);

/// Starts workers of one tier.
pub(crate) trait Launch: Send + Sync {
    const TIER: Tier;

    /// Whether the worker has a machine or a container to itself.
    const ALONE: bool;

    /// How long it may take to start. A virtual machine without hardware support
    /// takes seconds.
    const START: Duration = Duration::from_mins(1);

    fn launch(&self, settings: Settings) -> Result<Worker, Error>;
}

/// The workers of one tier, kept between calls.
pub(crate) struct Pool<L> {
    pub(crate) launch: L,
    idle: Mutex<Vec<(Key, Worker)>>,
}

/// Whom a worker belongs to. It never serves anybody else, not even the same program
/// of another tenant.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    digest: [u8; 32],
    tenant: String,
    grant: Grant,
    provided: CapSet,
}

impl<L: Launch> Pool<L> {
    pub(crate) fn new(launch: L) -> Self {
        Self {
            launch,
            idle: Mutex::default(),
        }
    }

    /// Starts a worker, which has not been told anything yet.
    fn start(&self, settings: Settings) -> Result<(Worker, Confinement), Error> {
        let mut worker = self.launch.launch(settings)?;
        worker.set_time(L::START);
        let message = match worker.receive(1 << 12) {
            Ok(FromWorker::Hello {
                version: wire::VERSION,
                confinement,
            }) => {
                let Some(missing) = confinement.missing(L::ALONE) else {
                    return Ok((worker, confinement));
                };
                return Err(Unavailable {
                    tier: L::TIER,
                    missing: format!("its workers have not {missing}"),
                    remedy: "use a Linux kernel of version 5.13 or newer with Landlock and \
                             seccomp enabled, or a stronger tier"
                        .to_owned(),
                }
                .into());
            }
            Ok(FromWorker::Hello { version, .. }) => {
                let wanted = wire::VERSION;
                format!("it speaks version {version} of the protocol, version {wanted} wanted")
            }
            Ok(_) => "it did not say hello".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                match worker.complaint() {
                    said if said.is_empty() => worker.end(),
                    said => said,
                }
            }
            Err(error) => format!("{error}; {}", worker.complaint()),
        };
        Err(Error::Start {
            tier: L::TIER,
            message,
        })
    }

    /// Starts a worker, has it try `attempts`, and ends it.
    ///
    /// # Errors
    ///
    /// When there is no worker to be had.
    pub(crate) fn try_out(
        &self,
        attempts: &[Attempt],
    ) -> Result<(Confinement, Vec<Option<i32>>), Error> {
        let (mut worker, confinement) = self.start(Settings {
            memory: 64 << 20,
            fuel: false,
            is_machine: false,
        })?;
        let mut results = Vec::new();
        for attempt in attempts {
            let tried = worker
                .send(&ToWorker::Attempt(*attempt))
                .and_then(|()| worker.receive(1 << 12));
            match tried {
                Ok(FromWorker::Attempted(result)) => results.push(result),
                Ok(_) => return Err(protocol("probe", "another answer than was asked for")),
                Err(_) => return Err(died("probe", worker)),
            }
        }
        Ok((confinement, results))
    }

    /// A worker with the program in it.
    fn worker(
        &self,
        key: &Key,
        module: &Module,
        run: &RemoteRun,
        name: &str,
    ) -> Result<Worker, Error> {
        while let Some(mut worker) = self.take(key) {
            if worker.is_alive() {
                return Ok(worker);
            }
        }
        let limits = key.grant.limits();
        let (mut worker, _) = self.start(Settings {
            memory: limits.memory,
            fuel: limits.fuel.is_some(),
            is_machine: false,
        })?;
        worker.set_time(COMPILE);
        let load = ToWorker::Load(Load {
            wasm: module.wasm().clone(),
            caps: key.grant.caps().iter().collect(),
            provided: key.provided.iter().collect(),
            profile: key.grant.profile_name().to_owned(),
            limits: limits.into(),
        });
        let answer = worker
            .send(&load)
            .and_then(|()| worker.receive(wire::MOST_ASKED));
        match answer {
            Ok(FromWorker::Loaded(Ok(()))) => Ok(worker),
            Ok(FromWorker::Loaded(Err(fault))) => Err(explain(fault, run).into()),
            Ok(_) => Err(protocol(name, "no word of the program")),
            Err(error) => Err(Self::broken(name, worker, &error)),
        }
    }

    fn broken(name: &str, worker: Worker, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::InvalidData => protocol(name, &error.to_string()),
            io::ErrorKind::TimedOut => Error::Died {
                command: name.to_owned(),
                how: "it took too long and was ended".to_owned(),
            },
            _ => died(name, worker),
        }
    }

    fn take(&self, key: &Key) -> Option<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().rposition(|(held, _)| held == key)?;
        Some(idle.remove(at).1)
    }

    fn keep(&self, key: Key, worker: Worker) {
        let oldest = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((key, worker));
            (idle.len() > MOST_IDLE).then(|| idle.remove(0))
        };
        // Ended after the lock is gone: it takes a moment.
        drop(oldest);
    }

    /// The processes of the workers that wait for a call.
    pub(crate) fn idle_processes(&self) -> Vec<u32> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().map(|(_, worker)| worker.id()).collect()
    }

    /// One call, from its first message to its last.
    fn call(
        worker: &mut Worker,
        run: &mut RemoteRun,
        parts: InvocationParts,
    ) -> io::Result<Result<Outcome, wb_dock::Error>> {
        let limits = run.grant().limits();
        worker.set_time(run.time_left().saturating_add(GRACE));
        let allowed = Allowed::new(limits, &parts.mounts);
        let (message, mut host) = prepare(run, parts);
        worker.send(&ToWorker::Run(message))?;
        // What a run can leave: output, and files, which its memory holds.
        let room = limits.output.saturating_add(limits.memory);
        let most = room.saturating_add(wire::MOST_ASKED);
        loop {
            match worker.receive(most)? {
                FromWorker::Ask(ask) => {
                    let answer = match host.answer(ask) {
                        Ok(answer) => Ok(answer),
                        Err(Unanswered::Failed(failure)) => Err(failure.into()),
                        Err(Unanswered::Stop(exceeded)) => return Ok(Err(exceeded.into())),
                    };
                    worker.send(&ToWorker::Answer(answer))?;
                }
                FromWorker::Done(Ok(report)) => return Ok(Ok(allowed.outcome(report)?)),
                FromWorker::Done(Err(ended)) => {
                    let (fault, report) = *ended;
                    let error = explain(fault, host.run);
                    return Ok(Err(match report {
                        Some(report) => error.with_outcome(allowed.outcome(report)?),
                        None => error,
                    }));
                }
                _ => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "no word of the run",
                    ));
                }
            }
        }
    }
}

impl<L: Launch> Runner for Pool<L> {
    fn tier(&self) -> Tier {
        L::TIER
    }

    fn run(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        let parts = invocation.into_parts();
        let name = parts.name.clone();
        let run = RemoteRun::new(&name, grant, services);
        let key = Key {
            digest: module.digest(),
            tenant: run.session().tenant.clone(),
            grant: grant.clone(),
            provided: run.provided(),
        };
        let mut worker = self.worker(&key, module, &run, &name)?;
        let mut run = run.start();
        match Self::call(&mut worker, &mut run, parts) {
            Ok(ended) => {
                // A run that was ended from here left its worker in the middle of it.
                let is_in_step = match &ended {
                    Ok(_) => true,
                    Err(error) => error.outcome().is_some(),
                };
                if is_in_step {
                    self.keep(key, worker);
                }
                Ok(run.finish(ended)?)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                drop(worker);
                let over = run.out_of_time();
                Ok(run.finish(Err(over.into()))?)
            }
            Err(error) => {
                let error = Self::broken(&name, worker, &error);
                let crash = ErrorKind::Trap {
                    command: name,
                    message: error.to_string(),
                };
                drop(run.finish(Err(crash.into())));
                Err(error)
            }
        }
    }
}

impl<L: fmt::Debug> fmt::Debug for Pool<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.launch.fmt(f)
    }
}

/// The message that starts a run, and what stays with the host of it.
fn prepare(run: &mut RemoteRun, parts: InvocationParts) -> (Run, Host<'_>) {
    let (stdin, stream) = parts.stdin.into_parts();
    let streams = (parts.stdout.into_stream(), parts.stderr.into_stream());
    let session = run.session();
    let message = Run {
        session: (session.id.clone(), session.tenant.clone()),
        name: parts.name,
        args: parts.args,
        env: parts.env,
        stdin1: parts.arg_mode == wb_dock::ArgMode::Stdin1,
        mounts: parts.mounts.iter().map(Into::into).collect(),
        stdin,
        stdin_goes_on: stream.is_some(),
        streams: (streams.0.is_some(), streams.1.is_some()),
        host_clock: run.clock().is_some(),
        seed: match run.random() {
            RandomOf::Seed(seed) => Some(seed),
            RandomOf::Host(_) => None,
        },
    };
    let host = Host {
        run,
        stdin: stream,
        stdout: streams.0,
        stderr: streams.1,
    };
    (message, host)
}

fn explain(fault: Fault, run: &RemoteRun) -> wb_dock::Error {
    match run.profiles() {
        Some(profiles) => fault.into_error(run.grant(), profiles),
        None => fault.into_error(run.grant(), &Profiles::built_in()),
    }
}

fn protocol(name: &str, message: &str) -> Error {
    Error::Protocol {
        command: name.to_owned(),
        message: message.to_owned(),
    }
}

fn died(name: &str, worker: Worker) -> Error {
    Error::Died {
        command: name.to_owned(),
        how: worker.end(),
    }
}
