//! Workers that are kept for the next call, and what a call is.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use wb_dock::{Account, Engine, ErrorKind, Grant, Invocation, Outcome, RemoteRun, Services};
use wb_policy::{CapSet, Profiles, Tier};

use crate::channel::Worker;
use crate::wire::{self, Fault, FromWorker, Load, Text, ToWorker, Work};
use crate::worker::{Kind, Settings};
use crate::{Attempt, Confinement, Contract, Error, Module, Unavailable};
use compiler::Compiler;

mod call;
mod compiler;
#[cfg(test)]
mod hostile;
mod report;
mod runner;

/// Workers kept without a call. Each holds the code of one program and no memory of
/// a guest to speak of.
const MOST_IDLE: usize = 16;

/// How long compiling may take: as much as the largest module that is let in needs.
const COMPILE: Duration = Duration::from_mins(2);

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
    /// Ends before `launch`, which may hold what these workers run on, and without which
    /// what was set up for them cannot be undone.
    idle: Mutex<Vec<(Key, Worker)>>,
    pub(crate) launch: L,
    /// The processes of the workers with a call under way.
    busy: Mutex<Vec<u32>>,
    compiler: Option<Compiler>,
}

/// Whom a worker belongs to. It never serves anybody else, not even the same program
/// of another tenant.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    digest: [u8; 32],
    contract: Contract,
    tenant: String,
    grant: Grant,
    provided: CapSet,
    /// Whether its engine counts fuel: a run on the account of another may have to.
    counts_fuel: bool,
}

/// What is asked for: a program and what it is granted.
#[derive(Clone, Copy)]
pub(crate) struct Guest<'a> {
    pub(crate) module: &'a Module,
    pub(crate) grant: &'a Grant,
    pub(crate) services: &'a Services,
}

impl<L: Launch> Pool<L> {
    pub(crate) fn new(launch: L) -> Self {
        Self {
            idle: Mutex::default(),
            launch,
            busy: Mutex::default(),
            compiler: None,
        }
    }

    /// Has programs of ours compiled here, once for all workers.
    pub(crate) fn compile_on(&mut self, engine: Engine) {
        self.compiler = Some(Compiler::new(engine));
    }

    /// Starts a worker, which has not been told anything yet and has `time` to say hello.
    fn start(&self, settings: Settings, time: Duration) -> Result<(Worker, Confinement), Error> {
        let mut worker = self.launch.launch(settings)?;
        worker.set_time(time);
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
        let settings = Settings {
            memory: 64 << 20,
            fuel: false,
            kind: Kind::Command,
            is_machine: false,
        };
        let (mut worker, confinement) = self.start(settings, L::START)?;
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
    fn worker(&self, key: &Key, guest: Guest<'_>, run: &RemoteRun) -> Result<Worker, Error> {
        let name = run.name();
        while let Some(mut worker) = self.take(key) {
            if worker.is_alive() {
                return Ok(worker);
            }
        }
        let code = match &self.compiler {
            Some(compiler) => compiler.code(guest, key.counts_fuel)?,
            None => None,
        };
        let limits = key.grant.limits();
        let settings = Settings {
            memory: limits.memory,
            fuel: key.counts_fuel,
            kind: Kind::of(&key.contract),
            is_machine: false,
        };
        // The time of a run on the account of another has begun.
        let time = |most: Duration| {
            if run.is_nested() {
                most.min(run.time_left())
            } else {
                most
            }
        };
        let (mut worker, _) = self.start(settings, time(L::START))?;
        worker.set_time(time(COMPILE));
        let load = |text| {
            ToWorker::Load(Load {
                text,
                digest: key.digest,
                contract: key.contract.clone(),
                caps: key.grant.caps().iter().collect(),
                provided: key.provided.iter().collect(),
                profile: key.grant.profile_name().to_owned(),
                limits: limits.into(),
            })
        };
        let mut tell = |code: Option<&[u8]>| {
            match code {
                None => worker.send(&load(Text::Wasm(guest.module.wasm().clone())))?,
                Some(code) => {
                    worker.send(&load(Text::Code(code.len() as u64)))?;
                    worker.send_bytes(code)?;
                }
            }
            worker.receive(wire::MOST_ASKED)
        };
        let answer = match tell(code.as_deref()) {
            Ok(FromWorker::WantsWasm) => tell(None),
            answer => answer,
        };
        match answer {
            Ok(FromWorker::Loaded(Ok(()))) => Ok(worker),
            Ok(FromWorker::Loaded(Err(fault))) => Err(explain(fault, &key.contract, run).into()),
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

    /// Kills the workers that have a call under way.
    pub(crate) fn kill_calls(&self) -> usize {
        let busy = self.busy();
        let processes = busy
            .iter()
            .filter_map(|id| Pid::from_raw(i32::try_from(*id).ok()?));
        processes
            .filter(|id| kill_process(*id, Signal::KILL).is_ok())
            .count()
    }

    /// Whether the program of `guest` may run.
    pub(crate) fn make_ready(&self, guest: Guest<'_>) -> Result<(), Error> {
        let run = RemoteRun::new("guest", guest.grant, guest.services);
        let key = Key::new(guest, &run);
        let worker = self.worker(&key, guest, &run)?;
        self.keep(key, worker);
        Ok(())
    }

    /// Does `work` once, on the account of another run if there is one.
    pub(crate) fn perform(
        &self,
        guest: Guest<'_>,
        account: Option<Account>,
        invocation: Invocation,
        work: Work,
    ) -> Result<(Bytes, Outcome), Error> {
        let parts = invocation.into_parts();
        let name = parts.name.clone();
        let run = match account {
            None => RemoteRun::new(&name, guest.grant, guest.services),
            Some(account) => RemoteRun::on(account, guest.grant, guest.services),
        };
        let key = Key::new(guest, &run);
        let mut worker = match self.worker(&key, guest, &run) {
            Err(_) if run.is_nested() && run.time_left().is_zero() => {
                return Err(wb_dock::Error::from(run.out_of_time()).into());
            }
            worker => worker?,
        };
        let run = match &work {
            Work::Frame(_) => run.unrecorded(),
            _ => run,
        };
        let mut run = run.start();
        let process = worker.id();
        self.busy().push(process);
        let ended = call::call(&mut worker, &mut run, &key.contract, parts, work);
        // Before its process is waited for: from then on the number may be another's.
        self.busy().retain(|id| *id != process);
        match ended {
            Ok(ended) => {
                if ended.is_in_step {
                    self.keep(key, worker);
                }
                let (value, outcome) = match ended.outcome {
                    Ok((value, outcome)) => (value, Ok(outcome)),
                    Err(error) => (Bytes::new(), Err(error)),
                };
                Ok((value, run.finish(outcome)?))
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                drop(worker);
                let over = run.out_of_time();
                Ok((Bytes::new(), run.finish(Err(over.into()))?))
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

    fn busy(&self) -> MutexGuard<'_, Vec<u32>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    fn new(guest: Guest<'_>, run: &RemoteRun) -> Self {
        Self {
            digest: guest.module.digest(),
            contract: guest.module.contract().clone(),
            tenant: run.session().tenant.clone(),
            grant: guest.grant.clone(),
            provided: run.provided(),
            counts_fuel: run.limits().fuel.is_some(),
        }
    }
}

impl<L: fmt::Debug> fmt::Debug for Pool<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.launch.fmt(f)
    }
}

fn explain(fault: Fault, contract: &Contract, run: &RemoteRun) -> wb_dock::Error {
    match run.profiles() {
        Some(profiles) => fault.into_error(contract, run.grant(), profiles),
        None => fault.into_error(contract, run.grant(), &Profiles::built_in()),
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
