use std::fmt;
use std::str::FromStr;

use super::Pattern;

/// A folder of the private file system and everything under it.
///
/// Compared by whole segments: `notes` permits `notes/a` and not `notes2`. A path has at
/// most 4,096 bytes, and no `..`, backslash or control character; the empty one permits
/// everything.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct PathPrefix(String);

impl PathPrefix {
    fn covers(&self, path: &str) -> bool {
        self.0.is_empty()
            || path
                .strip_prefix(&self.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Pattern for PathPrefix {
    type Subject = str;

    /// A path that could climb (`..`) is never within reach.
    fn permits(&self, path: &str) -> bool {
        normalise(path).is_ok_and(|path| self.covers(&path))
    }

    fn meet(&self, other: &Self) -> Option<Self> {
        if self.covers(&other.0) {
            Some(other.clone())
        } else {
            other.covers(&self.0).then(|| self.clone())
        }
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

/// A text that is no path prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path prefix: `..`, backslashes and control characters are refused")]
pub struct PathError(String);

impl FromStr for PathPrefix {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        normalise(text).map(Self)
    }
}

/// The segments joined by one slash, without a leading one.
fn normalise(text: &str) -> Result<String, PathError> {
    let refused = || PathError(text.chars().take(64).collect());
    if text.len() > 4096 || text.chars().any(|c| c == '\\' || c.is_control()) {
        return Err(refused());
    }
    let mut path = String::with_capacity(text.len());
    for segment in text.split('/').filter(|s| !s.is_empty() && *s != ".") {
        if segment == ".." {
            return Err(refused());
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(segment);
    }
    Ok(path)
}

impl TryFrom<String> for PathPrefix {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<PathPrefix> for String {
    fn from(prefix: PathPrefix) -> Self {
        prefix.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_whole_and_nothing_climbs() {
        let notes: PathPrefix = "/notes/./".parse().unwrap();
        assert!(notes.permits("notes") && notes.permits("notes//a/b"));
        for outside in [
            "notes2",
            "notes/../secret",
            "",
            "a/notes",
            "notes\\..\\x",
            "notes/\0",
        ] {
            assert!(!notes.permits(outside), "{outside:?}");
        }
        assert!("a/../b".parse::<PathPrefix>().is_err());
    }
}
