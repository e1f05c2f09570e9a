use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use wb_dock::{ErrorKind, Grant, Input, Invocation, Outcome, Output, RemoteRun, Services};
use wb_policy::{Cap, Exceeded, Resource, Tier};

use crate::container::{Oci, Program};
use crate::{Error, Unavailable};
use scratch::Scratch;

pub(crate) mod native;
mod scratch;

/// Runs native binaries: the posix shape.
///
/// A native binary has no sandbox of its own, so there are three locks before one
/// runs: the grant holds `posix`; the deployer has named the very file; and it runs
/// in a container, or in a confined process where the deployer says that will do.
///
/// Either way it has an empty environment, a scratch directory that is its working
/// directory and is gone afterwards, no network, limits on memory, processor time,
/// files and processes, and ends at its deadline with everything it started. The
/// mounts of the invocation are copied into the scratch directory; what it leaves
/// there comes back in the outcome.
#[derive(Debug)]
pub struct Posix {
    opt_in: DeployerOptIn,
    cage: Cage,
}

/// What a deployer lets run natively. Nothing until told.
#[derive(Clone, Debug, Default)]
pub struct DeployerOptIn {
    binaries: Vec<PathBuf>,
    process_will_do: bool,
}

#[derive(Debug)]
enum Cage {
    Container { runtime: PathBuf },
    Process { worker: PathBuf },
}

impl DeployerOptIn {
    /// Lets the file at `path` run, under its file name.
    #[must_use]
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binaries.push(path.into());
        self
    }

    /// Settles for a confined process in place of a container: the binary then sees
    /// the host's system directories, and talks to the host's kernel with fewer
    /// system calls refused than a worker.
    #[must_use]
    pub fn process_will_do(mut self) -> Self {
        self.process_will_do = true;
        self
    }

    fn find(&self, name: &str) -> Option<&Path> {
        let is_named = |path: &&PathBuf| path.file_name().is_some_and(|file| file == name);
        self.binaries.iter().find(is_named).map(PathBuf::as_path)
    }
}

impl Posix {
    /// Runs what `opt_in` names in containers of `runtime`.
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

    /// Runs the binary that the invocation names.
    ///
    /// # Errors
    ///
    /// [`Error::NotAllowed`] without the capability or the deployer's word;
    /// [`Error::Start`]; [`Error::Dock`] with the limit that it reached, and what it
    /// had written until then.
    pub fn run(
        &self,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        let parts = invocation.into_parts();
        let not_allowed = |reason| Error::NotAllowed {
            binary: parts.name.clone(),
            reason,
        };
        if !grant.caps().contains(Cap::Posix) {
            return Err(not_allowed("the grant does not hold `posix`"));
        }
        let binary = self
            .opt_in
            .find(&parts.name)
            .ok_or_else(|| not_allowed("the deployer has not opted in to it"))?;
        let tier = match self.cage {
            Cage::Container { .. } => Tier::Container,
            Cage::Process { .. } => Tier::Process,
        };
        let start = |error: io::Error| Error::start(tier, &error);
        let scratch = Scratch::new(&parts.mounts).map_err(start)?;
        let run = RemoteRun::new(&parts.name, grant, services).start();
        let (mut command, cleanup) = self
            .command(binary, &parts.args, grant, scratch.path())
            .map_err(start)?;
        let ended = Running::start(&mut command, parts.stdin)
            .map_err(start)
            .map(|running| running.finish(&run, [parts.stdout, parts.stderr]));
        if let Some(cleanup) = cleanup {
            cleanup();
        }
        let limits = grant.limits();
        let ended = ended?.map(|mut outcome| {
            outcome.files = scratch.into_files(limits.memory);
            outcome
        });
        Ok(run.finish(ended)?)
    }

    /// The command that runs `binary` in the cage, and what to call afterwards.
    fn command(
        &self,
        binary: &Path,
        args: &[String],
        grant: &Grant,
        scratch: &Path,
    ) -> io::Result<(Command, Option<Cleanup>)> {
        let limits = grant.limits();
        match &self.cage {
            Cage::Container { runtime } => {
                let oci = Oci::new(runtime.clone(), binary, "program")?;
                let mut arguments = vec!["/program".to_owned()];
                arguments.extend_from_slice(args);
                let (mut command, cleanup) = oci.command(Program {
                    args: arguments,
                    memory: limits.memory,
                    scratch: Some(scratch.to_owned()),
                })?;
                command.process_group(0);
                let cleanup = move || {
                    cleanup();
                    drop(oci);
                };
                Ok((command, Some(Box::new(cleanup))))
            }
            Cage::Process { worker } => {
                let settings = native::Settings {
                    memory: limits.memory,
                    cpu: limits.wall.as_secs().saturating_add(1),
                };
                let mut command = Command::new(worker);
                command
                    .args(settings.args())
                    .arg(binary)
                    .args(args)
                    .env_clear()
                    .current_dir(scratch)
                    .process_group(0);
                Ok((command, None))
            }
        }
    }
}

/// What is called when a binary is over.
type Cleanup = Box<dyn FnOnce()>;

/// A binary under way.
struct Running {
    child: Child,
    group: Pid,
}

/// What a thread that reads an output reports.
enum News {
    /// Bytes of standard output or, if true, standard error.
    Bytes(bool, Bytes),
    /// One of the two is over.
    End,
}

impl Running {
    fn start(command: &mut Command, stdin: Input) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let group = Pid::from_child(&child);
        let (ready, stream) = stdin.into_parts();
        if let Some(mut to) = child.stdin.take() {
            // Ends with the pipe: who does not read it does not get it.
            std::thread::spawn(move || {
                let _ = to.write_all(&ready);
                if let Some(mut stream) = stream {
                    let _ = io::copy(&mut stream, &mut to);
                }
            });
        }
        Ok(Self { child, group })
    }

    /// Waits for its end, or ends it at its limits.
    fn finish(mut self, run: &RemoteRun, outputs: [Output; 2]) -> Result<Outcome, wb_dock::Error> {
        let (sender, news) = channel();
        let readers: [Option<Box<dyn Read + Send>>; 2] = [
            self.child.stdout.take().map(|out| Box::new(out) as Box<_>),
            self.child.stderr.take().map(|err| Box::new(err) as Box<_>),
        ];
        for (is_stderr, reader) in [false, true].into_iter().zip(readers) {
            let (sender, mut reader) = (sender.clone(), reader.expect("it was asked for"));
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(count @ 1..) = reader.read(&mut buffer) {
                    let bytes = Bytes::copy_from_slice(&buffer[..count]);
                    if sender.send(News::Bytes(is_stderr, bytes)).is_err() {
                        return;
                    }
                }
                let _ = sender.send(News::End);
            });
        }
        let mut streams = outputs.map(Output::into_stream);
        let mut collected = [Vec::new(), Vec::new()];
        let mut open = 2;
        let mut stopped: Option<Exceeded> = None;
        while open > 0 && stopped.is_none() {
            match news.recv_timeout(run.time_left().min(Duration::from_hours(1))) {
                Ok(News::End) => open -= 1,
                Ok(News::Bytes(is_stderr, bytes)) => {
                    stopped = run.charge(Resource::Output, bytes.len() as u64).err();
                    let which = usize::from(is_stderr);
                    match &mut streams[which] {
                        Some(stream) => drop(stream.write_all(&bytes)),
                        None => collected[which].extend_from_slice(&bytes),
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    stopped = run.time_left().is_zero().then(|| run.out_of_time());
                }
                Err(RecvTimeoutError::Disconnected) => open = 0,
            }
        }
        let status = match &stopped {
            None => self.wait(run, &mut stopped),
            Some(_) => None,
        };
        self.kill();
        let mut outcome = Outcome::default();
        let [stdout, stderr] = collected;
        outcome.stdout = stdout.into();
        outcome.stderr = stderr.into();
        if let Some(exceeded) = stopped {
            return Err(wb_dock::Error::from(exceeded).with_outcome(outcome));
        }
        let command = || run.name().to_owned();
        match status.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) => {
                outcome.exit_code = code;
                Ok(outcome)
            }
            Some((None, Some(signal))) => Err(wb_dock::Error::from(ErrorKind::Trap {
                command: command(),
                message: format!("signal {signal} ended it"),
            })
            .with_outcome(outcome)),
            _ => Err(wb_dock::Error::from(ErrorKind::Trap {
                command: command(),
                message: "nobody knows how it ended".to_owned(),
            })
            .with_outcome(outcome)),
        }
    }

    /// Its status once it has closed its outputs; none if its time is over first.
    fn wait(&mut self, run: &RemoteRun, stopped: &mut Option<Exceeded>) -> Option<ExitStatus> {
        let mut pause = Duration::from_micros(100);
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if run.time_left().is_zero() {
                *stopped = Some(run.out_of_time());
                return None;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Ends it and everything it started.
    fn kill(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
    }
}
