//! runc, crun and whatever else takes a bundle: a directory with `config.json`.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::geteuid;
use serde_json::Value;

use super::bundle::Bundle;
use super::{Program, Runtime, Start, quietly};
use crate::container::root::Root;
use crate::undo::Undo;

/// A runtime that does what the OCI runtime specification says, and needs nothing
/// besides.
#[derive(Debug)]
pub(super) struct Oci {
    runtime: PathBuf,
    root: Root,
}

impl Oci {
    pub(super) fn new(runtime: PathBuf, root: Root) -> Self {
        Self { runtime, root }
    }

    fn command(&self, log: &PathBuf) -> Command {
        let mut command = Command::new(&self.runtime);
        command.arg("--root").arg(self.root.beside("state"));
        command.arg("--log").arg(log).args(["--log-format", "json"]);
        command
    }

    /// Where the runtime writes what goes wrong with the container `id`.
    fn log(&self, id: &str) -> PathBuf {
        self.root.beside(&format!("{id}.log"))
    }
}

impl Runtime for Oci {
    fn start(&self, id: &str, program: &Program) -> io::Result<Start> {
        let bundle = self.root.beside(id);
        fs::create_dir_all(&bundle)?;
        let config = Bundle::new(&self.root, program).to_json();
        fs::write(bundle.join("config.json"), config)?;
        let log = self.log(id);
        let mut command = self.command(&log);
        command.arg("run").arg("--bundle").arg(&bundle).arg(id);
        let mut delete = self.command(&self.root.beside("cleanup.log"));
        delete.args(["delete", "--force", id]);
        let end = Undo::new(move || {
            quietly(delete);
            let _ = fs::remove_dir_all(bundle);
            let _ = fs::remove_file(log);
        })?;
        Ok(Start { command, end })
    }

    fn refusal(&self, id: &str, _: i32) -> Option<String> {
        said(&fs::read_to_string(self.log(id)).ok()?)
    }

    fn hold_limits(&self) -> Result<(), String> {
        limits(geteuid().is_root())
    }
}

/// Control groups belong to the superuser. Others would need one delegated, and the
/// bundle says nothing of one.
fn limits(is_root: bool) -> Result<(), String> {
    if is_root {
        return Ok(());
    }
    Err("limits neither memory nor processes without the superuser".to_owned())
}

/// The last error in a log of a line of JSON each, which the code alone does not tell
/// from that of a program.
fn said(log: &str) -> Option<String> {
    let mut lines = log.lines().rev().map(serde_json::from_str::<Value>);
    lines.find_map(|line| {
        let line = line.ok()?;
        let is_error = matches!(line["level"].as_str(), Some("error" | "fatal"));
        Some(line["msg"].as_str().filter(|_| is_error)?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_superuser_nothing_is_limited() {
        assert!(limits(false).is_err());
        assert_eq!(limits(true), Ok(()));
    }

    #[test]
    fn only_errors_in_the_log_say_that_nothing_ran() {
        let warning = r#"{"level":"warning","msg":"no cgroup","time":"now"}"#;
        let error = r#"{"level":"error","msg":"runc run failed: no such file","time":"now"}"#;
        assert_eq!(said(""), None);
        assert_eq!(said(warning), None);
        assert_eq!(
            said(&format!("{error}\n{warning}\n")).as_deref(),
            Some("runc run failed: no such file")
        );
        assert_eq!(said("not json\n"), None);
    }
}
