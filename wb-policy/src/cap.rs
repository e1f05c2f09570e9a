use std::fmt;
use std::str::FromStr;

/// A power of the host that a toolkit may ask for in `#+CAPS`.
///
/// The order is that of the manifest documentation; [`CapSet`] iterates in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cap {
    /// Files and SQL tables of the tenant.
    Vfs,
    /// Run a registered command by name.
    Commands,
    /// Run a command with arguments, standard input and a separate standard error.
    Exec,
    /// A key-value store.
    Kv,
    /// Sign with, or fill in, a secret that stays with the host.
    Secrets,
    /// Publish to and poll a message queue.
    Queue,
    /// Outgoing TCP connections.
    Tcp,
    /// Outgoing UDP datagrams.
    Udp,
    /// Outgoing TLS connections, verified by the host.
    Tls,
    /// HTTP requests.
    Net,
    /// Completions by a language model whose key the host holds.
    Llm,
    /// Fetch a web page as title, text and links.
    Browse,
    /// Run a native binary. No import stands for it: see [`Shape::Posix`](crate::Shape::Posix).
    Posix,
    /// Fan one command out over many inputs.
    Parallel,
    /// Share frames between kernels without a copy through the host.
    Frames,
}

impl Cap {
    /// Every capability there is, in documentation order.
    pub const ALL: [Self; 15] = [
        Self::Vfs,
        Self::Commands,
        Self::Exec,
        Self::Kv,
        Self::Secrets,
        Self::Queue,
        Self::Tcp,
        Self::Udp,
        Self::Tls,
        Self::Net,
        Self::Llm,
        Self::Browse,
        Self::Posix,
        Self::Parallel,
        Self::Frames,
    ];

    /// The name used in `#+CAPS`, in profiles and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vfs => "vfs",
            Self::Commands => "commands",
            Self::Exec => "exec",
            Self::Kv => "kv",
            Self::Secrets => "secrets",
            Self::Queue => "queue",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Tls => "tls",
            Self::Net => "net",
            Self::Llm => "llm",
            Self::Browse => "browse",
            Self::Posix => "posix",
            Self::Parallel => "parallel",
            Self::Frames => "frames",
        }
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown capability `{0}`")]
pub struct UnknownCap(pub String);

impl FromStr for Cap {
    type Err = UnknownCap;

    fn from_str(name: &str) -> Result<Self, UnknownCap> {
        Self::ALL
            .into_iter()
            .find(|cap| cap.name() == name)
            .ok_or_else(|| UnknownCap(name.to_owned()))
    }
}

impl serde::Serialize for Cap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Cap {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of capabilities.
///
/// # Examples
///
/// ```
/// use wb_policy::{Cap, CapSet};
///
/// let asked = CapSet::from_iter([Cap::Net, Cap::Vfs]);
/// let offered = CapSet::of(Cap::Vfs);
/// assert_eq!(asked.intersection(offered), offered);
/// assert_eq!(asked.difference(offered).to_string(), "net");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CapSet(u16);

impl CapSet {
    /// The set without any capability: pure compute.
    pub const EMPTY: Self = Self(0);

    /// The set of just `cap`.
    pub const fn of(cap: Cap) -> Self {
        Self(1 << cap as u16)
    }

    /// The set with `cap` added.
    #[must_use]
    pub const fn with(self, cap: Cap) -> Self {
        Self(self.0 | 1 << cap as u16)
    }

    /// Whether `cap` is in the set.
    pub const fn contains(self, cap: Cap) -> bool {
        self.0 & 1 << cap as u16 != 0
    }

    /// Whether the set holds nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every capability of this set is in `other`.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The capabilities in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The capabilities in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The capabilities of this set that `other` lacks.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The capabilities, in documentation order.
    pub fn iter(self) -> impl Iterator<Item = Cap> {
        Cap::ALL.into_iter().filter(move |cap| self.contains(*cap))
    }
}

impl FromIterator<Cap> for CapSet {
    fn from_iter<I: IntoIterator<Item = Cap>>(caps: I) -> Self {
        caps.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// The space-separated list that `#+CAPS` holds.
impl fmt::Display for CapSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, cap) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(cap.name())?;
        }
        Ok(())
    }
}

impl serde::Serialize for CapSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for CapSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Cap>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for cap in Cap::ALL {
            assert_eq!(cap.name().parse(), Ok(cap));
        }
        assert_eq!("brwose".parse::<Cap>(), Err(UnknownCap("brwose".into())));
    }

    #[test]
    fn a_set_lists_in_documentation_order() {
        let set = CapSet::from_iter([Cap::Frames, Cap::Vfs, Cap::Net]);
        assert_eq!(set.to_string(), "vfs net frames");
    }
}
