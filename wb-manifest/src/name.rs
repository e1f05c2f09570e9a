use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::rel_path::clip;

/// Longest name in bytes: `<name>.wasm` and the like stay below `NAME_MAX`.
const MAX_LEN: usize = 128;

/// A text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {kind}")]
pub struct InvalidName {
    what: &'static str,
    kind: InvalidNameKind,
}

impl InvalidName {
    /// What is wrong with it.
    pub fn kind(&self) -> &InvalidNameKind {
        &self.kind
    }
}

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidNameKind {
    /// Nothing at all.
    #[error("is empty, expected letters, digits, `_`, `.` or `-`")]
    Empty,
    /// Longer than 128 bytes.
    #[error("has {found} bytes, expected at most {MAX_LEN}")]
    TooLong {
        /// Length in bytes.
        found: usize,
    },
    /// A character outside `A-Z a-z 0-9 _ . -`.
    #[error("`{}` has {character:?}, expected letters, digits, `_`, `.` or `-`", clip(.name))]
    Character {
        /// The name.
        name: String,
        /// The first such character.
        character: char,
        /// Byte offset of the character in the name.
        at: usize,
    },
    /// A `-` in front: where a name is typed, that is an option.
    #[error("`{}` begins with `-`, which a command line takes for an option", clip(.name))]
    Dash {
        /// The name.
        name: String,
    },
    /// `.` or `..`, which name directories.
    #[error("`{name}` is a directory, expected a name")]
    Dots {
        /// The name.
        name: String,
    },
}

/// `^[A-Za-z0-9_.-]+$`, not `.` or `..`: the one rule for every name that may
/// become a file name. One that is `typed` does not begin with `-` either.
fn check(name: &str, typed: bool) -> Result<(), InvalidNameKind> {
    if name.is_empty() {
        return Err(InvalidNameKind::Empty);
    }
    if name.len() > MAX_LEN {
        return Err(InvalidNameKind::TooLong { found: name.len() });
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if let Some((at, character)) = name.char_indices().find(|&(_, c)| !allowed(c)) {
        return Err(InvalidNameKind::Character {
            name: name.to_owned(),
            character,
            at,
        });
    }
    if typed && name.starts_with('-') {
        return Err(InvalidNameKind::Dash {
            name: name.to_owned(),
        });
    }
    if matches!(name, "." | "..") {
        return Err(InvalidNameKind::Dots {
            name: name.to_owned(),
        });
    }
    Ok(())
}

macro_rules! checked_name {
    ($(#[$docs:meta])* $type:ident, $what:literal, typed: $typed:literal, $pattern:literal) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(name: &str) -> Result<Self, InvalidName> {
                match check(name, $typed) {
                    Ok(()) => Ok(Self(name.into())),
                    Err(kind) => Err(InvalidName { what: $what, kind }),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <Cow<'de, str>>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": concat!("A ", $what),
                    "type": "string",
                    "pattern": $pattern,
                    "maxLength": MAX_LEN,
                })
            }
        }
    };
}

checked_name! {
    /// The id of a toolkit: `#+TOOLKIT`, its directory, its drawer's `:ID:`.
    ToolkitId, "toolkit id", typed: true, "^[A-Za-z0-9_.][A-Za-z0-9_.-]*$"
}

checked_name! {
    /// A name that commands and kernels are registered and called by.
    ///
    /// The built-ins' names are names too: whether one may be taken is asked
    /// with [`is_reserved`](Self::is_reserved).
    CommandName, "command name", typed: true, "^[A-Za-z0-9_.][A-Za-z0-9_.-]*$"
}

checked_name! {
    /// The name of a skill: its file under `skills/` without the extension.
    SkillSlug, "skill slug", typed: false, "^[A-Za-z0-9_.-]+$"
}

checked_name! {
    /// The name of a task recipe.
    TaskName, "task name", typed: false, "^[A-Za-z0-9_.-]+$"
}

impl CommandName {
    /// The built-in commands, whose names no toolkit may take.
    pub const RESERVED: [&'static str; 4] = ["upper", "jq", "grep", "wbox"];

    /// Whether it names a built-in command.
    pub fn is_reserved(&self) -> bool {
        Self::RESERVED.contains(&self.as_str())
    }
}

/// A toolkit with one artifact registers it under its own id unless told otherwise.
impl From<ToolkitId> for CommandName {
    fn from(id: ToolkitId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(name: &str) -> String {
        name.parse::<CommandName>().unwrap_err().to_string()
    }

    #[test]
    fn says_what_was_found() {
        assert_eq!(
            refused(""),
            "command name is empty, expected letters, digits, `_`, `.` or `-`"
        );
        assert_eq!(
            refused("a/b"),
            "command name `a/b` has '/', expected letters, digits, `_`, `.` or `-`"
        );
        assert_eq!(
            refused(".."),
            "command name `..` is a directory, expected a name"
        );
        assert_eq!(
            refused(&"x".repeat(10_240)),
            "command name has 10240 bytes, expected at most 128"
        );
        assert_eq!(
            refused("--help"),
            "command name `--help` begins with `-`, which a command line takes for an option"
        );
        assert!("-x".parse::<ToolkitId>().is_err());
        assert!(refused("a\0").contains("`a\\0` has '\\0'"));
        assert!(refused("slüg").contains("has 'ü'"));
    }

    #[test]
    fn built_ins_are_reserved() {
        assert!("grep".parse::<CommandName>().unwrap().is_reserved());
        assert!(!"Grep".parse::<CommandName>().unwrap().is_reserved());
    }

    proptest! {
        #[test]
        fn a_name_reads_back(name in "[A-Za-z0-9_-][A-Za-z0-9_.-]{0,40}") {
            let slug: SkillSlug = name.parse().unwrap();
            prop_assert_eq!(slug.as_str(), name);
        }

        #[test]
        fn whatever_is_accepted_is_one_normal_path_component(name in "[.a/\\\\\\PC]{0,5}") {
            if let Ok(slug) = name.parse::<SkillSlug>() {
                prop_assert!(slug.as_str().parse::<crate::RelPath>().is_ok());
                prop_assert!(!slug.as_str().contains('/'));
            }
        }
    }
}
