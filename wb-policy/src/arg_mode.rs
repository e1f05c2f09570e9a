use std::fmt;
use std::str::FromStr;

/// How arguments reach a command: the `#+ARG_MODE` of a toolkit.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ArgMode {
    /// As the program's own arguments.
    #[default]
    Argv,
    /// Joined by one space, as the first line of standard input.
    ///
    /// Without arguments standard input stays as it is.
    Stdin1,
}

impl ArgMode {
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

/// A word that names no argument mode.
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
