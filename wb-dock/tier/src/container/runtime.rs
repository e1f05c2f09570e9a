//! How each family of container runtimes is told what to run.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::root::Root;

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
}

/// What is to run in a container.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The arguments after the binary's path.
    pub(crate) args: Vec<String>,
    /// Bytes it may use, with everything that it needs besides.
    pub(crate) memory: u64,
    /// A directory of the host that it may write, and starts in.
    pub(crate) scratch: Option<PathBuf>,
}

/// A container about to be.
pub(crate) struct Start {
    /// Runs it: the standard streams are the program's.
    pub(crate) command: Command,
    /// Ends it and takes away what is left of it.
    pub(crate) cleanup: Box<dyn FnOnce() + Send>,
}

/// The runtimes that are tried, in this order: those first that need no service
/// besides themselves.
const RUNTIMES: [&str; 4] = ["runc", "crun", "podman", "docker"];

/// The runtimes that are installed.
pub(crate) fn installed() -> impl Iterator<Item = &'static str> {
    RUNTIMES.into_iter().filter(|name| {
        let mut asked = Command::new(name);
        asked.arg("--version").stdin(Stdio::null());
        asked.stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok()
    })
}

/// The family that `runtime`, a name on the `PATH` or a path, belongs to by its name:
/// what is neither podman nor docker is told what to run as the OCI says.
pub(crate) fn family(runtime: &Path, root: Root) -> Box<dyn Runtime> {
    let name = runtime.file_name().and_then(|name| name.to_str());
    let runtime = runtime.to_owned();
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
fn engine_options(id: &str, program: &Program) -> Vec<String> {
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
        format!("--user={NOBODY}:{NOBODY}"),
        format!("--memory={memory}"),
        // The same again: no swap on top.
        format!("--memory-swap={memory}"),
        format!("--cpus={PROCESSORS}"),
        format!("--pids-limit={MOST_TASKS}"),
        format!("--ulimit=nofile={MOST_FILES}:{MOST_FILES}"),
        format!("--ulimit=nproc={MOST_PROCESSES}:{MOST_PROCESSES}"),
    ]);
    match &program.scratch {
        Some(scratch) => options.extend([
            format!("--volume={}:{}:rw", scratch.display(), super::root::SCRATCH),
            format!("--workdir={}", super::root::SCRATCH),
            format!("--tmpfs=/tmp:rw,nosuid,nodev,noexec,size={memory}"),
        ]),
        None => options.push("--workdir=/".to_owned()),
    }
    options
}

/// Exit code of podman and docker when they, and not the program, have failed
/// (`podman-run(1)`, `docker run`: "Exit status").
const ENGINE_FAILED: i32 = 125;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podman_and_docker_are_told_every_restriction() {
        let mut program = Program {
            args: Vec::new(),
            memory: 64 << 20,
            scratch: None,
        };
        let options = engine_options("wb-1", &program);
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
        program.scratch = Some("/s".into());
        let options = engine_options("wb-1", &program);
        assert!(options.contains(&"--volume=/s:/scratch:rw".to_owned()));
        assert!(options.contains(&"--workdir=/scratch".to_owned()));
    }
}
