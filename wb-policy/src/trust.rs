use std::fmt;
use std::str::FromStr;

/// Whose code it is: the `#+TRUST` of a toolkit.
///
/// Trust changes whether a deployer must consent and how contained the code
/// runs. It never changes what is enforced.
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
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// The deployer's own code: runs under the profile without further consent.
    #[default]
    FirstParty,
    /// Somebody else's code: nothing is granted until the deployer consents.
    ThirdParty,
}

impl Trust {
    /// The value of `#+TRUST`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstParty => "first-party",
            Self::ThirdParty => "third-party",
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no trust posture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown trust `{0}`, expected first-party or third-party")]
pub struct UnknownTrust(pub String);

impl FromStr for Trust {
    type Err = UnknownTrust;

    fn from_str(name: &str) -> Result<Self, UnknownTrust> {
        match name {
            "first-party" => Ok(Self::FirstParty),
            "third-party" => Ok(Self::ThirdParty),
            _ => Err(UnknownTrust(name.to_owned())),
        }
    }
}
