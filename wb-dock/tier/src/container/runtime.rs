//! How each family of container runtimes is told what to run.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{getegid, geteuid};

use super::root::Root;
use crate::bounded::output_within;
use crate::on_path;
use crate::undo::Undo;

mod bundle;
mod docker;
mod oci;
mod podman;

/// The user and group inside: `nobody`.
const NOBODY: u32 = 65_534;

/// Threads and processes: the engine has one for each processor, and a few.
const MOST_TASKS: u64 = 256;

/// Open files of each process.
const MOST_FILES: u64 = 256;

/// Processes of the user inside, where it is the host's `nobody` as well. Engines would
/// set what they may not, were they not told a number.
const MOST_PROCESSES: u64 = 4096;

/// Processors, at most.
const PROCESSORS: u64 = 2;

/// Runs programs in containers that share one root file system.
///
/// Each has a read-only root, no network, no capability, another user than the
/// superuser of the host, and limits on memory, processors and processes.
pub(crate) trait Runtime: fmt::Debug + Send + Sync {
    /// What is to be called to run `program` in a container called `id`.
    ///
    /// # Errors
    ///
    /// When what the runtime needs for it cannot be made.
    fn start(&self, id: &str, program: &Program) -> io::Result<Start>;

    /// What the runtime says when the container `id` never started: `code` is how the
    /// runtime ended. None when it was the program that ended so.
    fn refusal(&self, id: &str, code: i32) -> Option<String>;

    /// Whether the limits of containers hold here. A worker limits itself besides, a
    /// native program does not.
    ///
    /// # Errors
    ///
    /// What the runtime cannot do, as the end of a sentence about it.
    fn hold_limits(&self) -> Result<(), String>;
}

/// What is to run in a container.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The arguments after the binary's path.
    pub(crate) args: Vec<String>,
    /// Bytes it may use, with everything that it needs besides.
    pub(crate) memory: u64,
    /// What it may write, if it is a native program.
    pub(crate) writable: Option<Writable>,
}

/// What a native program may write, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Writable {
    /// A directory of the host, which belongs to the user of [`user`] and which the
    /// program starts in.
    pub(crate) scratch: PathBuf,
    /// How long it runs at most. The runtime ends it a while later, for the case that
    /// nobody is left to do so.
    pub(crate) wall: Duration,
}

impl Writable {
    /// When the runtime ends it, in seconds, of processor time or otherwise.
    fn seconds(&self) -> u64 {
        const GRACE: u64 = 10;
        const MOST: u64 = 365 * 24 * 60 * 60;
        self.wall.as_secs().saturating_add(GRACE).min(MOST)
    }
}

/// The user and group that a native program runs as: `nobody`, whom the superuser gives
/// its directory to; without the superuser the one who owns that.
fn user() -> (u32, u32) {
    let user = geteuid();
    if user.is_root() {
        (NOBODY, NOBODY)
    } else {
        (user.as_raw(), getegid().as_raw())
    }
}

/// A container about to be.
pub(crate) struct Start {
    /// Runs it: the standard streams are the program's.
    pub(crate) command: Command,
    /// Ends it and takes away what is left of it.
    pub(crate) end: Undo,
}

/// How long a runtime may take to end or remove something.
const ENDING: Duration = Duration::from_secs(30);

/// Runs `command` for what it does, not for what it says.
fn quietly(mut command: Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let _ = output_within(command.stderr(Stdio::null()), ENDING);
}

/// A name that nobody else has given, on this machine or in another container that
/// talks to the same service.
pub(super) fn unique(prefix: &str) -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(format!("{prefix}-{:032x}", u128::from_ne_bytes(random)))
}

/// The runtimes that are tried, in this order: those first that need no service
/// besides themselves.
const RUNTIMES: [&str; 4] = ["runc", "crun", "podman", "docker"];

/// The runtimes that are installed.
pub(crate) fn installed() -> impl Iterator<Item = &'static str> {
    let is_installed = |name: &&str| on_path(name).is_some();
    RUNTIMES.into_iter().filter(is_installed)
}

/// The file of `runtime`, which is a name on the `PATH` or a path.
///
/// # Errors
///
/// `NotFound` for a name that the `PATH` does not lead to.
pub(super) fn program(runtime: &Path) -> io::Result<PathBuf> {
    let is_name = runtime.file_name() == Some(runtime.as_os_str());
    match runtime.to_str().filter(|_| is_name) {
        None => Ok(runtime.to_owned()),
        Some(name) => on_path(name).ok_or_else(|| {
            let message = format!("`{name}` is not on the `PATH`");
            io::Error::new(io::ErrorKind::NotFound, message)
        }),
    }
}

/// The family that the file `runtime` belongs to by its name: what is neither podman
/// nor docker is told what to run as the OCI says.
pub(super) fn family(runtime: PathBuf, root: Root) -> Box<dyn Runtime> {
    let name = runtime.file_name().and_then(|name| name.to_str());
    match name {
        Some("podman" | "podman-remote") => Box::new(podman::Podman::new(runtime, root)),
        Some("docker") => Box::new(docker::Docker::new(runtime, root)),
        _ => Box::new(oci::Oci::new(runtime, root)),
    }
}

/// The options that podman and docker have in common, for a container called `id`:
/// everything but where its root comes from.
///
/// Both leave their own list of system calls in force, which is stricter than ours.
fn engine_options(id: &str, program: &Program, (user, group): (u32, u32)) -> Vec<String> {
    let memory = program.memory;
    let mut options: Vec<String> = [
        "run",
        "--rm",
        "--interactive",
        "--network=none",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--log-driver=none",
        "--hostname=worker",
        "--ulimit=core=0:0",
        // Both replace what asks for it, and nothing here does.
        "--pull=never",
    ]
    .map(str::to_owned)
    .into();
    options.extend([
        format!("--name={id}"),
        format!("--user={user}:{group}"),
        format!("--memory={memory}"),
        // The same again: no swap on top.
        format!("--memory-swap={memory}"),
        format!("--cpus={PROCESSORS}"),
        format!("--pids-limit={MOST_TASKS}"),
        format!("--ulimit=nofile={MOST_FILES}:{MOST_FILES}"),
        format!("--ulimit=nproc={MOST_PROCESSES}:{MOST_PROCESSES}"),
    ]);
    match &program.writable {
        Some(writable) => options.extend([
            format!(
                "--volume={}:{}:rw",
                writable.scratch.display(),
                super::root::SCRATCH
            ),
            format!("--ulimit=fsize={memory}:{memory}"),
            format!("--ulimit=cpu={0}:{0}", writable.seconds()),
            format!("--workdir={}", super::root::SCRATCH),
            format!("--tmpfs=/tmp:rw,nosuid,nodev,noexec,size={memory}"),
        ]),
        None => options.push("--workdir=/".to_owned()),
    }
    options
}

/// Exit code of podman and docker when they have failed (`podman-run(1)`, `docker run`:
/// "Exit status"), or a program that says so too.
const ENGINE_FAILED: i32 = 125;

/// What `engine` says of a container that it never made, for which it would have written
/// the file `cid`.
fn engine_refusal(engine: &str, cid: &Path, code: i32) -> Option<String> {
    let refused = code == ENGINE_FAILED && !cid.exists();
    refused.then(|| format!("{engine} could not run a container"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podman_and_docker_are_told_every_restriction() {
        let mut program = Program {
            args: Vec::new(),
            memory: 64 << 20,
            writable: None,
        };
        let nobody = (NOBODY, NOBODY);
        let options = engine_options("wb-1", &program, nobody);
        for wanted in [
            "--network=none",
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--user=65534:65534",
            "--memory=67108864",
            "--memory-swap=67108864",
            "--pids-limit=256",
            "--cpus=2",
            "--workdir=/",
        ] {
            assert!(options.iter().any(|option| option == wanted), "{wanted}");
        }
        assert!(!options.iter().any(|option| option.starts_with("--volume")));
        program.writable = Some(Writable {
            scratch: "/s".into(),
            wall: Duration::from_secs(5),
        });
        let options = engine_options("wb-1", &program, (1000, 100));
        for wanted in [
            "--volume=/s:/scratch:rw",
            "--workdir=/scratch",
            "--ulimit=fsize=67108864:67108864",
            "--ulimit=cpu=15:15",
            "--user=1000:100",
        ] {
            assert!(options.iter().any(|option| option == wanted), "{wanted}");
        }
    }

    #[test]
    fn an_exit_code_is_the_programs_once_there_was_a_container() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(engine_refusal("podman", file.path(), 125), None);
        let none = file.path().with_extension("none");
        assert!(engine_refusal("podman", &none, 125).is_some());
        assert_eq!(engine_refusal("podman", &none, 1), None);
    }

    #[test]
    fn names_are_looked_for_and_paths_are_not() {
        assert!(program(Path::new("sh")).unwrap().is_absolute());
        let error = program(Path::new("no-such-runtime")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(program(Path::new("./runc")).unwrap(), Path::new("./runc"));
    }

    #[test]
    fn no_two_names_are_the_same() {
        assert_ne!(unique("wb").unwrap(), unique("wb").unwrap());
    }
}
