//! Keywords whose values are one of a few words.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A word that is none of those a keyword knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}`, expected {}", one_of(.expected))]
pub struct UnknownWord {
    /// What the word should name.
    pub what: &'static str,
    /// The word.
    pub found: String,
    /// The words there are.
    pub expected: &'static [&'static str],
}

/// `a, b or c`
pub(crate) fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

macro_rules! vocabulary {
    (
        $(#[$docs:meta])* $type:ident, $what:literal,
        $($(#[$variant_docs:meta])* $variant:ident = $name:literal $(| $alias:literal)*),+ $(,)?
    ) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$variant_docs])* $variant,)+
        }

        impl $type {
            /// The words, in documentation order.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The word in a manifest.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($name $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err(UnknownWord {
                        what: $what,
                        found: word.to_owned(),
                        expected: Self::NAMES,
                    }),
                }
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <Cow<'de, str>>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": Self::NAMES })
            }
        }
    };
}

vocabulary! {
    /// How far a toolkit has come: `#+STATUS`.
    Status, "status",
    /// Kept compatible.
    Stable = "stable",
    /// May change at any time.
    Experimental = "experimental",
    /// To be replaced.
    Deprecated = "deprecated",
    /// Made from a foreign skill by `import` and not yet reviewed.
    Imported = "imported",
}

vocabulary! {
    /// The language of the sources: `#+BUILD_LANG`.
    Lang, "language",
    /// C.
    C = "c",
    /// C++ without exceptions; also written `cpp`.
    Cpp = "c++" | "cpp",
    /// JavaScript.
    Js = "js",
    /// TypeScript.
    Ts = "ts",
    /// Svelte.
    Svelte = "svelte",
    /// Go; also written `tinygo`.
    Go = "go" | "tinygo",
    /// Zig.
    Zig = "zig",
    /// Rust.
    Rust = "rust",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for name in Lang::NAMES {
            assert_eq!(name.parse::<Lang>().unwrap().name(), *name);
        }
        assert_eq!("tinygo".parse(), Ok(Lang::Go));
        assert_eq!("cpp".parse(), Ok(Lang::Cpp));
    }

    #[test]
    fn an_unknown_word_is_told_what_there_is() {
        assert_eq!(
            "exp".parse::<Status>().unwrap_err().to_string(),
            "unknown status `exp`, expected stable, experimental, deprecated or imported"
        );
    }
}
