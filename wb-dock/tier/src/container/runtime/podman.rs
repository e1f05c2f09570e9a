//! podman, which takes a directory as the root of a container: no image is made.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{ENGINE_FAILED, Program, Runtime, Start, engine_options};
use crate::container::root::Root;

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
}

impl Runtime for Podman {
    fn start(&self, id: &str, program: &Program) -> io::Result<Start> {
        let mut command = Command::new(&self.podman);
        command
            .args(engine_options(id, program))
            // Otherwise it has writable directories for programs that expect them.
            .args(["--read-only-tmpfs=false", "--no-hosts", "--unsetenv-all"])
            .arg("--rootfs")
            .arg(self.root.path())
            .arg(self.root.binary())
            .args(&program.args);
        let mut remove = Command::new(&self.podman);
        remove.args(["rm", "--force", "--time=0", "--ignore", id]);
        remove.stdin(Stdio::null()).stdout(Stdio::null());
        let cleanup = move || {
            let _ = remove.stderr(Stdio::null()).status();
        };
        Ok(Start {
            command,
            cleanup: Box::new(cleanup),
        })
    }

    fn refusal(&self, _: &str, code: i32) -> Option<String> {
        (code == ENGINE_FAILED).then(|| "podman could not run a container".to_owned())
    }
}
