//! A home directory put to use.

mod build;
mod cage;
mod call;
mod commands;
mod native;
mod revoked;
mod rows;
mod run;
mod ship;
mod task;
mod types;
mod verify;

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use wb_build::ToolRef;
use wb_dock::{Engine, Program};
use wb_manifest::{CommandName, Digest, ToolkitId};
use wb_policy::Posture;
use wb_registry::{Binding, CommandTable, RollbackError, Skipped, Store as _};

use crate::atomic;
use crate::config::Config;
use crate::consent;
use crate::deployment::Deployment;
use crate::disk_store::DiskStore;
use crate::error::{Error, ErrorKind};
use crate::home::Home;
use crate::registry_file::{RegistryFile, Repair};
use crate::toolchain::Toolchains;
use crate::toolkits::Toolkits;
use crate::trim::{Bounds, trim};

/// A home directory put to use: its artifacts and the names they go by.
///
/// Opening one touches nothing on disk. Clones share what is loaded: a program
/// that ran once is at hand for the next run.
#[derive(Clone, Debug)]
pub struct Nexus {
    home: Home,
    store: DiskStore,
    registry: RegistryFile,
    /// What is demanded of isolation, unless the deployer's word holds.
    posture: Option<Posture>,
    deployment: Arc<OnceLock<Deployment>>,
    cages: Cages,
    native_cages: NativeCages,
    engine: OnceLock<Engine>,
    /// Programs that were loaded, by the digest of their artifact.
    programs: Arc<Mutex<BTreeMap<Digest, Program>>>,
    /// The commands that come with the toolchains, by name.
    built_ins: OnceLock<BTreeMap<&'static str, ToolRef>>,
}

use cage::cages::Cages;
use native::NativeCages;

pub use build::{BuildFailure, BuildOptions, Inline, InlineShape, Made};
pub use call::{Callable, Processed, Returned, Values};
pub use native::Native;
pub use rows::Source;
pub use run::TENANT;
pub use ship::{InstallOptions, Packed};
pub use task::{Task, TaskEnd, TaskStreams};
pub use types::Types;

impl Nexus {
    /// The nexus in `home`.
    pub fn open(home: Home) -> Self {
        Self {
            store: DiskStore::at(home.commands()),
            registry: RegistryFile::of(&home),
            home,
            posture: None,
            deployment: Arc::default(),
            cages: Cages::default(),
            native_cages: NativeCages::default(),
            engine: OnceLock::new(),
            programs: Arc::default(),
            built_ins: OnceLock::new(),
        }
    }

    /// The same nexus with other demands on isolation than those of `config.toml`.
    #[must_use]
    pub fn with_posture(mut self, posture: Posture) -> Self {
        self.posture = Some(posture);
        self
    }

    /// The directory it lies in.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// What its deployer says, read when it is first needed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadConfig`].
    pub fn config(&self) -> Result<&Config, Error> {
        Ok(&self.deployment()?.config)
    }

    /// What is demanded of isolation.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadConfig`].
    pub fn posture(&self) -> Result<Posture, Error> {
        match self.posture {
            Some(posture) => Ok(posture),
            None => Ok(self.config()?.isolation),
        }
    }

    fn deployment(&self) -> Result<&Deployment, Error> {
        if let Some(deployment) = self.deployment.get() {
            return Ok(deployment);
        }
        let deployment = Deployment::of(&self.home)?;
        // Another thread may have been first; then its deployment is the one.
        Ok(self.deployment.get_or_init(|| deployment))
    }

    /// Its artifacts.
    pub fn store(&self) -> &DiskStore {
        &self.store
    }

    /// Its compilers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dock`] when the engine cannot work on this machine.
    pub fn toolchains(&self) -> Result<Toolchains, Error> {
        Ok(Toolchains::new(&self.home, &self.engine()?))
    }

    /// The engine, made when it is first needed.
    fn engine(&self) -> Result<Engine, Error> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine.clone());
        }
        let engine = Engine::builder().code_cache(self.home.code()).build()?;
        // Another thread may have been first; then its engine is the one.
        Ok(self.engine.get_or_init(|| engine).clone())
    }

    /// The registered commands, and the entries that cannot be used.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CorruptRegistry`] when the registry cannot be read.
    pub fn table(&self) -> Result<(CommandTable, Vec<Skipped>), Error> {
        self.registry
            .read(|digest| self.store.path(digest).is_some())
    }

    /// The binding of `name`, whether or not its artifact is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchCommand`], [`ErrorKind::BuiltInMissing`],
    /// [`ErrorKind::CorruptRegistry`].
    pub fn resolve(&self, name: &str) -> Result<Arc<Binding>, Error> {
        if let Ok(name) = name.parse::<CommandName>()
            && name.is_reserved()
        {
            return self.built_in(&name);
        }
        let (table, _) = self.registry.read(|_| true)?;
        table.get(name).ok_or_else(|| no_such_command(name))
    }

    /// Stores artifacts and binds names to them, all or none.
    ///
    /// `bindings` is given the store and says what to bind. Nothing is
    /// collected meanwhile, so what it puts stays until it is bound.
    ///
    /// # Errors
    ///
    /// Those of `bindings`, and [`ErrorKind::Bind`] for a binding that is not taken.
    pub fn register(
        &self,
        bindings: impl FnOnce(&DiskStore) -> Result<Vec<Binding>, Error>,
    ) -> Result<Vec<Binding>, Error> {
        self.registry.update(|table| {
            let bindings = bindings(&self.store)?;
            for binding in &bindings {
                table.bind(binding.clone(), &self.store)?;
            }
            Ok(bindings)
        })
    }

    /// Every version that `name` has had, oldest first, and the index of the live one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchCommand`], [`ErrorKind::CorruptRegistry`].
    pub fn versions(&self, name: &str) -> Result<(Vec<Arc<Binding>>, usize), Error> {
        let (table, _) = self.registry.read(|_| true)?;
        let (versions, current) = table.versions(name).ok_or_else(|| no_such_command(name))?;
        Ok((versions.to_vec(), current))
    }

    /// Points `name` at the version whose digest starts with `prefix`, or at the one before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchVersion`] if the prefix does not fit exactly one,
    /// [`ErrorKind::Rollback`], [`ErrorKind::Store`] if that version's artifact
    /// is missing or damaged.
    pub fn rollback(&self, name: &str, prefix: Option<&str>) -> Result<Arc<Binding>, Error> {
        self.registry.update(|table| {
            let digest = match prefix {
                None => None,
                Some(prefix) => Some(version_of(table, name, prefix)?),
            };
            let binding = match table.rollback(name, digest.as_ref()) {
                Err(RollbackError::Unknown(name)) => return Err(no_such_command(&name)),
                other => other?,
            };
            self.store.check(&binding.digest)?;
            Ok(binding)
        })
    }

    /// Forgets a command with all its versions, or its one whose digest starts with
    /// `prefix`, or all commands of an installed toolkit.
    ///
    /// When the last command of an installed toolkit goes, its documents and the
    /// consent to it go as well. Artifacts stay until the next [`Nexus::collect`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchCommand`], [`ErrorKind::NoSuchVersion`], and
    /// [`ErrorKind::Rollback`] for the version in force.
    pub fn remove(&self, name: &str, prefix: Option<&str>) -> Result<Removed, Error> {
        let installed = Toolkits::at(self.home.toolkits());
        let is_installed = |id: &ToolkitId| installed.contains(id);
        let (versions, id) = self.registry.update(|table| {
            if let Some(prefix) = prefix {
                let digest = version_of(table, name, prefix)?;
                return Ok((vec![table.forget(name, &digest)?], None));
            }
            if let Some(binding) = table.get(name)
                && let Some((versions, _)) = table.versions(name)
            {
                let versions = versions.to_vec();
                table.unbind(name);
                let id = binding.toolkit.clone();
                return Ok((versions, id.filter(|id| is_installed(id))));
            }
            let id = name.parse().ok().filter(is_installed);
            let id = id.ok_or_else(|| no_such_command(name))?;
            let names = commands_of(table, &id);
            let mut all = Vec::new();
            for name in names {
                all.extend(
                    table
                        .versions(&name)
                        .map(|(v, _)| v.to_vec())
                        .unwrap_or_default(),
                );
                table.unbind(&name);
            }
            Ok::<_, Error>((all, Some(id)))
        })?;
        let Some(id) = id else {
            return Ok(Removed {
                versions,
                toolkit: None,
            });
        };
        // Last, and only if nobody installed it again meanwhile: documents without
        // a command are in nobody's way, a command without documents would be.
        let toolkit = self.registry.alone(|| {
            let (table, _) = self.registry.read(|_| true)?;
            if !commands_of(&table, &id).is_empty() {
                return Ok(None);
            }
            installed.remove(&id)?;
            consent::remove(&self.home, &id)?;
            Ok(Some(id))
        })?;
        Ok(Removed { versions, toolkit })
    }

    /// Removes artifacts that no binding names with their compiled code, what killed
    /// writers left, and what is over the bounds of the caches: 4 GiB of compiled
    /// code, 1 GiB of build results, nothing that was unused for 30 days.
    ///
    /// With `dry_run` nothing is removed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CorruptRegistry`]: without it nobody knows what is named.
    pub fn collect(&self, dry_run: bool) -> Result<Collected, Error> {
        // Under the registry's lock: nobody is between storing and binding.
        self.registry.update(|table| {
            let plan = table.plan_gc(self.store.list()?);
            let bytes = plan.removed.iter().map(|digest| self.size(digest)).sum();
            let mut leftovers = 0;
            if !dry_run {
                plan.apply(&self.store)?;
                self.forget_code(&plan.removed);
                leftovers = self.store.sweep()?;
                let installs = atomic::sweep_locked(&self.home.toolkits());
                leftovers += installs.map_err(|error| Error::io("list", "toolkits", error))?;
                let tmp = atomic::sweep(&self.home.tmp());
                leftovers += tmp.map_err(|error| Error::io("list", "tmp", error))?;
            }
            let now = SystemTime::now();
            let caches = [(self.home.code(), CODE), (self.home.cache(), STEPS)];
            let trimmed = caches.map(|(root, bounds)| trim(&root, bounds, now, dry_run));
            Ok(Collected {
                removed: plan.removed,
                kept: plan.kept.len(),
                bytes,
                leftovers,
                cached: trimmed.iter().map(|cache| cache.files).sum(),
                cached_bytes: trimmed.iter().map(|cache| cache.bytes).sum(),
            })
        })
    }

    /// Removes what killed writers left anywhere in the nexus, and counts it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn sweep(&self) -> Result<usize, Error> {
        self.registry.alone(|| {
            let fail = |error| Error::io("list", "the nexus", error);
            let mut swept = self.store.sweep()?;
            swept += atomic::sweep(&self.home.tmp()).map_err(fail)?;
            swept += atomic::sweep_locked(&self.home.toolkits()).map_err(fail)?;
            Ok(swept)
        })
    }

    /// Makes an unreadable registry readable again; see [`RegistryFile::repair`].
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn repair(&self) -> Result<Repair, Error> {
        self.registry.repair()
    }

    /// Removes the compiled code of artifacts, for every engine that made some.
    ///
    /// A cache: what cannot be removed only takes its place.
    fn forget_code(&self, digests: &[Digest]) {
        let engines = fs::read_dir(self.home.code());
        for engine in engines.into_iter().flatten().flatten() {
            for digest in digests {
                for ending in ["cwasm", "stamp"] {
                    let _ = fs::remove_file(engine.path().join(format!("{digest}.{ending}")));
                }
            }
        }
    }

    fn size(&self, digest: &Digest) -> u64 {
        let path = self.store.path(digest);
        path.and_then(|path| fs::metadata(path).ok())
            .map_or(0, |meta| meta.len())
    }
}

/// What a collection removed, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// The artifacts.
    pub removed: Vec<Digest>,
    /// How many artifacts stay.
    pub kept: usize,
    /// Bytes of the removed artifacts.
    pub bytes: u64,
    /// Files that killed writers had left.
    pub leftovers: usize,
    /// Files over the bounds of the caches.
    pub cached: usize,
    /// Bytes of these.
    pub cached_bytes: u64,
}

/// What [`Nexus::remove`] took away.
#[derive(Clone, Debug)]
pub struct Removed {
    /// The versions that were forgotten.
    pub versions: Vec<Arc<Binding>>,
    /// The installed toolkit that went with the last of its commands.
    pub toolkit: Option<ToolkitId>,
}

/// How much compiled code stays: some hundred programs and the compilers.
const CODE: Bounds = Bounds {
    bytes: 4 << 30,
    unused: Duration::from_hours(30 * 24),
};

/// How many results of build steps stay.
const STEPS: Bounds = Bounds {
    bytes: 1 << 30,
    unused: Duration::from_hours(30 * 24),
};

/// The names that stand for commands of the toolkit `id`.
fn commands_of(table: &CommandTable, id: &ToolkitId) -> Vec<String> {
    let own = table
        .iter()
        .filter(|binding| binding.toolkit.as_ref() == Some(id));
    own.map(|binding| binding.name.to_string()).collect()
}

fn no_such_command(name: &str) -> Error {
    let name = name.chars().take(128).collect();
    ErrorKind::NoSuchCommand { name }.into()
}

/// The digest of the one version of `name` that starts with `prefix`.
fn version_of(table: &CommandTable, name: &str, prefix: &str) -> Result<Digest, Error> {
    let (versions, _) = table.versions(name).ok_or_else(|| no_such_command(name))?;
    let wanted = prefix.to_ascii_lowercase();
    let mut fits: Vec<Digest> = versions
        .iter()
        .map(|binding| binding.digest)
        .filter(|digest| !wanted.is_empty() && digest.to_string().starts_with(&wanted))
        .collect();
    fits.sort_unstable();
    fits.dedup();
    match fits[..] {
        [one] => Ok(one),
        _ => Err(ErrorKind::NoSuchVersion {
            name: name.to_owned(),
            prefix: prefix.chars().take(64).collect(),
            found: fits.len(),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nexus() -> (tempfile::TempDir, Nexus) {
        let dir = tempfile::tempdir().unwrap();
        let nexus = Nexus::open(Home::at(dir.path().join("nexus")));
        (dir, nexus)
    }

    fn register(nexus: &Nexus, name: &str, bytes: &[u8]) -> Result<Digest, Error> {
        let bound = nexus.register(|store| {
            let digest = store.put(bytes)?;
            Ok(vec![Binding::command(name.parse().unwrap(), digest)])
        })?;
        Ok(bound[0].digest)
    }

    #[test]
    fn looking_leaves_no_trace() {
        let (_dir, nexus) = nexus();
        assert!(nexus.table().unwrap().0.is_empty());
        assert_eq!(
            nexus.resolve("slug").unwrap_err().to_string(),
            "no such command: slug"
        );
        assert!(!nexus.home().root().exists());
    }

    #[test]
    fn all_names_are_bound_or_none() {
        let (_dir, nexus) = nexus();
        let error = nexus.register(|store| {
            let digest = store.put(b"\0asm")?;
            let good = Binding::command("good".parse().unwrap(), digest);
            let reserved = Binding::command("grep".parse().unwrap(), digest);
            Ok(vec![good, reserved])
        });
        assert_eq!(error.unwrap_err().code(), "registry/reserved-name");
        assert!(nexus.table().unwrap().0.is_empty());
    }

    #[test]
    fn a_version_is_named_by_its_first_digits() {
        let (_dir, nexus) = nexus();
        let old = register(&nexus, "slug", b"\0asm old").unwrap();
        let new = register(&nexus, "slug", b"\0asm new").unwrap();
        let (versions, live) = nexus.versions("slug").unwrap();
        assert_eq!((versions.len(), live), (2, 1));

        let prefix = &old.to_string()[..8];
        assert_eq!(nexus.rollback("slug", Some(prefix)).unwrap().digest, old);
        assert_eq!(nexus.resolve("slug").unwrap().digest, old);
        let whole = new.to_string();
        assert_eq!(nexus.rollback("slug", Some(&whole)).unwrap().digest, new);
        assert_eq!(nexus.rollback("slug", None).unwrap().digest, old);
        for prefix in ["", "xyz"] {
            let error = nexus.rollback("slug", Some(prefix)).unwrap_err();
            assert_eq!(error.code(), "registry/no-such-version");
        }
    }

    #[test]
    fn a_name_is_not_rolled_back_to_damaged_bytes() {
        let (_dir, nexus) = nexus();
        let old = register(&nexus, "slug", b"\0asm old").unwrap();
        let new = register(&nexus, "slug", b"\0asm new").unwrap();
        let file = nexus.store().path(&old).unwrap();
        fs::remove_file(&file).unwrap();
        fs::write(&file, b"\0asm 0ld").unwrap();
        let error = nexus.rollback("slug", None).unwrap_err();
        assert_eq!(error.code(), "registry/artifact-corrupt");
        assert_eq!(nexus.resolve("slug").unwrap().digest, new);
    }

    #[test]
    fn what_is_removed_is_free_to_be_collected() {
        let (_dir, nexus) = nexus();
        let old = register(&nexus, "slug", b"\0asm old").unwrap();
        let new = register(&nexus, "slug", b"\0asm new").unwrap();
        let live = nexus.remove("slug", Some(&new.to_string())).unwrap_err();
        assert_eq!(live.code(), "registry/version-live");
        nexus.remove("slug", Some(&old.to_string()[..8])).unwrap();
        assert_eq!(nexus.collect(true).unwrap().removed, [old]);
        assert_eq!(nexus.remove("slug", None).unwrap().versions[0].digest, new);
        assert!(nexus.store().get(&new).is_ok());
        assert_eq!(nexus.collect(true).unwrap().removed.len(), 2);
        let gone = nexus.remove("slug", None).unwrap_err();
        assert_eq!(gone.code(), "registry/no-such-command");
    }

    #[test]
    fn collecting_takes_what_no_version_names() {
        let (_dir, nexus) = nexus();
        let old = register(&nexus, "slug", b"\0asm old").unwrap();
        register(&nexus, "slug", b"\0asm new").unwrap();
        let loose = nexus.store().put(b"\0asm loose").unwrap();
        let planned = nexus.collect(true).unwrap();
        assert_eq!(
            (&planned.removed[..], planned.kept, planned.bytes),
            (&[loose][..], 2, 10)
        );
        assert!(nexus.store().get(&loose).is_ok());
        nexus.collect(false).unwrap();
        assert!(nexus.store().get(&loose).is_err());
        assert!(nexus.store().get(&old).is_ok());
    }
}
