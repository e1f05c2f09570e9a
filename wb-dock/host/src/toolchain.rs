//! Toolchain packs on this machine: fetched by the user's own npm and cargo,
//! verified against the lock, built by our own lanes where they are ours, and
//! compiled ahead of time.

mod cache;
mod client;
mod install;
mod packages;
mod progress;
mod store;
mod tools;
mod transfer;

use std::io::{Read, Write};

use wb_build::Error;
use wb_build::toolchain::{Entry, Lock, check_member};
use wb_dock::Engine;
use wb_manifest::Digest;

use crate::Home;
use client::Clients;
use store::PackStore;

pub use cache::DiskStepCache;
pub use packages::NpmPackages;
pub use progress::{Phase, Progress, Quiet};
pub use tools::HostTools;

/// The toolchain packs of a nexus.
///
/// # Examples
///
/// ```no_run
/// use wb_host::toolchain::{Quiet, Toolchains};
/// use wb_host::Home;
///
/// let home = Home::discover(|name| std::env::var_os(name))?;
/// let engine = wb_dock::Engine::new()?;
/// let toolchains = Toolchains::new(&home, &engine);
/// toolchains.install(&["clang"], &Quiet)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Toolchains {
    lock: Lock,
    store: PackStore,
    home: Home,
    engine: Engine,
    clients: Clients,
}

/// What there is of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackStatus {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// Client, package and version, or `built here`.
    pub origin: String,
    /// SPDX expression of its members.
    pub licence: String,
    /// The content address of the pinned version.
    pub digest: Digest,
    /// Whether the pinned version is installed.
    pub installed: bool,
    /// Whether its programs are compiled ahead of time, so that a build can start at once.
    pub compiled: bool,
    /// Bytes on disk, older versions included.
    pub size: u64,
}

impl PackStatus {
    /// Whether it is installed and compiled.
    pub fn ready(&self) -> bool {
        self.installed && self.compiled
    }
}

impl Toolchains {
    /// The packs in `home`, for the lanes of this version.
    pub fn new(home: &Home, engine: &Engine) -> Self {
        Self {
            lock: Lock::pinned(),
            store: PackStore::new(home.toolchains()),
            home: home.clone(),
            engine: engine.clone(),
            clients: Clients::default(),
        }
    }

    /// Lets the clients use their caches only.
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.clients.offline = offline;
        self
    }

    /// Works by another lock, for tools beside those of the lanes.
    #[must_use]
    pub fn with_lock(mut self, lock: Lock) -> Self {
        self.lock = lock;
        self
    }

    /// The lock that names the packs.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// What there is of each pack, in installation order.
    pub fn list(&self) -> Vec<PackStatus> {
        let tools = self.tools();
        let status = |entry: Entry<'_>| PackStatus {
            name: entry.name().to_owned(),
            about: entry.about().to_owned(),
            origin: entry.origin(),
            licence: entry.licence().to_owned(),
            digest: entry.digest(),
            installed: self.store.has(entry),
            compiled: install::uncompiled(&tools, entry).is_empty(),
            size: self.store.size(entry.name()),
        };
        self.lock.all().map(status).collect()
    }

    /// Whether all these packs are installed and compiled.
    pub fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| {
            self.lock
                .find(name)
                .is_ok_and(|entry| self.store.has(entry))
        })
    }

    /// Installs packs and those they need; all of the lock for no names.
    ///
    /// What is there already is skipped, and an interrupted installation goes on
    /// where it stopped. Processes that install the same pack wait for each other.
    ///
    /// # Errors
    ///
    /// [`wb_build::ErrorKind::UnknownPack`] before anything is done;
    /// [`wb_build::ErrorKind::Fetch`] if a client cannot fetch a package,
    /// [`wb_build::ErrorKind::Corrupt`] if it is not the pinned one,
    /// [`wb_build::ErrorKind::Drifted`] if a pack built here differs from the lock.
    pub fn install(&self, names: &[&str], progress: &dyn Progress) -> Result<(), Error> {
        install::run(self, names, progress)
    }

    /// Hashes every member of the installed packs against the lock and gives
    /// the names of the packs that were checked.
    ///
    /// # Errors
    ///
    /// [`wb_build::ErrorKind::Corrupt`] names the first member that differs.
    pub fn verify(&self, names: &[&str]) -> Result<Vec<String>, Error> {
        let mut checked = Vec::new();
        for entry in self.selected(names)? {
            if names.is_empty() && !self.store.has(entry) {
                continue;
            }
            for member in entry.members() {
                check_member(entry, member, &self.store.read(entry, member)?)?;
            }
            checked.push(entry.name().to_owned());
        }
        Ok(checked)
    }

    /// Writes installed packs into one tar file for [`Toolchains::import`]; all
    /// that are installed for no names.
    ///
    /// # Errors
    ///
    /// [`wb_build::ErrorKind::Missing`] for a named pack that is not installed,
    /// [`wb_build::ErrorKind::Host`] if `to` cannot be written.
    pub fn export(&self, names: &[&str], to: &mut dyn Write) -> Result<Vec<String>, Error> {
        let entries = self.selected(names)?;
        let chosen: Vec<&str> = entries
            .into_iter()
            .filter(|entry| !names.is_empty() || self.store.has(*entry))
            .map(Entry::name)
            .collect();
        transfer::export(&self.store, &self.lock, &chosen, to)?;
        Ok(chosen.into_iter().map(str::to_owned).collect())
    }

    /// Installs the packs of an export and gives the names of those that were
    /// not there before. Nothing is fetched; programs are compiled.
    ///
    /// # Errors
    ///
    /// [`wb_build::ErrorKind::Archive`] if `from` is not such a file,
    /// [`wb_build::ErrorKind::Corrupt`] if a member is not the pinned one.
    pub fn import(
        &self,
        from: &mut dyn Read,
        progress: &dyn Progress,
    ) -> Result<Vec<String>, Error> {
        let names = transfer::import(&self.store, &self.lock, from)?;
        for name in &names {
            install::compile(self, self.lock.find(name)?, progress)?;
        }
        Ok(names)
    }

    /// Removes packs in every version, and gives the names of those that were there.
    ///
    /// # Errors
    ///
    /// [`wb_build::ErrorKind::UnknownPack`] before anything is removed;
    /// [`wb_build::ErrorKind::Host`] if the system refuses.
    pub fn remove(&self, names: &[&str]) -> Result<Vec<String>, Error> {
        let mut removed = Vec::new();
        for entry in self.selected(names)? {
            let _held = self.store.lock(entry.name(), || ())?;
            if self.store.remove(entry.name())? {
                removed.push(entry.name().to_owned());
            }
        }
        Ok(removed)
    }

    /// Fetches and builds every pack anew, whatever the lock says of its bytes, and
    /// pins in [`Toolchains::lock`] what came out, as far as it came. For
    /// maintainers who change a version or a recipe.
    ///
    /// # Errors
    ///
    /// As [`Toolchains::install`], but for digests that differ.
    pub fn relock(&mut self, progress: &dyn Progress) -> Result<(), Error> {
        install::relock(self, progress)
    }

    /// The installed packs as the tools of builds.
    pub fn tools(&self) -> HostTools {
        HostTools::new(self)
    }

    /// npm packages for builds, kept in the nexus.
    pub fn packages(&self) -> NpmPackages {
        NpmPackages::new(self.home.cache().join("npm"), self.clients.clone())
    }

    /// The step cache of the nexus.
    pub fn cache(&self) -> DiskStepCache {
        DiskStepCache::at(self.home.cache())
    }

    /// The named packs, or all for no names.
    fn selected(&self, names: &[&str]) -> Result<Vec<Entry<'_>>, Error> {
        if names.is_empty() {
            return Ok(self.lock.all().collect());
        }
        names.iter().map(|name| self.lock.find(name)).collect()
    }
}

#[cfg(test)]
mod tests;
