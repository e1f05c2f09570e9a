use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use wasmtime::{InstancePre, PoolConcurrencyLimitError, Store, Trap};
use wb_policy::{Budget, Exceeded, Grant, Resource};

use super::store::{end_at_deadline, store};
use super::{Invocation, Job};
use crate::client::{Account, Client};
use crate::error::{Error, ErrorKind};
use crate::event::{Ended, Event, Step};
use crate::guest::Guest;
use crate::limits::{Meter, Stop};
use crate::outcome::Outcome;
use crate::program::Program;
use crate::services::Services;
use crate::wasi::Wasi;

/// A program that was admitted, to be run from start to exit.
///
/// Every run has a fresh instance: nothing passes from one to the next. Cloning
/// shares the program; runs on several threads do not wait for each other.
#[derive(Clone)]
pub struct Command {
    program: Program,
    linked: InstancePre<Guest>,
    grant: Arc<Grant>,
    services: Arc<Services>,
}

impl Command {
    pub(crate) fn new(
        program: Program,
        linked: InstancePre<Guest>,
        grant: &Grant,
        services: &Arc<Services>,
    ) -> Result<Self, Error> {
        let reason = if program.start().is_none() {
            "it exports no function `_start`"
        } else if program.memory().is_none() && program.imports().next().is_some() {
            "it exports no `memory` for what it imports"
        } else {
            return Ok(Self {
                program,
                linked,
                grant: Arc::new(grant.clone()),
                services: Arc::clone(services),
            });
        };
        Err(ErrorKind::NotACommand {
            reason: reason.into(),
        }
        .into())
    }

    /// The program behind the command.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Runs the command to its end.
    ///
    /// The guest has a stack of its own, so this needs little of the caller's,
    /// and the depth a guest can recurse to is the same on every thread.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when a limit of the grant stopped it, and
    /// [`ErrorKind::Trap`] when it crashed; [`Error::outcome`] then has what it had
    /// written. When it was not started: [`ErrorKind::BadArgument`] for a NUL in an
    /// argument or variable, or a `=` in a variable's name; [`ErrorKind::BadPath`] for a
    /// mount that leads through a file, has a `..` or is there twice;
    /// [`ErrorKind::Busy`] when the engine's pool has no room.
    pub fn run(&self, invocation: Invocation) -> Result<Outcome, Error> {
        let budget = Budget::new(invocation.name.as_str(), self.grant.limits());
        let account = Account {
            meter: Meter::start(budget),
            alone: true,
            share: 1,
        };
        self.run_on(account, invocation)
    }

    /// Runs the command to its end as a part of `job`, whose budget and time it spends.
    ///
    /// # Errors
    ///
    /// As [`Command::run`]; [`ErrorKind::Limit`] also for what the job may use.
    pub fn run_in(&self, job: &Job, invocation: Invocation) -> Result<Outcome, Error> {
        let account = job.account(&invocation.name, self.grant.limits())?;
        self.run_on(account, invocation)
    }

    /// Runs the command to its end on the account of another run, whose budget and time
    /// it spends.
    ///
    /// # Errors
    ///
    /// As [`Command::run`]; [`ErrorKind::Limit`] also for what the other run may use.
    pub fn run_on(&self, account: Account, invocation: Invocation) -> Result<Outcome, Error> {
        let engine = self.program.engine();
        let meter = account.meter.clone();
        let budget = meter.budget().clone();
        let depth = budget.depth();
        let name = Arc::clone(budget.by());
        let cpu = self.services.cpu_watch();
        let wasi = invocation.into_wasi(meter, &self.services)?;

        // None taken where none is limited: then it is only counted.
        let taken = engine
            .counts_fuel()
            .then(|| budget.take_fuel(budget.remaining(Resource::Fuel) / account.share));
        let services = Arc::clone(&self.services);
        let client = Client::new(services, Arc::clone(&self.grant), account);
        let _live = engine.live()?;
        let fuel = taken.map(|taken| taken.unwrap_or(u64::MAX));
        let mut store = store(engine.raw(), Guest::new(wasi, client), fuel)?;
        end_at_deadline(&mut store);
        self.services.record(&Event::Started {
            command: &name,
            depth,
        });
        let ended = on_own_stack(self.start(&mut store))
            .map_or_else(|error| Self::failure(&error, &budget), |()| Ok(0));
        if let Some(taken) = taken {
            let left = store.get_fuel().unwrap_or(0);
            match taken {
                Some(_) => budget.return_fuel(left),
                // Within the limit of `u64`, which nothing reaches.
                None => drop(budget.charge(Resource::Fuel, u64::MAX - left)),
            }
        }
        let Wasi {
            meter,
            fs,
            stdout,
            stderr,
            ..
        } = store.into_data().wasi;
        let exit_code = *ended.as_ref().unwrap_or(&-1);
        let outcome = Outcome {
            exit_code,
            stdout: stdout.into_bytes(),
            stderr: stderr.into_bytes(),
            usage: meter.budget().usage(),
            caps: meter.budget().caps(),
            cpu: cpu.map(|cpu| cpu.elapsed() + meter.budget().cpu()),
            elapsed: meter.elapsed(),
            files: fs.into_files(),
        };
        self.services.record(&Event::Finished(Step {
            command: &name,
            depth,
            ended: match ended.as_ref().map_err(Error::kind) {
                Ok(code) => Ended::Exit(*code),
                Err(ErrorKind::Limit(exceeded)) => Ended::Limit(exceeded.resource),
                Err(_) => Ended::Trap,
            },
            elapsed: outcome.elapsed,
            usage: outcome.usage,
            caps: &outcome.caps,
        }));
        match ended {
            Ok(_) => Ok(outcome),
            Err(error) => Err(error.with_outcome(outcome)),
        }
    }

    async fn start(&self, store: &mut Store<Guest>) -> wasmtime::Result<()> {
        let instance = self.linked.instantiate_async(&mut *store).await?;
        if let Some(memory) = self.program.memory() {
            let memory = instance.get_module_export(&mut *store, memory);
            store.data_mut().memory = memory.and_then(wasmtime::Extern::into_memory);
        }
        let start = self
            .program
            .start()
            .and_then(|start| instance.get_module_export(&mut *store, start))
            .and_then(wasmtime::Extern::into_func)
            .expect("the export was there when the command was admitted");
        let start = start.typed::<(), ()>(&*store)?;
        start.call_async(&mut *store, ()).await
    }

    /// The exit code that comes as an error, or the error it is.
    pub(super) fn failure(error: &wasmtime::Error, budget: &Budget) -> Result<i32, Error> {
        let command = || budget.by().to_string();
        if let Some(stop) = error.downcast_ref::<Stop>() {
            match stop {
                Stop::Exit(code) => return Ok(*code),
                Stop::Limit(exceeded) => return Err(exceeded.clone().into()),
                Stop::NoMemory => {}
            }
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Err(ErrorKind::Busy { command: command() }.into());
        }
        let message = match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => {
                return Err(Error::from(Exceeded {
                    resource: Resource::Fuel,
                    limit: budget.limits().fuel.unwrap_or(u64::MAX),
                    asked: 1,
                    by: Arc::clone(budget.by()),
                }));
            }
            Some(trap) => trap
                .to_string()
                .trim_start_matches("wasm trap: ")
                .to_owned(),
            None => format!("{error:#}"),
        };
        let command = command();
        Err(ErrorKind::Trap { command, message }.into())
    }
}

/// Runs to the end what uses a future only for the stack that comes with it.
pub(super) fn on_own_stack<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut polling = std::task::Context::from_waker(Waker::noop());
    loop {
        // Nothing in it waits: host functions are synchronous, and the deadline
        // callback never yields. One poll is all there is.
        if let Poll::Ready(value) = future.as_mut().poll(&mut polling) {
            return value;
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("caps", &self.grant.caps())
            .finish_non_exhaustive()
    }
}
