//! Which name stands for which artifact.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wb_manifest::{CommandName, Digest, InvalidName, ToolkitId};

use crate::{Binding, Store, StoreError};

/// Reads a name that a user wants to register.
///
/// # Errors
///
/// [`NameError::Reserved`] when a built-in has the name, which is asked first, and
/// [`NameError::Invalid`] when it is none.
pub fn command_name(name: &str) -> Result<CommandName, NameError> {
    if CommandName::RESERVED.contains(&name) {
        return Err(NameError::Reserved(name.to_owned()));
    }
    Ok(name.parse()?)
}

/// A name that cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A built-in command has it.
    #[error("{0:?} is a reserved built-in command name")]
    Reserved(String),
    /// It is no name.
    #[error(transparent)]
    Invalid(#[from] InvalidName),
}

impl NameError {
    /// The stable code of the error, for example `registry/reserved-name`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reserved(_) => "registry/reserved-name",
            Self::Invalid(_) => "registry/invalid-name",
        }
    }
}

/// A binding that was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The name cannot be registered.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The artifact is not in the store.
    #[error("`{name}` cannot be registered: artifact `{digest}` is not in the store")]
    NotStored {
        /// The name.
        name: CommandName,
        /// The artifact.
        digest: Digest,
    },
    /// There are as many names as there may be.
    #[error(
        "`{0}` cannot be registered: the registry holds {max} commands already",
        max = CommandTable::MAX_DYNAMIC
    )]
    Full(CommandName),
    /// Another toolkit's command has the name.
    #[error("`{name}` cannot be registered: it is a command of the toolkit `{holder}`")]
    Held {
        /// The name.
        name: CommandName,
        /// The toolkit.
        holder: ToolkitId,
    },
    /// Only the reserved names are built in.
    #[error("`{0}` is not the name of a built-in command")]
    NotBuiltIn(CommandName),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BindError {
    /// The stable code of the error, for example `registry/artifact-missing`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(error) => error.code(),
            Self::NotStored { .. } => "registry/artifact-missing",
            Self::Full(_) => "registry/full",
            Self::Held { .. } => "registry/name-held",
            Self::NotBuiltIn(_) => "registry/not-built-in",
            Self::Store(error) => error.code(),
        }
    }
}

/// A name could not be taken back to an earlier artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// Nothing is registered under the name.
    #[error("no such command: {0}")]
    Unknown(String),
    /// There is nothing before the current version.
    #[error("`{0}` has no earlier version")]
    Oldest(CommandName),
    /// The version asked for is not among those kept.
    #[error("`{name}` has no version `{digest}`")]
    NoVersion {
        /// The name.
        name: CommandName,
        /// The artifact asked for.
        digest: Digest,
    },
    /// The version in force cannot be forgotten while the name stands for it.
    #[error("`{name}` stands for version `{digest}`")]
    Live {
        /// The name.
        name: CommandName,
        /// The artifact.
        digest: Digest,
    },
}

impl RollbackError {
    /// The stable code of the error, for example `registry/no-such-command`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "registry/no-such-command",
            Self::Oldest(_) => "registry/no-earlier-version",
            Self::NoVersion { .. } => "registry/no-such-version",
            Self::Live { .. } => "registry/version-live",
        }
    }
}

/// The names of a nexus and what they stand for.
///
/// The table is a value: reading it needs no lock, and a change made on a
/// clone is published by swapping the whole.
///
/// # Examples
///
/// ```
/// use wb_registry::{Binding, CommandTable, MemoryStore, Store, command_name};
///
/// let store = MemoryStore::default();
/// let mut table = CommandTable::default();
/// let name = command_name("slug")?;
/// table.bind(Binding::command(name.clone(), store.put(b"old")?), &store)?;
/// let running = table.get("slug").unwrap();
/// table.bind(Binding::command(name, store.put(b"new")?), &store)?;
/// assert_eq!(store.get(&running.digest)?, b"old"[..]);
/// assert_eq!(store.get(&table.get("slug").unwrap().digest)?, b"new"[..]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandTable {
    dynamic: BTreeMap<CommandName, History>,
    built_in: BTreeMap<CommandName, Arc<Binding>>,
}

impl CommandTable {
    /// Names there may be besides the built-ins.
    pub const MAX_DYNAMIC: usize = 4096;

    /// Earlier versions of a name that can be rolled back to.
    pub const MAX_VERSIONS: usize = 32;

    /// Binds a name, and returns what it stood for before.
    ///
    /// A toolkit takes over a session's command, its own, or none; a session only
    /// what a session made.
    ///
    /// # Errors
    ///
    /// In this order: [`BindError::Held`] when another toolkit holds the name,
    /// [`BindError::Name`] when it is reserved, [`BindError::NotStored`] when the artifact is
    /// not in `artifacts` and [`BindError::Store`] when that cannot be asked,
    /// [`BindError::Full`] when [`MAX_DYNAMIC`](Self::MAX_DYNAMIC) names are bound.
    pub fn bind(
        &mut self,
        binding: Binding,
        artifacts: &dyn Store,
    ) -> Result<Option<Arc<Binding>>, BindError> {
        let before = self.dynamic.get(&binding.name).map(History::current);
        let holder = before.and_then(|before| before.toolkit.as_ref());
        match (holder, &binding.toolkit) {
            (Some(holder), toolkit) if toolkit.as_ref() != Some(holder) => Err(BindError::Held {
                name: binding.name,
                holder: holder.clone(),
            }),
            _ => self.replace(binding, artifacts),
        }
    }

    /// Binds a name whoever holds it, and returns what it stood for before.
    ///
    /// # Errors
    ///
    /// As [`CommandTable::bind`], except that no toolkit is in the way.
    pub fn replace(
        &mut self,
        binding: Binding,
        artifacts: &dyn Store,
    ) -> Result<Option<Arc<Binding>>, BindError> {
        if binding.name.is_reserved() {
            return Err(NameError::Reserved(binding.name.to_string()).into());
        }
        require_stored(&binding, artifacts)?;
        let names = self.dynamic.len();
        let name = binding.name.clone();
        match self.dynamic.get_mut(&name) {
            Some(history) => Ok(Some(history.push(binding))),
            None if names >= Self::MAX_DYNAMIC => Err(BindError::Full(name)),
            None => {
                self.dynamic.insert(name, History::new(binding));
                Ok(None)
            }
        }
    }

    /// Provides one of the reserved names.
    ///
    /// # Errors
    ///
    /// [`BindError::NotBuiltIn`] for any other name, [`BindError::NotStored`] when the artifact
    /// is not in `artifacts`, [`BindError::Store`] when that cannot be asked.
    pub fn provide_built_in(
        &mut self,
        binding: Binding,
        artifacts: &dyn Store,
    ) -> Result<(), BindError> {
        if !binding.name.is_reserved() {
            return Err(BindError::NotBuiltIn(binding.name));
        }
        require_stored(&binding, artifacts)?;
        self.built_in
            .insert(binding.name.clone(), Arc::new(binding));
        Ok(())
    }

    /// What `name` stands for now.
    ///
    /// The built-ins are asked first: whatever else found its way into the
    /// table cannot hide one.
    pub fn get(&self, name: &str) -> Option<Arc<Binding>> {
        self.built_in
            .get(name)
            .or_else(|| self.dynamic.get(name).map(History::current))
            .cloned()
    }

    /// Every binding in force, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Binding>> {
        let all: BTreeMap<_, _> = self
            .dynamic
            .iter()
            .map(|(name, history)| (name, history.current()))
            .chain(&self.built_in)
            .collect();
        all.into_values()
    }

    /// How many names there are besides the built-ins.
    pub fn len(&self) -> usize {
        self.dynamic.len()
    }

    /// Whether nothing but built-ins is registered.
    pub fn is_empty(&self) -> bool {
        self.dynamic.is_empty()
    }

    /// The versions of `name`, oldest first, and the index of the current one.
    pub fn versions(&self, name: &str) -> Option<(&[Arc<Binding>], usize)> {
        let history = self.dynamic.get(name)?;
        Some((&history.versions, history.current))
    }

    /// Takes `name` back to the version before, or to the one with `digest`.
    ///
    /// The version left behind stays listed, and going forward again is a
    /// rollback to its digest.
    ///
    /// # Errors
    ///
    /// [`RollbackError::Unknown`] when there is no such name, [`RollbackError::Oldest`] when
    /// it has no version before this one, [`RollbackError::NoVersion`] when it has none with
    /// `digest`.
    pub fn rollback(
        &mut self,
        name: &str,
        digest: Option<&Digest>,
    ) -> Result<Arc<Binding>, RollbackError> {
        let (key, history) = match self.dynamic.get_key_value(name) {
            Some((key, history)) => (key.clone(), history),
            None => return Err(RollbackError::Unknown(name.to_owned())),
        };
        let found = match digest {
            // Files written by earlier versions may list one artifact twice.
            None => history.versions[..history.current]
                .iter()
                .rposition(|version| version.digest != history.current().digest)
                .ok_or_else(|| RollbackError::Oldest(key.clone())),
            Some(digest) => history
                .versions
                .iter()
                .rposition(|version| version.digest == *digest)
                .ok_or_else(|| RollbackError::NoVersion {
                    name: key.clone(),
                    digest: *digest,
                }),
        }?;
        let mut rolled = history.clone();
        rolled.current = found;
        let binding = rolled.current().clone();
        self.dynamic.insert(key, rolled);
        Ok(binding)
    }

    /// Forgets `name` with all its versions, and returns what it stood for.
    pub fn unbind(&mut self, name: &str) -> Option<Arc<Binding>> {
        let history = self.dynamic.remove(name)?;
        Some(history.current().clone())
    }

    /// Forgets one version of `name`, which must not be the one in force.
    ///
    /// # Errors
    ///
    /// [`RollbackError::Unknown`] and [`RollbackError::NoVersion`] when there is no such name
    /// or version, [`RollbackError::Live`] when it is the one in force.
    pub fn forget(&mut self, name: &str, digest: &Digest) -> Result<Arc<Binding>, RollbackError> {
        let Some((key, history)) = self.dynamic.get_key_value(name) else {
            return Err(RollbackError::Unknown(name.to_owned()));
        };
        let (name, digest) = (key.clone(), *digest);
        if history.current().digest == digest {
            return Err(RollbackError::Live { name, digest });
        }
        let is_it = |version: &Arc<Binding>| version.digest == digest;
        let Some(forgotten) = history.versions.iter().find(|version| is_it(version)) else {
            return Err(RollbackError::NoVersion { name, digest });
        };
        let forgotten = forgotten.clone();
        let mut rest = history.clone();
        let before = &history.versions[..history.current];
        rest.current -= before.iter().filter(|version| is_it(version)).count();
        rest.versions.retain(|version| !is_it(version));
        self.dynamic.insert(name, rest);
        Ok(forgotten)
    }

    /// Every artifact that some version of some name needs.
    pub fn named(&self) -> BTreeSet<Digest> {
        self.dynamic
            .values()
            .flat_map(|history| &history.versions)
            .chain(self.built_in.values())
            .flat_map(|binding| binding.artifacts())
            .collect()
    }

    /// Which of the `stored` artifacts no binding names.
    pub fn plan_gc(&self, stored: impl IntoIterator<Item = Digest>) -> GcPlan {
        let named = self.named();
        let (kept, removed) = stored
            .into_iter()
            .partition(|digest| named.contains(digest));
        GcPlan { kept, removed }
    }

    pub(crate) fn histories(&self) -> impl Iterator<Item = (&CommandName, &History)> {
        self.dynamic.iter()
    }

    pub(crate) fn restore(&mut self, name: CommandName, history: History) {
        self.dynamic.insert(name, history);
    }
}

/// What a garbage collection would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcPlan {
    /// Artifacts that a binding names.
    pub kept: Vec<Digest>,
    /// Artifacts that nothing names.
    pub removed: Vec<Digest>,
}

impl GcPlan {
    /// Deletes what the plan removes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the first artifact that could not be deleted.
    pub fn apply(&self, artifacts: &dyn Store) -> Result<(), StoreError> {
        self.removed
            .iter()
            .try_for_each(|digest| artifacts.remove(digest))
    }
}

/// The versions of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    versions: Vec<Arc<Binding>>,
    current: usize,
}

impl History {
    fn new(binding: Binding) -> Self {
        Self {
            versions: vec![Arc::new(binding)],
            current: 0,
        }
    }

    /// The versions, oldest first; `None` unless `current` is one of them.
    pub(crate) fn of(versions: Vec<Binding>, current: usize) -> Option<Self> {
        (current < versions.len()).then(|| Self {
            versions: versions.into_iter().map(Arc::new).collect(),
            current,
        })
    }

    pub(crate) fn versions(&self) -> &[Arc<Binding>] {
        &self.versions
    }

    pub(crate) const fn current_index(&self) -> usize {
        self.current
    }

    fn current(&self) -> &Arc<Binding> {
        &self.versions[self.current]
    }

    /// Makes `binding` the current version and returns the one before.
    ///
    /// An artifact is one version, however often it is registered: the newest
    /// contract counts.
    fn push(&mut self, binding: Binding) -> Arc<Binding> {
        let before = self.current().clone();
        if *before == binding {
            return before;
        }
        self.versions
            .retain(|version| version.digest != binding.digest);
        self.versions.push(Arc::new(binding));
        if self.versions.len() > CommandTable::MAX_VERSIONS {
            self.versions.remove(0);
        }
        self.current = self.versions.len() - 1;
        before
    }
}

fn require_stored(binding: &Binding, artifacts: &dyn Store) -> Result<(), BindError> {
    for digest in binding.artifacts() {
        if !artifacts.contains(&digest)? {
            return Err(BindError::NotStored {
                name: binding.name.clone(),
                digest,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
