use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use wb_policy::Tier;

use crate::bounded::output_within;
use crate::channel::Worker;
use crate::pool::{Launch, Pool};
use crate::worker::Settings;
use crate::{Attempt, Confinement, Error, Unavailable};

mod root;
mod runtime;

pub(crate) use runtime::{Program, Writable};

use root::Root;
use runtime::{Runtime, Start};

/// Runs guests in workers in containers: of runc, crun, podman or docker.
///
/// The container has a read-only root with the worker's binary and its libraries in
/// it and nothing else, no network, no capability, limits on memory, processors and
/// processes by control group, and a user namespace when this is not the superuser.
/// The worker in it confines itself as it does in the process tier.
#[derive(Debug)]
pub struct Container(pub(crate) Pool<Containers>);

/// A runtime and a root file system for its containers.
#[derive(Debug)]
pub(crate) struct Containers {
    name: PathBuf,
    runtime: Box<dyn Runtime>,
}

/// How long a runtime may take to start what does nothing.
const PROBE: Duration = Duration::from_mins(1);

/// Memory of a worker on top of what its guest may use: code, stacks, compiling.
const HEADROOM: u64 = 512 << 20;

impl Container {
    /// Workers of `worker`, a binary whose `main` calls
    /// [`worker_if_asked`](crate::worker_if_asked), under the first runtime of this
    /// machine that can start one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when there is no runtime that works, with what each said.
    pub fn new(worker: &Path) -> Result<Self, Error> {
        let mut said = Vec::new();
        for runtime in runtime::installed() {
            match Self::with_runtime(runtime, worker).and_then(|tier| {
                tier.0.try_out(&[])?;
                Ok(tier)
            }) {
                Ok(tier) => return Ok(tier),
                Err(error) => said.push(format!("`{runtime}`: {error}")),
            }
        }
        Err(missing(&said).into())
    }

    /// Workers of `worker` under one runtime, which is a name on the `PATH`, of which
    /// only absolute directories count, or a path.
    /// Its file name says what it is: podman, docker, or else a runtime that takes the
    /// bundles of the OCI.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] when there is no such runtime, or no root file system can be made of
    /// `worker` and the libraries it needs. Whether the runtime works shows with the first run.
    pub fn with_runtime(runtime: impl Into<PathBuf>, worker: &Path) -> Result<Self, Error> {
        let containers = Containers::of(runtime.into(), worker, "/worker".to_owned());
        let containers = containers.map_err(|error| Error::start(Tier::Container, &error))?;
        Ok(Self(Pool::new(containers)))
    }

    /// The runtime that starts the containers: its name, or its path.
    pub fn runtime(&self) -> &Path {
        &self.0.launch.name
    }

    /// Has a worker in a container make `attempts`: for each the error number of the
    /// system, or nothing if it worked.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] when there is no worker, [`Error::Unavailable`] when it cannot confine
    /// itself as it must, [`Error::Died`] and [`Error::Protocol`] when it does not answer.
    pub fn attempt(&self, attempts: &[Attempt]) -> Result<(Confinement, Vec<Option<i32>>), Error> {
        self.0.try_out(attempts)
    }
}

fn missing(said: &[String]) -> Unavailable {
    let missing = match said {
        [] => "neither runc, crun, podman nor docker is installed".to_owned(),
        said => format!("no runtime could start a container ({})", said.join("; ")),
    };
    Unavailable {
        tier: Tier::Container,
        missing,
        remedy: "install one (on Debian: apt-get install runc) and allow this user control groups \
                 and namespaces"
            .to_owned(),
    }
}

impl Containers {
    /// Containers of `runtime` with `binary` at `inside`, and what it needs.
    pub(crate) fn of(runtime: PathBuf, binary: &Path, inside: String) -> io::Result<Self> {
        let program = runtime::program(&runtime)?;
        let root = Root::new(binary, inside)?;
        Ok(Self {
            runtime: runtime::family(program, root),
            name: runtime,
        })
    }

    /// Whether the runtime holds a program that does not limit itself to what it may use.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what it cannot do here.
    pub(crate) fn hold_limits(&self) -> Result<(), Unavailable> {
        let weak = |weakness| Unavailable {
            tier: Tier::Container,
            missing: format!("`{}` {weakness}", self.name.display()),
            remedy: "run it as the superuser, or under rootless podman with control groups of \
                     version 2 and memory, cpu and pids delegated to this user"
                .to_owned(),
        };
        self.runtime.hold_limits().map_err(weak)
    }

    /// Containers of the first runtime that can run `binary`, which is tried with no
    /// arguments and no input.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what each runtime said.
    pub(crate) fn found(binary: &Path) -> Result<PathBuf, Unavailable> {
        let mut said = Vec::new();
        for runtime in runtime::installed() {
            match Self::try_out(runtime.into(), binary) {
                Ok(()) => return Ok(runtime.into()),
                Err(error) => said.push(format!("`{runtime}`: {error}")),
            }
        }
        Err(missing(&said))
    }

    fn try_out(runtime: PathBuf, binary: &Path) -> io::Result<()> {
        // Under its own path: some binaries are many programs and go by it.
        let containers = Self::of(runtime, binary, binary.display().to_string())?;
        containers.runtime.hold_limits().map_err(io::Error::other)?;
        let program = Program {
            args: Vec::new(),
            memory: HEADROOM,
            writable: None,
        };
        let (mut start, _) = containers.start(&program)?;
        start.command.stdin(Stdio::null());
        start.command.stdout(Stdio::null()).stderr(Stdio::piped());
        let output = output_within(&mut start.command, PROBE)?;
        drop(start.end);
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(said.trim().to_owned()))
    }

    /// A container for one run of `program`, and its name.
    pub(crate) fn start(&self, program: &Program) -> io::Result<(Start, String)> {
        let id = runtime::unique("wb")?;
        Ok((self.runtime.start(&id, program)?, id))
    }

    /// Why the container `id` never started, if the runtime ended with `code` for that.
    pub(crate) fn refusal(&self, id: &str, code: i32) -> Option<String> {
        self.runtime.refusal(id, code)
    }
}

impl Launch for Containers {
    const TIER: Tier = Tier::Container;
    const ALONE: bool = true;

    fn launch(&self, settings: Settings) -> Result<Worker, Error> {
        let program = Program {
            args: settings.args().into(),
            memory: settings.memory.saturating_add(HEADROOM),
            writable: None,
        };
        let start = |error| Error::start(Tier::Container, &error);
        let (container, _) = self.start(&program).map_err(start)?;
        let Start { mut command, end } = container;
        command.stderr(Stdio::piped());
        let worker = Worker::spawn(command).map_err(start)?;
        Ok(worker.on_end(move || drop(end)))
    }
}
