//! Which name stands for which artifact.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wb_manifest::{CommandName, Digest, InvalidName, ToolkitId};

use crate::{Binding, Store, StoreError};

/// Reads a name that a user wants to register.
///
/// # Errors
///
/// [`NameError`], asking first whether a built-in has the name and then
/// whether it is one at all.
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
    /// The stable code of the error.
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
    /// The stable code of the error.
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
    /// The stable code of the error.
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
    /// A toolkit takes over a session's command, its own, or none; a session
    /// takes over what it likes.
    ///
    /// # Errors
    ///
    /// [`BindError`], asking in this order: the name is not reserved, it is a
    /// name (by its type), no other toolkit holds it, the artifact is in
    /// `artifacts`, there is room.
    pub fn bind(
        &mut self,
        binding: Binding,
        artifacts: &dyn Store,
    ) -> Result<Option<Arc<Binding>>, BindError> {
        let before = self.dynamic.get(&binding.name).map(History::current);
        let holder = before.and_then(|before| before.toolkit.as_ref());
        match (holder, &binding.toolkit) {
            (Some(holder), Some(toolkit)) if holder != toolkit => Err(BindError::Held {
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
    /// [`BindError::NotBuiltIn`] for any other name, and
    /// [`BindError::NotStored`].
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
    /// [`RollbackError`] when there is no such name or version.
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
    /// [`RollbackError`] when there is no such name or version, or it is live.
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
mod tests {
    use super::*;
    use crate::MemoryStore;

    fn binding(store: &MemoryStore, name: &str, bytes: &[u8]) -> Binding {
        Binding::command(name.parse().unwrap(), store.put(bytes).unwrap())
    }

    #[test]
    fn the_guards_ask_in_order() {
        let message = |name: &str| command_name(name).unwrap_err().to_string();
        assert_eq!(
            message("grep"),
            r#""grep" is a reserved built-in command name"#
        );
        assert!(message("").contains("is empty"));
        for bad in ["a/b", "..", ".", "a\0", "a b", "é", &"x".repeat(10_240)] {
            assert_eq!(
                command_name(bad).unwrap_err().code(),
                "registry/invalid-name"
            );
        }

        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        let nowhere = Binding::command("grep".parse().unwrap(), Digest::of(b"nowhere"));
        let error = table.bind(nowhere.clone(), &store).unwrap_err();
        assert_eq!(error.code(), "registry/reserved-name");
        let nowhere = Binding {
            name: "mine".parse().unwrap(),
            ..nowhere
        };
        let error = table.bind(nowhere, &store).unwrap_err();
        assert_eq!(error.code(), "registry/artifact-missing");
        assert!(table.is_empty());
    }

    #[test]
    fn the_table_has_an_end_but_replacing_goes_on() {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        for i in 0..CommandTable::MAX_DYNAMIC {
            table
                .bind(binding(&store, &format!("c{i}"), b"x"), &store)
                .unwrap();
        }
        let error = table
            .bind(binding(&store, "more", b"x"), &store)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`more` cannot be registered: the registry holds 4096 commands already"
        );
        assert!(
            table
                .bind(binding(&store, "c0", b"y"), &store)
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn a_built_in_cannot_be_hidden() {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        let real = binding(&store, "grep", b"real");
        table.provide_built_in(real.clone(), &store).unwrap();
        let poisoned = History::new(binding(&store, "grep", b"poison"));
        table.restore("grep".parse().unwrap(), poisoned);
        assert_eq!(*table.get("grep").unwrap(), real);
        assert!(table.iter().all(|binding| **binding == real));
        let other = binding(&store, "mine", b"x");
        assert!(matches!(
            table.provide_built_in(other, &store),
            Err(BindError::NotBuiltIn(_))
        ));
    }

    #[test]
    fn a_name_goes_back_and_forth() {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        let (old, new) = (binding(&store, "a", b"old"), binding(&store, "a", b"new"));
        assert!(table.bind(old.clone(), &store).unwrap().is_none());
        table.bind(new.clone(), &store).unwrap();
        table.bind(new.clone(), &store).unwrap();
        assert_eq!(table.versions("a").unwrap().0.len(), 2);

        assert_eq!(*table.rollback("a", None).unwrap(), old);
        assert_eq!(*table.get("a").unwrap(), old);
        assert_eq!(
            table.rollback("a", None).unwrap_err().code(),
            "registry/no-earlier-version"
        );
        assert_eq!(*table.rollback("a", Some(&new.digest)).unwrap(), new);
        let nowhere = Digest::of(b"nowhere");
        assert!(table.rollback("a", Some(&nowhere)).is_err());
        assert!(table.rollback("b", None).is_err());
    }

    #[test]
    fn an_artifact_is_one_version() {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        let (one, two) = (binding(&store, "a", b"one"), binding(&store, "a", b"two"));
        for version in [&one, &two, &one] {
            table.bind(version.clone(), &store).unwrap();
        }
        let of_toolkit = one.clone().in_toolkit(&"t".parse().unwrap());
        let before = table.bind(of_toolkit.clone(), &store).unwrap().unwrap();
        assert_eq!(*before, one);
        let (versions, live) = table.versions("a").unwrap();
        assert_eq!((versions.len(), live), (2, 1));
        assert_eq!(*table.rollback("a", None).unwrap(), two);

        // As an earlier version of this crate wrote it.
        let history = History::of(vec![two.clone(), one.clone(), of_toolkit], 2).unwrap();
        table.restore("a".parse().unwrap(), history);
        assert_eq!(*table.rollback("a", None).unwrap(), two);
    }

    #[test]
    fn no_toolkit_takes_over_anothers_command() {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        let session = binding(&store, "a", b"session");
        let of = |id: &str| binding(&store, "a", id.as_bytes()).in_toolkit(&id.parse().unwrap());
        for binding in [session.clone(), of("a"), of("a"), session, of("a")] {
            table.bind(binding, &store).unwrap();
        }
        let held = table.bind(of("b"), &store).unwrap_err();
        assert_eq!(
            held.to_string(),
            "`a` cannot be registered: it is a command of the toolkit `a`"
        );
        assert_eq!(*table.get("a").unwrap(), of("a"));
        assert!(table.replace(of("b"), &store).unwrap().is_some());
        assert_eq!(*table.get("a").unwrap(), of("b"));
    }

    #[test]
    fn a_version_is_forgotten_unless_it_is_live() {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        let versions = ["1", "2", "3"].map(|text| binding(&store, "a", text.as_bytes()));
        for version in &versions {
            table.bind(version.clone(), &store).unwrap();
        }
        let live = table.forget("a", &versions[2].digest).unwrap_err();
        assert_eq!(live.code(), "registry/version-live");
        assert_eq!(
            *table.forget("a", &versions[0].digest).unwrap(),
            versions[0]
        );
        assert_eq!(
            table.forget("a", &versions[0].digest).unwrap_err().code(),
            "registry/no-such-version"
        );
        assert_eq!(*table.get("a").unwrap(), versions[2]);
        assert_eq!(*table.rollback("a", None).unwrap(), versions[1]);
        table.forget("a", &versions[2].digest).unwrap();
        assert_eq!(*table.get("a").unwrap(), versions[1]);
        assert!(table.forget("b", &versions[0].digest).is_err());
        let freed = table.plan_gc(store.list().unwrap()).removed;
        assert_eq!(freed.len(), 2);
    }

    #[test]
    fn collecting_keeps_what_any_version_names() {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        let record = store.put(b"how it was made").unwrap();
        let first = Binding {
            provenance: Some(record),
            ..binding(&store, "a", b"1")
        };
        table.bind(first, &store).unwrap();
        table.bind(binding(&store, "a", b"2"), &store).unwrap();
        table
            .provide_built_in(binding(&store, "jq", b"jq"), &store)
            .unwrap();
        let loose = store.put(b"loose").unwrap();
        let plan = table.plan_gc(store.list().unwrap());
        assert_eq!(plan.removed, [loose]);
        plan.apply(&store).unwrap();
        assert_eq!(store.list().unwrap().len(), 4);
        table.rollback("a", None).unwrap();
        assert!(store.get(&table.get("a").unwrap().digest).is_ok());
    }

    #[test]
    fn only_so_many_versions_are_kept() {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        for i in 0..CommandTable::MAX_VERSIONS + 5 {
            table
                .bind(binding(&store, "a", &i.to_le_bytes()), &store)
                .unwrap();
        }
        let (versions, current) = table.versions("a").unwrap();
        assert_eq!((versions.len(), current), (32, 31));
        assert_eq!(table.plan_gc(store.list().unwrap()).removed.len(), 5);
    }
}
