use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

/// The directory of a nexus, and what lies where in it.
///
/// Nothing is created here: a directory appears with the first file written to it,
/// so that looking something up leaves no trace.
///
/// ```text
/// build/commands/<sha256>.wasm   artifacts, and registry.json
/// build/provenance/<sha256>.json how each was built
/// build/cache/                   results of build steps
/// code/<engine>/                 compiled code
/// config.toml, profiles.toml     what the deployer says
/// consent/                       grants to third-party toolkits
/// toolchains/<pack>/<digest>/    compilers
/// toolkits/<name>/               toolkits that came with an installed bundle
/// runs/_steps.jsonl              one line for every command that ran
/// secrets.json                   what guests may use and never read
/// storage/                       files, tables, keys and queues of guests
/// tmp/                           files on their way
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    toolchains: PathBuf,
    code: PathBuf,
}

impl Home {
    /// The nexus in `root`, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let (toolchains, code) = (root.join("toolchains"), root.join("code"));
        Self {
            root,
            toolchains,
            code,
        }
    }

    /// The nexus that the environment names: `WB_HOME`, else the platform's data directory.
    ///
    /// `env` looks a variable up; [`std::env::var_os`] is the usual one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoHome`] if neither is known.
    pub fn discover(env: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        if let Some(home) = env("WB_HOME").filter(|home| !home.is_empty()) {
            // Made absolute now, so that a later change of directory does not move the nexus.
            let root = std::path::absolute(&home).unwrap_or_else(|_| PathBuf::from(home));
            return Ok(Self::at(root));
        }
        let dirs = directories::ProjectDirs::from("", "", "wb").ok_or(ErrorKind::NoHome)?;
        Ok(Self::at(dirs.data_local_dir()))
    }

    /// The same nexus with the compilers and the compiled code of `other`.
    ///
    /// Both are named by what is in them, so sharing is safe.
    #[must_use]
    pub fn with_toolchains_of(mut self, other: &Self) -> Self {
        self.toolchains.clone_from(&other.toolchains);
        self.code.clone_from(&other.code);
        self
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Artifacts and `registry.json`.
    pub fn commands(&self) -> PathBuf {
        self.root.join("build/commands")
    }

    /// The bindings from names to artifacts.
    pub fn registry(&self) -> PathBuf {
        self.root.join("build/commands/registry.json")
    }

    /// How each artifact was built.
    pub fn provenance(&self) -> PathBuf {
        self.root.join("build/provenance")
    }

    /// Results of build steps, by the hash of the step.
    pub fn cache(&self) -> PathBuf {
        self.root.join("build/cache")
    }

    /// Compiled code; that of another nexus after [`Home::with_toolchains_of`].
    pub fn code(&self) -> PathBuf {
        self.code.clone()
    }

    /// Grants to third-party toolkits.
    pub fn consent(&self) -> PathBuf {
        self.root.join("consent")
    }

    /// Compilers; those of another nexus after [`Home::with_toolchains_of`].
    pub fn toolchains(&self) -> PathBuf {
        self.toolchains.clone()
    }

    /// Toolkits that came with an installed bundle.
    pub fn toolkits(&self) -> PathBuf {
        self.root.join("toolkits")
    }

    /// The log of command runs.
    pub fn steps(&self) -> PathBuf {
        self.root.join("runs/_steps.jsonl")
    }

    /// What the deployer says.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Secrets, readable by their user alone.
    pub fn vault(&self) -> PathBuf {
        self.root.join("secrets.json")
    }

    /// Files, tables, keys and queues of guests.
    pub fn storage(&self) -> PathBuf {
        self.root.join("storage")
    }

    /// Files on their way.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// `path` as a message may show it: relative to the nexus, with `/`.
    pub fn label(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).ok();
        let name = inside.unwrap_or_else(|| path.file_name().map_or(Path::new(""), Path::new));
        name.to_string_lossy().replace('\\', "/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wb_home_wins_and_an_empty_one_does_not_count() {
        let env = |value: &'static str| {
            move |key: &str| (key == "WB_HOME").then(|| OsString::from(value))
        };
        assert_eq!(Home::discover(env("/n")).unwrap(), Home::at("/n"));
        let default = Home::discover(env("")).unwrap();
        assert!(default.root().is_absolute());
        assert_ne!(default, Home::at(""));
    }

    #[test]
    fn messages_show_no_path_of_the_machine() {
        let home = Home::at("/somewhere/private");
        assert_eq!(home.label(&home.registry()), "build/commands/registry.json");
        assert_eq!(home.label(Path::new("/etc/passwd")), "passwd");
    }

    #[test]
    fn a_scratch_nexus_shares_compilers_only() {
        let home = Home::at("/home");
        let scratch = Home::at("/scratch").with_toolchains_of(&home);
        assert_eq!(scratch.toolchains(), home.toolchains());
        assert_eq!(scratch.commands(), Path::new("/scratch/build/commands"));
    }
}
