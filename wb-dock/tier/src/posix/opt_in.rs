use std::path::{Path, PathBuf};

/// What a deployer lets run natively. Nothing until told.
#[derive(Clone, Debug, Default)]
pub struct DeployerOptIn {
    binaries: Vec<PathBuf>,
    pub(super) process_will_do: bool,
}

impl DeployerOptIn {
    /// Lets the file at `path` run, under its file name; of two with one name the first.
    #[must_use]
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binaries.push(path.into());
        self
    }

    /// Settles for a confined process in place of a container: the binary then sees
    /// the host's system directories, talks to the host's kernel with fewer system
    /// calls refused than a worker, and shares its number of processes with the other
    /// native binaries that run so at the time.
    #[must_use]
    pub fn process_will_do(mut self) -> Self {
        self.process_will_do = true;
        self
    }

    pub(super) fn find(&self, name: &str) -> Option<&Path> {
        let is_named = |path: &&PathBuf| path.file_name().is_some_and(|file| file == name);
        self.binaries.iter().find(is_named).map(PathBuf::as_path)
    }
}
