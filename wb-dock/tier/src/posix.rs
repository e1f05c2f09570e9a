use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use wb_dock::{ErrorKind, Grant, Invocation, InvocationParts, Job, Outcome, RemoteRun, Services};
use wb_policy::{Cap, Limits, Tier};

use crate::container::{Containers, Program, Writable};
use crate::{Error, NotAllowed, Unavailable};
use running::Running;
use scratch::Scratch;

pub(crate) mod native;
mod opt_in;
mod running;
mod scratch;

pub use opt_in::DeployerOptIn;

/// Runs native binaries: the posix shape.
///
/// A native binary has no sandbox of its own, so there are three locks before one
/// runs: the grant holds `posix`; the deployer has named the very file; and it runs
/// in a container, or in a confined process where the deployer says that will do.
///
/// Either way it has an environment with nothing of the host's in it, a scratch
/// directory that is its working directory and is gone afterwards, no network, limits
/// on memory, processor time, files and processes, and ends at its deadline with
/// everything it started; so it does when the directory holds more than it may have in
/// memory. In a container the limit on memory is one for all processes; in a process it
/// is one for each of them. The mounts of the invocation are copied into the scratch
/// directory; what it leaves there comes back in the outcome.
///
/// In a process the environment is empty; container runtimes always set a few variables
/// to values of their own: `HOME`, and in podman and docker `PATH` and `HOSTNAME`; in
/// docker those of proxies are there and empty.
#[derive(Debug)]
pub struct Posix {
    opt_in: DeployerOptIn,
    cage: Cage,
}

#[derive(Debug)]
enum Cage {
    Container { runtime: PathBuf },
    Process { worker: PathBuf },
}

/// Memory of a container on top of what the binary may use, for its code and its
/// libraries.
const HEADROOM: u64 = 64 << 20;

/// What is run to see whether a runtime works: it is there wherever there are others,
/// and does nothing.
const PROBE: &str = "/bin/true";

impl Posix {
    /// Runs what `opt_in` names in containers of the first runtime of this machine
    /// that works, which is found by running `/bin/true` in it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] with what each runtime said.
    pub fn new(opt_in: DeployerOptIn) -> Result<Self, Error> {
        let runtime = Containers::found(Path::new(PROBE))?;
        Ok(Self::in_container(opt_in, runtime))
    }

    /// Runs what `opt_in` names in containers of `runtime`, as in
    /// [`Container::with_runtime`](crate::Container::with_runtime).
    pub fn in_container(opt_in: DeployerOptIn, runtime: impl Into<PathBuf>) -> Self {
        let runtime = runtime.into();
        Self {
            opt_in,
            cage: Cage::Container { runtime },
        }
    }

    /// Runs what `opt_in` names in confined processes. `worker` is a binary whose
    /// `main` calls [`worker_if_asked`](crate::worker_if_asked).
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] unless the deployer has said that a process will do.
    pub fn in_process(opt_in: DeployerOptIn, worker: impl Into<PathBuf>) -> Result<Self, Error> {
        if !opt_in.process_will_do {
            return Err(Unavailable {
                tier: Tier::Container,
                missing: "a native binary has to run in a container".to_owned(),
                remedy: "install runc, or have the deployer say that a process will do".to_owned(),
            }
            .into());
        }
        let worker = worker.into();
        Ok(Self {
            opt_in,
            cage: Cage::Process { worker },
        })
    }

    /// The tier that binaries run in.
    pub fn tier(&self) -> Tier {
        match self.cage {
            Cage::Container { .. } => Tier::Container,
            Cage::Process { .. } => Tier::Process,
        }
    }

    /// Runs the binary that the invocation names.
    ///
    /// # Errors
    ///
    /// [`Error::NotAllowed`] without the capability or the deployer's word;
    /// [`Error::Unavailable`] under a runtime whose limits do not hold here, as those of
    /// runc without the superuser; [`Error::Start`]; [`Error::Dock`] with the limit that it reached, and what it
    /// had written until then.
    pub fn run(
        &self,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        self.run_as(grant, invocation, |name| {
            Ok(RemoteRun::new(name, grant, services))
        })
    }

    /// The same as one of the runs of `job`, which spends the job's budget and time too.
    ///
    /// # Errors
    ///
    /// As for [`Posix::run`], and the limit that the job has reached.
    pub fn run_in(
        &self,
        job: &Job,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        self.run_as(grant, invocation, |name| {
            RemoteRun::in_job(job, name, grant, services)
        })
    }

    fn run_as(
        &self,
        grant: &Grant,
        invocation: Invocation,
        run: impl FnOnce(&str) -> Result<RemoteRun, wb_dock::Error>,
    ) -> Result<Outcome, Error> {
        let parts = invocation.into_parts();
        let not_allowed = |reason| Error::NotAllowed {
            binary: parts.name.clone(),
            reason,
        };
        if !grant.caps().contains(Cap::Posix) {
            return Err(not_allowed(NotAllowed::Grant));
        }
        let binary = self.opt_in.find(&parts.name);
        let binary = binary.ok_or_else(|| not_allowed(NotAllowed::Deployer))?;
        if let Some(argument) = parts.args.iter().find(|argument| argument.contains('\0')) {
            return Err(wb_dock::Error::from(ErrorKind::BadArgument {
                argument: argument.clone(),
                reason: "it has a NUL in it".into(),
            })
            .into());
        }
        let name = parts.name.clone();
        let run = run(&name)?.start();
        match self.ran(&run, binary, parts) {
            Ok(outcome) => Ok(run.finish(Ok(outcome))?),
            Err(Error::Dock(error)) => Ok(run.finish(Err(error))?),
            Err(error) => {
                // It is noted as well that it did not start.
                let message = error.to_string();
                let crash = ErrorKind::Trap {
                    command: name,
                    message,
                };
                drop(run.finish(Err(crash.into())));
                Err(error)
            }
        }
    }

    fn ran(
        &self,
        run: &RemoteRun,
        binary: &Path,
        parts: InvocationParts,
    ) -> Result<Outcome, Error> {
        let limits = run.limits();
        let not_started = |error| Error::start(self.tier(), &error);
        let scratch = Scratch::new(&parts.mounts).map_err(not_started)?;
        let outputs = [parts.stdout, parts.stderr];
        let ended = match &self.cage {
            Cage::Process { worker } => {
                let mut command = native_command(worker, binary, &parts.args, limits);
                command.current_dir(scratch.path()).process_group(0);
                let running = Running::start(&mut command, parts.stdin, None);
                running.map_err(not_started)?.finish(run, &scratch, outputs)
            }
            Cage::Container { runtime } => {
                let program = Program {
                    args: parts.args,
                    memory: limits.memory.saturating_add(HEADROOM),
                    writable: Some(Writable {
                        scratch: scratch.path().to_owned(),
                        wall: run.time_left(),
                    }),
                };
                let inside = format!("/bin/{}", parts.name);
                let containers = Containers::of(runtime.clone(), binary, inside);
                let containers = containers.map_err(not_started)?;
                containers.hold_limits()?;
                let (mut start, id) = containers.start(&program).map_err(not_started)?;
                start.command.process_group(0);
                let running = Running::start(&mut start.command, parts.stdin, Some(&start.end));
                let ended = running.map_err(not_started)?.finish(run, &scratch, outputs);
                if let Ok(outcome) = &ended
                    && outcome.exit_code != 0
                    && let Some(why) = containers.refusal(&id, outcome.exit_code)
                {
                    let said = String::from_utf8_lossy(&outcome.stderr);
                    let why = match said.trim() {
                        said if why.contains(said) => why,
                        said => format!("{why}: {said}"),
                    };
                    return Err(not_started(io::Error::other(why)));
                }
                // Before its directory is read: nothing in it writes any more.
                drop(start.end);
                ended
            }
        };
        let mut outcome = ended?;
        outcome.files = scratch.into_files(limits.memory);
        Ok(outcome)
    }
}

/// The command that becomes `binary`, confined.
fn native_command(worker: &Path, binary: &Path, args: &[String], limits: Limits) -> Command {
    let settings = native::Settings {
        memory: limits.memory,
        cpu: limits.wall.as_secs().saturating_add(1),
    };
    let mut command = Command::new(worker);
    command
        .args(settings.args())
        .arg(binary)
        .args(args)
        .env_clear();
    command
}
