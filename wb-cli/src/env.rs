use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wb_host::{Catalog, Home, Nexus, Toolkits, discover};
use wb_policy::{Posture, Profile};

use crate::args::{Bounds, Common};
use crate::failure::Failure;

/// Where and how the program was called: the one place that asks the environment.
#[derive(Clone, Debug)]
pub(crate) struct Env {
    /// The directory it was called in.
    pub(crate) cwd: PathBuf,
    /// The nexus.
    pub(crate) home: Home,
    /// Whether the network is off limits.
    pub(crate) offline: bool,
    /// Whether to tell more: `WB_LOG=info`.
    pub(crate) verbose: bool,
    /// The value of `WB_TOOLKITS_ROOT`.
    toolkits_root: Option<OsString>,
}

impl Env {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// When there is no home.
    pub(crate) fn read(common: Common) -> Result<Self, Failure> {
        let offline = std::env::var_os("WB_OFFLINE").is_some_and(|v| !v.is_empty() && v != "0");
        Ok(Self {
            // A removed directory still has a name relative to itself.
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            home: Home::discover(|key| std::env::var_os(key))?,
            offline: common.offline || offline,
            verbose: std::env::var_os("WB_LOG").is_some_and(|level| level == "info"),
            toolkits_root: std::env::var_os("WB_TOOLKITS_ROOT"),
        })
    }

    /// The same environment in `cwd`, with a nexus of its own that shares the compilers.
    pub(crate) fn elsewhere(&self, cwd: &Path, home: &Path) -> Self {
        Self {
            cwd: cwd.to_owned(),
            home: Home::at(home).with_toolchains_of(&self.home),
            offline: self.offline,
            verbose: self.verbose,
            toolkits_root: None,
        }
    }

    /// The nexus; nothing is read yet.
    pub(crate) fn nexus(&self) -> Nexus {
        Nexus::open(self.home.clone())
    }

    /// The nexus with the isolation that a run asks for, and the profile that bounds it.
    ///
    /// # Errors
    ///
    /// When there is no such profile, or `config.toml` cannot be meant.
    pub(crate) fn bounded(&self, bounds: &Bounds) -> Result<(Nexus, Profile), Failure> {
        let nexus = self.nexus();
        let demanded = nexus.posture()?;
        let nexus = nexus.with_posture(Posture {
            // A run can ask for more than the deployer demands of all.
            minimum: demanded.minimum.max(bounds.tier.unwrap_or_default()),
            third_party: bounds.third_party_tier.unwrap_or(demanded.third_party),
            // Native programs are the deployer's word alone.
            ..demanded
        });
        let profile = nexus.profile(&bounds.profile)?;
        Ok((nexus, profile))
    }

    /// The value of `WB_TOOLKITS_ROOT` if it names no directory.
    pub(crate) fn misnamed_root(&self) -> Option<String> {
        let root = self
            .toolkits_root
            .as_ref()
            .filter(|root| !root.is_empty())?;
        let is_there = self.cwd.join(root).is_dir();
        (!is_there).then(|| root.to_string_lossy().into_owned())
    }

    /// The toolkits directory, or where a new one goes.
    pub(crate) fn toolkits_or_new(&self) -> PathBuf {
        discover::toolkits_root_or_new(self.variables(), &self.cwd)
    }

    /// The toolkits directory as the user would write it, there or not.
    pub(crate) fn shown_toolkits(&self) -> String {
        self.shown(&self.toolkits_or_new())
    }

    /// `path` as the user would write it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        discover::shown(path, &self.cwd)
    }

    /// The toolkits at hand.
    pub(crate) fn catalog(&self) -> Catalog {
        let workspace = discover::toolkits_root(self.variables(), &self.cwd);
        Catalog::new(workspace.map(Toolkits::at), &self.home)
    }

    /// Who is at work, for records of consent.
    pub(crate) fn user() -> String {
        ["USER", "USERNAME", "LOGNAME"]
            .into_iter()
            .find_map(|key| std::env::var(key).ok().filter(|name| !name.is_empty()))
            .unwrap_or_else(|| "unknown".to_owned())
    }

    fn variables(&self) -> impl Fn(&str) -> Option<OsString> {
        let root = self.toolkits_root.clone();
        move |key| root.clone().filter(|_| key == "WB_TOOLKITS_ROOT")
    }
}
