use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use camino::Utf8Path;

/// Where a file lies in a tree: relative, `/`-separated, unable to leave it.
///
/// It never holds `.` or `..`, an empty component, a `\`, a NUL or another
/// control character, so joining it to a directory stays below that directory
/// on every platform. Clones share the text.
///
/// # Examples
///
/// ```
/// use wb_manifest::{InvalidPath, RelPath};
///
/// let path: RelPath = "src/main.c".parse()?;
/// assert_eq!(path.file_name(), "main.c");
/// assert!("../etc/passwd".parse::<RelPath>().is_err());
/// # Ok::<(), InvalidPath>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Arc<str>);

impl RelPath {
    /// Longest path in bytes, `PATH_MAX` of Linux with its NUL.
    pub const MAX_LEN: usize = 4095;
    /// Longest component in bytes, `NAME_MAX` of every common file system.
    pub const MAX_COMPONENT: usize = 255;

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as camino's type, for joining to a directory of the host.
    pub fn as_path(&self) -> &Utf8Path {
        Utf8Path::new(&*self.0)
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// What follows the last `.` of the file name, unless that starts the name.
    pub fn extension(&self) -> Option<&str> {
        match self.file_name().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => Some(extension),
            _ => None,
        }
    }

    /// The directory that holds it.
    pub fn parent(&self) -> RelDir {
        RelDir(
            self.0
                .rsplit_once('/')
                .map(|(parent, _)| Self(parent.into())),
        )
    }

    /// The components, outermost first; at least one.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether it lies below `dir`.
    pub fn is_below(&self, dir: &RelDir) -> bool {
        dir.strip_from(self.as_str()).is_some()
    }

    /// The same file seen from `dir`; `None` when it lies elsewhere.
    pub fn relative_to(&self, dir: &RelDir) -> Option<Self> {
        dir.strip_from(self.as_str()).map(|rest| Self(rest.into()))
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for RelPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a text is no path inside a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPath {
    /// Nothing at all.
    #[error("an empty path, expected one like `src/main.c`")]
    Empty,
    /// Longer than [`RelPath::MAX_LEN`].
    #[error("a path of {found} bytes, expected at most {}", RelPath::MAX_LEN)]
    TooLong {
        /// Length in bytes.
        found: usize,
    },
    /// One component is longer than [`RelPath::MAX_COMPONENT`].
    #[error(
        "a path component of {found} bytes, expected at most {}",
        RelPath::MAX_COMPONENT
    )]
    LongComponent {
        /// Length in bytes.
        found: usize,
    },
    /// Starts with `/`.
    #[error("the absolute path `{}`, expected a path inside the toolkit", clip(.path))]
    Absolute {
        /// The path.
        path: String,
    },
    /// Has a component `..`.
    #[error("`..` in path `{}`, expected a path inside the toolkit", clip(.path))]
    Parent {
        /// The path.
        path: String,
    },
    /// Has a component `.` or an empty one.
    #[error("an empty or `.` component in path `{}`, expected it without", clip(.path))]
    EmptyComponent {
        /// The path.
        path: String,
    },
    /// Has a `\`, a NUL or another control character.
    #[error("{character:?} in path `{}`, expected neither `\\` nor control characters", clip(.path))]
    Character {
        /// The path.
        path: String,
        /// The first such character.
        character: char,
    },
}

/// The start of a text that may be far too long for a message.
pub(crate) fn clip(text: &str) -> Cow<'_, str> {
    const KEEP: usize = 60;
    let is_short = text.char_indices().nth(KEEP).is_none();
    if is_short && !text.contains(char::is_control) {
        return text.into();
    }
    let mut shown: String = text.escape_debug().take(KEEP + 1).collect();
    match shown.char_indices().nth(KEEP) {
        None => shown.into(),
        Some((end, _)) => {
            shown.truncate(end);
            shown.push('…');
            shown.into()
        }
    }
}

fn check(path: &str) -> Result<(), InvalidPath> {
    let owned = || {
        path.chars()
            .take(RelPath::MAX_COMPONENT)
            .collect::<String>()
    };
    if path.is_empty() {
        return Err(InvalidPath::Empty);
    }
    if path.len() > RelPath::MAX_LEN {
        return Err(InvalidPath::TooLong { found: path.len() });
    }
    if path.starts_with('/') {
        return Err(InvalidPath::Absolute { path: owned() });
    }
    if let Some(character) = path.chars().find(|&c| c == '\\' || c.is_control()) {
        return Err(InvalidPath::Character {
            path: owned(),
            character,
        });
    }
    for component in path.split('/') {
        match component {
            ".." => return Err(InvalidPath::Parent { path: owned() }),
            "" | "." => return Err(InvalidPath::EmptyComponent { path: owned() }),
            long if long.len() > RelPath::MAX_COMPONENT => {
                return Err(InvalidPath::LongComponent { found: long.len() });
            }
            _ => {}
        }
    }
    Ok(())
}

impl FromStr for RelPath {
    type Err = InvalidPath;

    fn from_str(path: &str) -> Result<Self, InvalidPath> {
        check(path)?;
        Ok(Self(path.into()))
    }
}

impl TryFrom<&str> for RelPath {
    type Error = InvalidPath;

    fn try_from(path: &str) -> Result<Self, InvalidPath> {
        path.parse()
    }
}

/// A directory of a tree: its root, or one below it.
///
/// Written `.` for the root. `./src/` and `src` are the same directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelDir(Option<RelPath>);

impl RelDir {
    /// The root of the tree.
    pub const ROOT: Self = Self(None);

    /// The directory at the root with a name that the code itself states.
    pub(crate) fn named(name: &'static str) -> Self {
        Self(Some(name.parse().expect("a plain name is a path")))
    }

    /// The path of the directory; `None` for the root.
    pub fn path(&self) -> Option<&RelPath> {
        self.0.as_ref()
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// The path of `inner` seen from the root.
    ///
    /// # Errors
    ///
    /// [`InvalidPath::TooLong`] when both together pass [`RelPath::MAX_LEN`].
    pub fn join(&self, inner: &RelPath) -> Result<RelPath, InvalidPath> {
        match &self.0 {
            None => Ok(inner.clone()),
            Some(dir) => format!("{dir}/{inner}").parse(),
        }
    }

    /// What is left of `path` without this directory in front.
    pub(crate) fn strip_from<'a>(&self, path: &'a str) -> Option<&'a str> {
        match &self.0 {
            None => Some(path),
            Some(dir) => path.strip_prefix(dir.as_str())?.strip_prefix('/'),
        }
    }
}

impl From<RelPath> for RelDir {
    fn from(path: RelPath) -> Self {
        Self(Some(path))
    }
}

impl fmt::Display for RelDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.as_ref().map_or(".", RelPath::as_str))
    }
}

impl FromStr for RelDir {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        if matches!(text, "." | "./") {
            return Ok(Self::ROOT);
        }
        let path = text.strip_prefix("./").unwrap_or(text);
        let path = path
            .strip_suffix('/')
            .filter(|rest| !rest.is_empty())
            .unwrap_or(path);
        path.parse().map(|path| Self(Some(path)))
    }
}

macro_rules! as_string {
    ($type:ident, $description:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "description": $description, "type": "string" })
            }
        }
    };
}

as_string!(
    RelPath,
    "A relative, `/`-separated path without `.`, `..` or control characters"
);
as_string!(
    RelDir,
    "A relative, `/`-separated directory, `.` for the root"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(path: &str) -> String {
        path.parse::<RelPath>().unwrap_err().to_string()
    }

    #[test]
    fn refuses_what_could_leave_the_tree() {
        assert_eq!(
            refused("/etc/passwd"),
            "the absolute path `/etc/passwd`, expected a path inside the toolkit"
        );
        assert_eq!(
            refused("a/../../b"),
            "`..` in path `a/../../b`, expected a path inside the toolkit"
        );
        assert!(refused("a\\..\\b").starts_with("'\\\\' in path"));
        assert!(refused("a\0b").starts_with("'\\0' in path `a\\0b`"));
        assert!(refused("a//b").starts_with("an empty or `.` component"));
        assert!(refused("./a").starts_with("an empty or `.` component"));
        assert!(refused("").starts_with("an empty path"));
        assert!(refused(&"a/".repeat(4000)).starts_with("a path of 8000 bytes"));
        assert!(refused(&"a".repeat(300)).starts_with("a path component of 300 bytes"));
    }

    #[test]
    fn takes_a_path_apart() {
        let path: RelPath = "src/lib/tool.tar.gz".parse().unwrap();
        assert_eq!(path.file_name(), "tool.tar.gz");
        assert_eq!(path.extension(), Some("gz"));
        assert_eq!(path.parent().to_string(), "src/lib");
        assert_eq!(
            path.relative_to(&"src".parse().unwrap()).unwrap().as_str(),
            "lib/tool.tar.gz"
        );
        assert!(!path.is_below(&"sr".parse().unwrap()));
        assert_eq!(
            "Makefile".parse::<RelPath>().unwrap().parent(),
            RelDir::ROOT
        );
        assert_eq!(".bashrc".parse::<RelPath>().unwrap().extension(), None);
    }

    #[test]
    fn directories_have_one_spelling() {
        for text in ["src", "./src", "src/", "./src/"] {
            assert_eq!(text.parse::<RelDir>().unwrap().to_string(), "src");
        }
        assert!(".".parse::<RelDir>().unwrap().is_root());
        assert!("src/..".parse::<RelDir>().is_err());
        assert!("/".parse::<RelDir>().is_err());
        assert!("".parse::<RelDir>().is_err());
    }

    proptest! {
        #[test]
        fn no_accepted_path_leaves_its_directory(text in "[a./\\\\\\PC]{0,12}") {
            if let Ok(path) = text.parse::<RelPath>() {
                let joined = std::path::Path::new("/root").join(path.as_str());
                let mut parts = joined.components();
                let stays = parts.all(|part| !matches!(part, std::path::Component::ParentDir));
                prop_assert!(stays);
                prop_assert!(joined.starts_with("/root"));
                prop_assert_eq!(path.parent().join(&path.file_name().parse().unwrap()), Ok(path));
            }
        }
    }
}
