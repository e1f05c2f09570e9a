use std::fmt;
use std::sync::Arc;

use wasmtime::{InstancePre, Store, Trap, UpdateDeadline};
use wb_policy::{Budget, Grant};

use super::Invocation;
use crate::error::{Error, ErrorKind};
use crate::fs::FileSystem;
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
pub struct Command(Arc<Inner>);

struct Inner {
    program: Program,
    linked: InstancePre<Guest>,
    grant: Grant,
    services: Services,
}

impl Command {
    pub(crate) fn new(
        program: Program,
        linked: InstancePre<Guest>,
        grant: &Grant,
        services: &Services,
    ) -> Result<Self, Error> {
        if program.start().is_none() {
            return Err(ErrorKind::NotACommand {
                reason: "it exports no `_start`",
            }
            .into());
        }
        Ok(Self(Arc::new(Inner {
            program,
            linked,
            grant: grant.clone(),
            services: services.clone(),
        })))
    }

    /// The program behind the command.
    pub fn program(&self) -> &Program {
        &self.0.program
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when a limit of the grant stopped it, and
    /// [`ErrorKind::Trap`] when it crashed; [`Error::outcome`] then has what it had
    /// written. [`ErrorKind::BadArgument`] and [`ErrorKind::BadPath`] when it was
    /// not started.
    pub fn run(&self, invocation: Invocation) -> Result<Outcome, Error> {
        let budget = Budget::new(invocation.name.as_str(), self.0.grant.limits());
        self.run_metered(invocation, Meter::start(budget))
    }

    pub(crate) fn run_metered(
        &self,
        mut invocation: Invocation,
        meter: Meter,
    ) -> Result<Outcome, Error> {
        let engine = self.0.program.engine();
        let fs = FileSystem::new(std::mem::take(&mut invocation.mounts), meter.budget())?;
        let mut wasi = Wasi::new(meter, fs);
        wasi.args = invocation.arguments()?;
        wasi.env = invocation.environment()?;
        wasi.stdin = invocation.stdin;
        wasi.stdout = invocation.stdout;
        wasi.stderr = invocation.stderr;
        wasi.clock = self.0.services.clock.clone();
        wasi.random = self.0.services.random.clone();

        let _live = engine.live()?;
        let mut store = Store::new(engine.raw(), Guest::new(wasi));
        store.limiter(|guest| &mut guest.gauge);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            let in_time = store.data().wasi.meter.check_time();
            in_time.map_err(Stop::Limit)?;
            Ok(UpdateDeadline::Continue(1))
        });
        let ended = self.start(&mut store);
        let guest = store.into_data();
        let meter = guest.wasi.meter;
        let outcome = |exit_code| Outcome {
            exit_code,
            stdout: guest.wasi.stdout.into_bytes(),
            stderr: guest.wasi.stderr.into_bytes(),
            usage: meter.budget().usage(),
            elapsed: meter.elapsed(),
            files: guest.wasi.fs.into_files(),
        };
        match ended {
            Ok(()) => Ok(outcome(0)),
            Err(error) => match error.downcast_ref::<Stop>() {
                Some(Stop::Exit(code)) => Ok(outcome(*code)),
                _ => Err(self
                    .failure(&error, &invocation.name)
                    .with_outcome(outcome(-1))),
            },
        }
    }

    fn start(&self, store: &mut Store<Guest>) -> wasmtime::Result<()> {
        let instance = self.0.linked.instantiate(&mut *store)?;
        if let Some(memory) = self.0.program.memory() {
            let memory = instance.get_module_export(&mut *store, memory);
            store.data_mut().memory = memory.and_then(wasmtime::Extern::into_memory);
        }
        let start = self.0.program.start().ok_or(Stop::NoMemory)?;
        let start = instance
            .get_module_export(&mut *store, start)
            .and_then(wasmtime::Extern::into_func)
            .ok_or(Stop::NoMemory)?;
        start.typed::<(), ()>(&*store)?.call(&mut *store, ())
    }

    fn failure(&self, error: &wasmtime::Error, name: &str) -> Error {
        if let Some(Stop::Limit(exceeded)) = error.downcast_ref() {
            return exceeded.clone().into();
        }
        let message = match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => "call stack exhausted".to_owned(),
            Some(trap) => trap
                .to_string()
                .trim_start_matches("wasm trap: ")
                .to_owned(),
            None => format!("{error:#}"),
        };
        ErrorKind::Trap {
            command: name.to_owned(),
            message,
        }
        .into()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("caps", &self.0.grant.caps())
            .finish_non_exhaustive()
    }
}
