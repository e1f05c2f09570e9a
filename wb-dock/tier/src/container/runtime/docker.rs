//! docker, which runs images: one is made of the root and removed again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{ENGINE_FAILED, Program, Runtime, Start, engine_options};
use crate::container::root::Root;

/// docker, its service on this machine.
#[derive(Debug)]
pub(super) struct Docker {
    client: PathBuf,
    root: Root,
    /// The image of the root, once there is one.
    image: Mutex<Option<String>>,
}

impl Docker {
    pub(super) fn new(client: PathBuf, root: Root) -> Self {
        Self {
            client,
            root,
            image: Mutex::default(),
        }
    }

    /// The image of the root, made with the first container.
    fn image(&self) -> io::Result<String> {
        let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = &*image {
            return Ok(image.clone());
        }
        let made = import(&self.client, &self.root.path())?;
        Ok(image.insert(made).clone())
    }
}

/// Has `docker import` make an image of the directory `root`, and gives its name.
///
/// The name is ours: what the client says of the new image differs between services.
fn import(client: &Path, root: &Path) -> io::Result<String> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let name = format!("wb-root-{}-{serial}", std::process::id());
    let mut child = Command::new(client)
        .args(["import", "-", &name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // What it complains of is short, so it never waits for us while we write.
    let written = child.stdin.take().map(|stdin| archive(root, stdin));
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(said.trim().to_owned()));
    }
    written.transpose()?;
    Ok(name)
}

/// Writes everything below `root` as a tar archive.
fn archive(root: &Path, to: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(to);
    // Nothing of when and by whom it was made: the same root, the same image.
    archive.mode(tar::HeaderMode::Deterministic);
    archive.append_dir_all(".", root)?;
    archive.into_inner()?.flush()
}

impl Runtime for Docker {
    fn start(&self, id: &str, program: &Program) -> io::Result<Start> {
        let mut command = Command::new(&self.client);
        command
            .args(engine_options(id, program))
            .arg(self.image()?)
            .arg(self.root.binary())
            .args(&program.args);
        let mut remove = Command::new(&self.client);
        remove.args(["rm", "--force", id]);
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
        (code == ENGINE_FAILED).then(|| "docker could not run a container".to_owned())
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let image = self.image.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = image.take() {
            let mut remove = Command::new(&self.client);
            remove.args(["rmi", "--force", &image]);
            let _ = remove.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn an_archive_holds_the_root() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        fs::write(root.path().join("bin/x"), "content").unwrap();
        let mut bytes = Vec::new();
        archive(root.path(), &mut bytes).unwrap();
        let mut found = Vec::new();
        for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            found.push((path.trim_start_matches("./").to_owned(), content));
        }
        assert!(
            found.contains(&("bin/x".to_owned(), "content".to_owned())),
            "{found:?}"
        );
    }

    #[test]
    fn what_docker_says_is_the_error() {
        let root = tempfile::tempdir().unwrap();
        // Called as docker is, it complains of a file called `import`.
        let error = import(Path::new("cat"), root.path()).unwrap_err();
        assert!(error.to_string().contains("import"), "{error}");
    }
}
