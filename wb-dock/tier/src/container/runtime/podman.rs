//! podman, which takes a directory as the root of a container: no image is made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use super::{NOBODY, Program, Runtime, Start, engine_options, engine_refusal, quietly, user};
use crate::container::root::Root;
use crate::undo::Undo;

/// podman, without the superuser where it was set up for that.
#[derive(Debug)]
pub(super) struct Podman {
    podman: PathBuf,
    root: Root,
}

impl Podman {
    pub(super) fn new(podman: PathBuf, root: Root) -> Self {
        Self { podman, root }
    }

    /// The file that says that the container `id` was made.
    fn cid(&self, id: &str) -> PathBuf {
        self.root.beside(&format!("{id}.cid"))
    }

    /// The options for a container called `id`, for a user who is the superuser or not.
    fn options(&self, id: &str, program: &Program, is_root: bool) -> Vec<String> {
        let is_native = program.writable.is_some();
        let user = if is_native { user() } else { (NOBODY, NOBODY) };
        let mut options = engine_options(id, program, user);
        // Otherwise it has writable directories for programs that expect them, and the
        // proxies of the host with their passwords, whatever `--unsetenv-all` says.
        options.extend(
            [
                "--read-only-tmpfs=false",
                "--no-hosts",
                "--unsetenv-all",
                "--env-host=false",
                "--http-proxy=false",
            ]
            .map(str::to_owned),
        );
        options.push(format!("--cidfile={}", self.cid(id).display()));
        if let Some(writable) = &program.writable {
            options.push(format!("--timeout={}", writable.seconds()));
            if !is_root {
                // The owner of the scratch directory is the same inside.
                options.push("--userns=keep-id".to_owned());
            }
        }
        options
    }
}

impl Runtime for Podman {
    fn start(&self, id: &str, program: &Program) -> io::Result<Start> {
        let mut command = Command::new(&self.podman);
        command
            .args(self.options(id, program, geteuid().is_root()))
            .arg("--rootfs")
            .arg(self.root.path())
            .arg(self.root.binary())
            .args(&program.args);
        let mut remove = Command::new(&self.podman);
        remove.args(["rm", "--force", "--time=0", "--ignore", id]);
        let cid = self.cid(id);
        let end = Undo::new(move || {
            quietly(remove);
            let _ = fs::remove_file(cid);
        })?;
        Ok(Start { command, end })
    }

    fn refusal(&self, id: &str, code: i32) -> Option<String> {
        engine_refusal("podman", &self.cid(id), code)
    }

    fn hold_limits(&self) -> Result<(), String> {
        limits(geteuid().is_root(), Path::new(UNIFIED))
    }
}

/// Where a system with control groups of version 2 says which there are.
const UNIFIED: &str = "/sys/fs/cgroup/cgroup.controllers";

/// Without the superuser podman leaves limits away where control groups are of version
/// 1, and fails where they are not delegated in version 2 (`podman-run(1)`).
fn limits(is_root: bool, unified: &Path) -> Result<(), String> {
    if is_root || unified.exists() {
        return Ok(());
    }
    Err("without the superuser limits nothing under control groups of version 1".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::container::Writable;

    #[test]
    fn without_the_superuser_limits_need_version_2_of_control_groups() {
        let (there, missing) = (Path::new("/"), Path::new("/no/such/file"));
        assert_eq!(limits(true, missing), Ok(()));
        assert_eq!(limits(false, there), Ok(()));
        assert!(limits(false, missing).is_err());
    }

    #[test]
    fn nothing_of_the_host_gets_in_and_the_scratch_directory_is_its_own() {
        let root = Root::new(Path::new("/bin/true"), "/bin/true".to_owned()).unwrap();
        let podman = Podman::new("podman".into(), root);
        let mut program = Program {
            args: Vec::new(),
            memory: 64 << 20,
            writable: None,
        };
        let options = podman.options("wb-1", &program, false);
        for wanted in ["--http-proxy=false", "--env-host=false", "--unsetenv-all"] {
            assert!(options.iter().any(|option| option == wanted), "{wanted}");
        }
        let keeps = |options: Vec<String>| options.contains(&"--userns=keep-id".to_owned());
        assert!(!keeps(options));
        program.writable = Some(Writable {
            scratch: "/s".into(),
            wall: Duration::from_secs(5),
        });
        assert!(keeps(podman.options("wb-1", &program, false)));
        let options = podman.options("wb-1", &program, true);
        assert!(options.contains(&"--timeout=15".to_owned()));
        assert!(!keeps(options));
    }
}
