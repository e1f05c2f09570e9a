//! The text form of the command table, kept beside the artifacts.
//!
//! A reader takes what it can: an entry that is not usable is left out and
//! reported, and the others are there. Built-ins are never written; they come
//! with the program.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wb_manifest::{ArgMode, CommandName, Digest, ToolkitId};
use wb_policy::{CapSet, Shape, Trust};

use crate::table::History;
use crate::{Binding, CommandTable, NameError, command_name};

/// The format of the file; a reader refuses any other.
const FORMAT: &str = "wb-registry/1";

/// Writes the table as JSON of the format `wb-registry/1`: the same table always gives the
/// same bytes.
pub fn write_registry(table: &CommandTable) -> Vec<u8> {
    let bindings = table
        .histories()
        .map(|(name, history)| {
            let versions = history.versions().iter().map(|b| Version::of(b)).collect();
            let entry = Entry {
                current: history.current_index(),
                versions,
            };
            (name.as_str(), entry)
        })
        .collect();
    File {
        format: FORMAT,
        bindings,
    }
    .text()
}

/// Reads a table; `stored` says which artifacts are there.
///
/// # Errors
///
/// [`RegistryError::Syntax`] when the text as a whole is not a registry,
/// [`RegistryError::Format`] when it has another format than `wb-registry/1`.
pub fn read_registry(
    text: &[u8],
    stored: impl Fn(&Digest) -> bool,
) -> Result<(CommandTable, Vec<Skipped>), RegistryError> {
    let file: LooseFile = serde_json::from_slice(text)?;
    if file.format != FORMAT {
        return Err(RegistryError::Format(file.format));
    }
    let mut table = CommandTable::default();
    let mut skipped = Vec::new();
    for (name, entry) in file.bindings {
        match restore(&name, entry, &stored, &mut skipped) {
            Ok(_) if table.len() >= CommandTable::MAX_DYNAMIC => {
                skipped.push(Skipped::new(&name, SkipReason::Full));
            }
            Ok((name, history)) => table.restore(name, history),
            Err(reason) => skipped.push(Skipped::new(&name, reason)),
        }
    }
    Ok((table, skipped))
}

fn restore(
    name: &str,
    entry: Value,
    stored: impl Fn(&Digest) -> bool,
    skipped: &mut Vec<Skipped>,
) -> Result<(CommandName, History), SkipReason> {
    let checked = command_name(name)?;
    let entry: Entry = serde_json::from_value(entry).map_err(SkipReason::malformed)?;
    let mut versions = Vec::with_capacity(entry.versions.len());
    let mut current = None;
    for (i, version) in entry.versions.into_iter().enumerate() {
        let binding = version.into_binding(checked.clone());
        let missing = binding.artifacts().find(|digest| !stored(digest));
        match missing {
            // An older version silently taking over would be a surprise, so
            // the name goes with its current artifact.
            Some(digest) if i == entry.current => return Err(SkipReason::NotStored(digest)),
            Some(digest) => skipped.push(Skipped::new(name, SkipReason::OldVersion(digest))),
            None => {
                if i == entry.current {
                    current = Some(versions.len());
                }
                versions.push(binding);
            }
        }
    }
    current
        .and_then(|current| History::of(versions, current))
        .map(|history| (checked, history))
        .ok_or_else(|| SkipReason::Malformed("`current` is not one of the versions".to_owned()))
}

/// A text that is no registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Not JSON of the form.
    #[error("the registry cannot be read: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Written by another version.
    #[error("registry format `{0}` found, `{FORMAT}` wanted")]
    Format(String),
}

impl RegistryError {
    /// The stable code of the error, for example `registry/syntax`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "registry/syntax",
            Self::Format(_) => "registry/format",
        }
    }
}

/// An entry, or one version of it, that was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is left out: {reason}")]
pub struct Skipped {
    /// The name as it is written in the file.
    pub name: String,
    /// Why.
    pub reason: SkipReason,
}

impl Skipped {
    fn new(name: &str, reason: SkipReason) -> Self {
        Self {
            name: name.chars().take(128).collect(),
            reason,
        }
    }
}

/// Why an entry was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The name is reserved, or none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The artifact of the current version is gone.
    #[error("artifact `{0}` is not in the store")]
    NotStored(Digest),
    /// The artifact of an earlier version is gone; the name itself is there.
    #[error("its earlier version `{0}` is not in the store")]
    OldVersion(Digest),
    /// The entry does not say what a binding must.
    #[error("{0}")]
    Malformed(String),
    /// There are as many names as there may be.
    #[error("the registry holds {} commands already", CommandTable::MAX_DYNAMIC)]
    Full,
}

impl SkipReason {
    fn malformed(error: impl std::fmt::Display) -> Self {
        Self::Malformed(error.to_string())
    }
}

#[derive(Serialize)]
struct File<'a> {
    format: &'static str,
    bindings: BTreeMap<&'a str, Entry>,
}

impl File<'_> {
    fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("names and digests are plain text");
        text.push(b'\n');
        text
    }
}

#[derive(Deserialize)]
struct LooseFile {
    format: String,
    #[serde(default)]
    bindings: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    current: usize,
    versions: Vec<Version>,
}

/// A binding without its name, which is the key of the entry.
#[derive(Serialize, Deserialize)]
struct Version {
    digest: Digest,
    shape: Shape,
    arg_mode: ArgMode,
    caps: CapSet,
    trust: Trust,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    world: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    toolkit: Option<ToolkitId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Digest>,
}

impl Version {
    fn of(binding: &Binding) -> Self {
        Self {
            digest: binding.digest,
            shape: binding.shape,
            arg_mode: binding.arg_mode,
            caps: binding.caps,
            trust: binding.trust,
            world: binding.world.clone(),
            entry: binding.entry.clone(),
            toolkit: binding.toolkit.clone(),
            provenance: binding.provenance,
        }
    }

    fn into_binding(self, name: CommandName) -> Binding {
        Binding {
            name,
            digest: self.digest,
            shape: self.shape,
            arg_mode: self.arg_mode,
            caps: self.caps,
            trust: self.trust,
            world: self.world,
            entry: self.entry,
            toolkit: self.toolkit,
            provenance: self.provenance,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wb_policy::Cap;

    use super::*;
    use crate::{MemoryStore, Store};

    fn table() -> (CommandTable, MemoryStore) {
        let store = MemoryStore::default();
        let mut table = CommandTable::default();
        let mut bind = |name: &str, bytes: &[u8], change: &dyn Fn(&mut Binding)| {
            let digest = store.put(bytes).unwrap();
            let mut binding = Binding::command(name.parse().unwrap(), digest);
            change(&mut binding);
            table.bind(binding, &store).unwrap();
        };
        bind("slug", b"1", &|_| ());
        bind("slug", b"2", &|b| {
            b.trust = Trust::ThirdParty;
            b.arg_mode = ArgMode::Stdin1;
            b.caps = CapSet::from_iter([Cap::Net, Cap::Vfs]);
            b.toolkit = Some("slug".parse().unwrap());
            b.provenance = Some(b.digest);
        });
        bind("blur", b"3", &|b| {
            b.shape = Shape::Kernel;
            b.entry = Some("process".to_owned());
        });
        bind("page", b"4", &|b| {
            b.shape = Shape::Component;
            b.world = Some("engine".to_owned());
        });
        table.rollback("slug", None).unwrap();
        (table, store)
    }

    #[test]
    fn a_table_reads_back_whole() {
        let (table, store) = table();
        let text = write_registry(&table);
        let stored = |digest: &Digest| store.contains(digest).unwrap();
        let (read, skipped) = read_registry(&text, stored).unwrap();
        assert_eq!(skipped, []);
        assert_eq!(read, table);
        assert_eq!(write_registry(&read), text);
    }

    #[test]
    fn what_is_unusable_is_left_out_and_named() {
        let (table, store) = table();
        let mut file: Value = serde_json::from_slice(&write_registry(&table)).unwrap();
        let good = file["bindings"]["page"].clone();
        for name in ["grep", "../x", "empty"] {
            file["bindings"][name] = good.clone();
        }
        file["bindings"]["empty"]["versions"] = Value::Array(Vec::new());
        file["bindings"]["odd"] = serde_json::json!({ "path": "x.wasm", "mode": "argv" });
        store.remove(&Digest::of(b"2")).unwrap();
        store.remove(&Digest::of(b"3")).unwrap();
        let text = serde_json::to_vec(&file).unwrap();
        let (read, skipped) =
            read_registry(&text, |digest| store.contains(digest).unwrap()).unwrap();
        let names: Vec<_> = read.iter().map(|b| b.name.to_string()).collect();
        assert_eq!(names, ["page", "slug"]);
        let (three, two) = (Digest::of(b"3"), Digest::of(b"2"));
        let skipped: Vec<_> = skipped.iter().map(ToString::to_string).collect();
        assert_eq!(
            skipped,
            [
                "`../x` is left out: command name `../x` has '/', expected letters, digits, `_`, `.` or `-`".to_owned(),
                format!("`blur` is left out: artifact `{three}` is not in the store"),
                "`empty` is left out: `current` is not one of the versions".to_owned(),
                r#"`grep` is left out: "grep" is a reserved built-in command name"#.to_owned(),
                "`odd` is left out: missing field `current`".to_owned(),
                format!("`slug` is left out: its earlier version `{two}` is not in the store"),
            ]
        );
    }

    #[test]
    fn another_format_is_refused_as_a_whole() {
        let error = read_registry(br#"{"format":"wb-registry/9"}"#, |_| true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "registry format `wb-registry/9` found, `wb-registry/1` wanted"
        );
        for torn in [
            "",
            "{",
            "[]",
            r#"{"format":"wb-registry/1","bindings":{"a""#,
        ] {
            let error = read_registry(torn.as_bytes(), |_| true).unwrap_err();
            assert_eq!(error.code(), "registry/syntax");
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0_usize..1500, byte: u8) {
            let (table, _) = table();
            let mut text = write_registry(&table);
            let at = at % text.len();
            text[at] = byte;
            let _ = read_registry(&text, |_| true);
            let _ = read_registry(&text[..at], |_| true);
        }
    }
}
