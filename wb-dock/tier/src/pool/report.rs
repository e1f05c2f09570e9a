//! What a worker says of a run, as far as the host believes it.

use std::io;

use bytes::Bytes;
use wb_dock::Outcome;
use wb_dock::fs::Mount;

use crate::wire::Report;

/// What a run can have left, whoever ran it: output within its limit, and files in
/// its writable mounts. A worker that was taken over may report anything, and hosts
/// write these files to disks.
pub(super) struct Allowed {
    output: u64,
    writable: Vec<Vec<String>>,
}

impl Allowed {
    /// For a run that may write `output` bytes, which is what those around it have left
    /// if that is less than its grant.
    pub(super) fn new(output: u64, mounts: &[Mount]) -> Self {
        let writable = mounts.iter().filter(|mount| mount.is_writable());
        let parts = |mount: &Mount| {
            let parts = mount.at().split('/').filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        };
        Self {
            output,
            writable: writable.map(parts).collect(),
        }
    }

    /// The value and the outcome that `report` tells of, of a run of whose output the host
    /// has seen `seen` bytes besides.
    ///
    /// # Errors
    ///
    /// `InvalidData` when no run could have left it.
    pub(super) fn outcome(&self, report: Report, seen: u64) -> io::Result<(Bytes, Outcome)> {
        let brought = (report.stdout.len() + report.stderr.len()) as u64;
        let written = seen.saturating_add(brought);
        if written > self.output {
            let most = self.output;
            return Err(wrong(format!(
                "{written} bytes of output, at most {most} wanted"
            )));
        }
        for (path, ..) in &report.files.0 {
            if !self.is_writable(path) {
                let path = path.escape_debug();
                return Err(wrong(format!(
                    "a file `{path}` outside of the writable mounts"
                )));
            }
        }
        let mut outcome = Outcome::default();
        outcome.exit_code = report.exit_code;
        outcome.stdout = report.stdout;
        outcome.stderr = report.stderr;
        outcome.usage.memory_peak = report.memory_peak;
        outcome.usage.fuel = report.fuel;
        outcome.usage.output = report.output.max(written);
        outcome.usage.host_calls = report.host_calls;
        outcome.files = report.files.into();
        Ok((report.value, outcome))
    }

    fn is_writable(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else {
            return false;
        };
        let parts: Vec<_> = path.split('/').collect();
        let is_plain = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains('\0');
        parts.iter().all(is_plain)
            && self
                .writable
                .iter()
                .any(|at| parts.len() > at.len() && at.iter().eq(&parts[..at.len()]))
    }
}

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use wb_dock::Grant;
    use wb_dock::fs::Image;

    use super::*;

    fn allowed(at: &[&str]) -> Allowed {
        let image = || Image::from_files::<&str, &str>([]).unwrap();
        let mut mounts = vec![Mount::read_only("/fixed", image())];
        mounts.extend(at.iter().map(|at| Mount::writable(*at, image())));
        Allowed::new(Grant::none().limits().output, &mounts)
    }

    #[test]
    fn files_lie_in_writable_mounts() {
        let out = allowed(&["/out/"]);
        assert!(out.is_writable("/out/a") && out.is_writable("/out/b/c"));
        for path in [
            "/out",
            "/out/",
            "/outside/a",
            "/a",
            "/fixed/a",
            "out/a",
            "/out/../a",
            "/out/./a",
            "/out//a",
            "/out/a\0",
            "",
            "/",
        ] {
            assert!(!out.is_writable(path), "{path:?}");
        }
        assert!(allowed(&["/"]).is_writable("/a/b"));
        assert!(!allowed(&["/"]).is_writable("/../a"));
        assert!(!allowed(&[]).is_writable("/a"));
    }
}
