use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use wb_dock::{Grant, Invocation, Outcome, Services};
use wb_policy::Tier;

use crate::channel::Worker;
use crate::closure;
use crate::pool::{Launch, Pool};
use crate::worker::Settings;
use crate::{Attempt, Confinement, Error, Module, Runner, Unavailable};

mod bundle;

pub(crate) use bundle::{Bundle, Program};

/// Runs guests in workers in OCI containers.
///
/// The container has a read-only root with the worker's binary and its libraries in
/// it and nothing else, no network, no capability, limits on memory, processors and
/// processes by control group, and a user namespace when this is not the superuser.
/// The worker in it confines itself as it does in the process tier.
#[derive(Debug)]
pub struct Container(Pool<Oci>);

/// An OCI runtime and a root file system for it.
#[derive(Debug)]
pub(crate) struct Oci {
    runtime: PathBuf,
    /// Holds the root, the bundles and the runtime's state.
    scratch: TempDir,
}

/// The runtimes that are tried, in this order.
const RUNTIMES: [&str; 2] = ["runc", "crun"];

impl Container {
    /// Workers of `worker`, a binary whose `main` calls
    /// [`worker_if_asked`](crate::worker_if_asked), under the first OCI runtime of
    /// this machine that can start one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when there is no runtime that works, with what each said.
    pub fn new(worker: &Path) -> Result<Self, Error> {
        let mut said = Vec::new();
        for runtime in RUNTIMES {
            match Self::with_runtime(runtime, worker).and_then(|tier| {
                tier.0.try_out(&[])?;
                Ok(tier)
            }) {
                Ok(tier) => return Ok(tier),
                Err(error) => said.push(format!("`{runtime}`: {error}")),
            }
        }
        Err(Unavailable {
            tier: Tier::Container,
            missing: format!("no OCI runtime could start a worker ({})", said.join("; ")),
            remedy: "install runc (on Debian: apt-get install runc) and allow this user control \
                     groups and namespaces"
                .to_owned(),
        }
        .into())
    }

    /// Workers of `worker` under one runtime, which is a name on the `PATH` or a path.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] when no root file system can be made of `worker`.
    pub fn with_runtime(runtime: impl Into<PathBuf>, worker: &Path) -> Result<Self, Error> {
        let oci = Oci::new(runtime.into(), worker, "worker");
        let oci = oci.map_err(|error| Error::start(Tier::Container, &error))?;
        Ok(Self(Pool::new(oci)))
    }

    /// The runtime that starts the containers.
    pub fn runtime(&self) -> &Path {
        &self.0.launch.runtime
    }

    /// Has a worker in a container make `attempts`: for each the error number of the
    /// system, or nothing if it worked.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], [`Error::Died`].
    pub fn attempt(&self, attempts: &[Attempt]) -> Result<(Confinement, Vec<Option<i32>>), Error> {
        self.0.try_out(attempts)
    }
}

impl Oci {
    /// Makes a root file system that holds `binary` as `/NAME`, and what it needs.
    pub(crate) fn new(runtime: PathBuf, binary: &Path, name: &str) -> io::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("wb-container-").tempdir()?;
        let root = scratch.path().join("root");
        for directory in ["proc", "dev", "lib"] {
            fs::create_dir_all(root.join(directory))?;
        }
        copy(binary, &root.join(name))?;
        for (inside, here) in closure::of(binary)? {
            let inside = root.join(inside.strip_prefix("/").unwrap_or(&inside));
            if let Some(parent) = inside.parent() {
                fs::create_dir_all(parent)?;
            }
            copy(&here, &inside)?;
        }
        Ok(Self { runtime, scratch })
    }

    /// A command that runs `program` in a container of its own, and what to call when
    /// it is over.
    pub(crate) fn command(
        &self,
        program: Program,
    ) -> io::Result<(Command, impl FnOnce() + Send + 'static)> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let id = format!("wb-{}-{serial}", std::process::id());
        let bundle = self.scratch.path().join(&id);
        let state = self.scratch.path().join("state");
        fs::create_dir_all(&bundle)?;
        let root = self.scratch.path().join("root");
        let config = Bundle::new(&root, program).to_json();
        fs::write(bundle.join("config.json"), config)?;
        let mut command = self.runtime(&state);
        command.arg("run").arg("--bundle").arg(&bundle).arg(&id);
        let mut delete = self.runtime(&state);
        delete.args(["delete", "--force", &id]);
        delete.stdin(Stdio::null()).stdout(Stdio::null());
        let cleanup = move || {
            let _ = delete.stderr(Stdio::null()).status();
            let _ = fs::remove_dir_all(bundle);
        };
        Ok((command, cleanup))
    }

    fn runtime(&self, state: &Path) -> Command {
        let mut command = Command::new(&self.runtime);
        // The runtime is looked up on the path and needs nothing else of it.
        command.arg("--root").arg(state).stderr(Stdio::piped());
        command
    }
}

/// Copies a file as one that everybody may run: the user in the container is another.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))
}

impl Launch for Oci {
    const TIER: Tier = Tier::Container;
    const ALONE: bool = true;

    fn launch(&self, settings: Settings) -> Result<Worker, Error> {
        let mut args = vec!["/worker".to_owned()];
        args.extend(settings.args());
        let program = Program {
            args,
            memory: settings.memory,
            scratch: None,
        };
        let start = |error| Error::start(Tier::Container, &error);
        let (command, cleanup) = self.command(program).map_err(start)?;
        let worker = Worker::spawn(command).map_err(start)?;
        Ok(worker.on_end(cleanup))
    }
}

impl Runner for Container {
    fn tier(&self) -> Tier {
        Tier::Container
    }

    fn run(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        self.0.run(module, grant, services, invocation)
    }
}
