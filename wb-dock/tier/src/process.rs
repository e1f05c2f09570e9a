use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use wb_policy::Tier;

use crate::channel::Worker;
use crate::pool::{Launch, Pool};
use crate::worker::{self, Settings};
use crate::{Attempt, Confinement, Error, Unavailable};

/// Runs guests in worker processes of this very binary.
///
/// A worker takes its own rights away before it reads anything: system calls outside
/// of a short list, files, sockets, signals, new threads and processes, the
/// superuser, and where that is allowed the host's network, mounts and processes. It
/// serves one program of one tenant under one grant, and waits for the next call of
/// these. A call that is over its time ends with the worker killed; a worker that
/// dies is replaced with the next call.
///
/// The worker compiles as well, so that a compile bomb is contained like a guest;
/// first-party code may be compiled [elsewhere](Process::compiled_on).
#[derive(Debug)]
pub struct Process(pub(crate) Pool<Reexecuted>);

#[derive(Debug)]
pub(crate) struct Reexecuted {
    executable: PathBuf,
}

impl Process {
    /// Workers of the running binary.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if its `main` does not call
    /// [`worker_if_asked`](crate::worker_if_asked): its workers would be copies of
    /// the program itself.
    pub fn new() -> Result<Self, Error> {
        if !worker::can_be_worker() {
            return Err(Unavailable {
                tier: Tier::Process,
                missing: "this program cannot be its own worker".to_owned(),
                remedy: "call `wb_tier::worker_if_asked()` first in `main`, or name a worker \
                         binary with `Process::with_worker`"
                    .to_owned(),
            }
            .into());
        }
        // Not by its path: that may lead to another version by now.
        Ok(Self::with_worker("/proc/self/exe"))
    }

    /// Workers of `executable`, whose `main` calls
    /// [`worker_if_asked`](crate::worker_if_asked): `wb-worker` does nothing else.
    pub fn with_worker(executable: impl Into<PathBuf>) -> Self {
        Self(Pool::new(Reexecuted {
            executable: executable.into(),
        }))
    }

    /// Starts a worker and has it try everything it must not be able to do.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when a measure that is needed is missing here, or an
    /// attempt worked; [`Error::Start`] when there is no worker, [`Error::Died`] and
    /// [`Error::Protocol`] when it does not answer.
    pub fn probe(&self) -> Result<Confinement, Error> {
        let (confinement, results) = self.0.try_out(&Attempt::ALL)?;
        let worked = Attempt::ALL.iter().zip(results).find(|(_, r)| r.is_none());
        match worked {
            None => Ok(confinement),
            Some((attempt, _)) => Err(Unavailable {
                tier: Tier::Process,
                missing: format!("a confined worker could still do this: {attempt:?}"),
                remedy: "use the container tier".to_owned(),
            }
            .into()),
        }
    }

    /// Has a confined worker make `attempts`: for each the error number of the
    /// system, or nothing if it worked.
    ///
    /// # Errors
    ///
    /// As for [`Process::probe`].
    pub fn attempt(&self, attempts: &[Attempt]) -> Result<Vec<Option<i32>>, Error> {
        Ok(self.0.try_out(attempts)?.1)
    }

    /// The process ids of the workers that wait for a call, at most 16.
    pub fn idle_workers(&self) -> Vec<u32> {
        self.0.idle_processes()
    }
}

impl Launch for Reexecuted {
    const TIER: Tier = Tier::Process;
    const ALONE: bool = false;

    fn launch(&self, settings: Settings) -> Result<Worker, Error> {
        let mut command = Command::new(&self.executable);
        command
            .arg0("wb-worker")
            .args(settings.args())
            .env_clear()
            .current_dir("/")
            .stderr(Stdio::null());
        Worker::spawn(command).map_err(|error| Error::start(Tier::Process, &error))
    }
}
