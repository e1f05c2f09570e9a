use std::fmt;
use std::str::FromStr;

/// How a command takes its arguments: the `#+ARG_MODE` of a toolkit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArgMode {
    /// As an argument vector.
    #[default]
    Argv,
    /// Joined by one space, as the first line of standard input; the guest sees no
    /// arguments. Without arguments, standard input is left as it is.
    Stdin1,
}

impl ArgMode {
    /// The words, in documentation order.
    pub const NAMES: &[&str] = &["argv", "stdin1"];

    /// The value of `#+ARG_MODE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Argv => "argv",
            Self::Stdin1 => "stdin1",
        }
    }
}

impl fmt::Display for ArgMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no way to take arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument mode `{0}`, expected argv or stdin1")]
pub struct UnknownArgMode(pub String);

impl FromStr for ArgMode {
    type Err = UnknownArgMode;

    fn from_str(name: &str) -> Result<Self, UnknownArgMode> {
        match name {
            "argv" => Ok(Self::Argv),
            "stdin1" => Ok(Self::Stdin1),
            _ => Err(UnknownArgMode(name.to_owned())),
        }
    }
}

impl serde::Serialize for ArgMode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for ArgMode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
