use std::fmt;
use std::str::FromStr;

use super::Pattern;

/// A name, or every name that begins so when it ends with `*`.
///
/// It is 1 to 256 bytes, without blanks, control characters and a further `*`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern(String);

impl NamePattern {
    fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }
}

impl Pattern for NamePattern {
    type Subject = str;

    fn permits(&self, name: &str) -> bool {
        match self.prefix() {
            Some(prefix) => name.starts_with(prefix),
            None => self.0 == name,
        }
    }

    fn meet(&self, other: &Self) -> Option<Self> {
        let (long, short) = match (self.prefix(), other.prefix()) {
            (Some(ours), Some(theirs)) if ours.len() < theirs.len() => (other, self),
            (Some(_), None) => (other, self),
            _ => (self, other),
        };
        let fixed = long.prefix().unwrap_or(&long.0);
        short.permits(fixed).then(|| long.clone())
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no name pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name, or the beginning of one followed by a single `*`")]
pub struct NameError(String);

impl FromStr for NamePattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fixed = text.strip_suffix('*').unwrap_or(text);
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '*';
        if text.is_empty() || text.len() > 256 || !fixed.chars().all(plain) {
            return Err(NameError(text.chars().take(64).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for NamePattern {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.0
    }
}
