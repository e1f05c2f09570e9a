//! Which paths may travel in a bundle.

use std::collections::BTreeMap;

use wb_manifest::{InvalidPath, RelPath, Tree};

/// Names that hold histories, caches, dependencies or private things.
const FORBIDDEN: &[&str] = &[
    ".git",
    ".github",
    ".githooks",
    ".hg",
    ".svn",
    ".beads",
    "node_modules",
    "_build",
    ".tmp",
    ".private",
];

/// Directories that a path may lead through; as deep as a toolkit on disk is read.
pub const MAX_DEPTH: usize = 64;

/// Why a path may not travel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathRefusal {
    /// Not UTF-8.
    #[error("its name is not utf-8")]
    NotUtf8,
    /// Absolute, climbing, or not plain.
    #[error("{0}")]
    NotRelative(InvalidPath),
    /// A part of it is on the list of names that never travel.
    #[error("`{0}` does not belong into a bundle")]
    Forbidden(&'static str),
    /// A file at the top whose name starts with a dot.
    #[error("hidden files do not belong into a bundle")]
    Hidden,
    /// A directory and a file have one name.
    #[error("it lies below a file of the bundle")]
    BelowFile,
    /// It lies deeper than a toolkit is read.
    #[error("it lies more than {MAX_DEPTH} directories deep")]
    TooDeep,
    /// Some systems cannot have a file of that name, or make another one of it.
    #[error("no part may hold `:` or end in a dot or blank, as not every system can keep that")]
    NotPortable,
    /// A symbolic link.
    #[error("it is a symbolic link")]
    Symlink,
    /// Protected by a password.
    #[error("it is encrypted")]
    Encrypted,
}

/// The path called `name`, if it may travel.
pub(super) fn check(name: &str) -> Result<RelPath, PathRefusal> {
    let path: RelPath = name.parse().map_err(PathRefusal::NotRelative)?;
    // Left out silently a file would be missed, so unlike the private ones these
    // are refused where a bundle is made, too.
    if path.components().count() > MAX_DEPTH + 1 {
        return Err(PathRefusal::TooDeep);
    }
    if path
        .components()
        .any(|part| part.contains(':') || part.ends_with(['.', ' ']))
    {
        return Err(PathRefusal::NotPortable);
    }
    match refusal(&path) {
        None => Ok(path),
        Some(why) => Err(why),
    }
}

/// Two of `names`, or of the directories they lie in, that differ in case alone.
pub(super) fn case_clash<'a>(names: impl Iterator<Item = &'a str>) -> Option<(&'a str, &'a str)> {
    let mut folded = BTreeMap::new();
    for name in names {
        let ends = name
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([name.len()]);
        for prefix in ends.map(|end| &name[..end]) {
            let first = *folded.entry(prefix.to_lowercase()).or_insert(prefix);
            if first != prefix {
                return Some((first, prefix));
            }
        }
    }
    None
}

fn refusal(path: &RelPath) -> Option<PathRefusal> {
    // Some file systems do not tell `.GIT` from `.git`.
    let forbidden = path.as_str().split('/').find_map(|part| {
        FORBIDDEN
            .iter()
            .find(|name| part.eq_ignore_ascii_case(name))
    });
    match forbidden {
        Some(name) => Some(PathRefusal::Forbidden(name)),
        None if path.as_str().starts_with('.') => Some(PathRefusal::Hidden),
        None => None,
    }
}

/// The files of `tree` that may travel in a bundle.
///
/// What is left behind are version histories, dependencies, build results,
/// private folders and hidden files at the top.
pub fn strip_private(tree: &Tree) -> Tree {
    tree.iter()
        .filter(|(path, _)| refusal(path).is_none())
        .map(|(path, contents)| (path.clone(), contents.clone()))
        .collect()
}
