//! How far a capability reaches: allow-lists that narrow it further.
//!
//! A scope can only take away. Combining two scopes permits what both permit,
//! and nothing here turns a list back into everything.

use serde::{Deserialize, Serialize};

use crate::{Cap, CapSet};

mod host;
mod name;
mod path;

pub use host::{HostError, HostPattern, Origin};
pub use name::{NameError, NamePattern};
pub use path::{PathError, PathPrefix};

/// One entry of an allow-list.
pub trait Pattern: Clone + PartialEq {
    /// What an entry is asked about.
    type Subject: ?Sized;

    /// Whether the entry permits `subject`.
    fn permits(&self, subject: &Self::Subject) -> bool;

    /// The entry that permits what both permit, if there is anything.
    fn meet(&self, other: &Self) -> Option<Self>;
}

/// Everything a capability reaches, or only what a list permits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Allow<P> {
    /// No narrowing.
    #[default]
    #[serde(skip)]
    Everything,
    /// Only what an entry permits; an empty list permits nothing.
    Only(Vec<P>),
}

impl<P: Pattern> Allow<P> {
    /// Whether `subject` is within reach.
    pub fn permits(&self, subject: &P::Subject) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(patterns) => patterns.iter().any(|pattern| pattern.permits(subject)),
        }
    }

    /// Whether nothing is narrowed.
    pub const fn is_everything(&self) -> bool {
        matches!(self, Self::Everything)
    }

    /// What both permit.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Everything, list) | (list, Self::Everything) => list.clone(),
            (Self::Only(ours), Self::Only(theirs)) => {
                let mut both: Vec<P> = Vec::new();
                for pattern in ours {
                    for meet in theirs.iter().filter_map(|other| pattern.meet(other)) {
                        if !both.contains(&meet) {
                            both.push(meet);
                        }
                    }
                }
                Self::Only(both)
            }
        }
    }
}

/// The reach of every capability that can be narrowed.
///
/// As text, a table with a list for each: a list that is absent narrows nothing, one that
/// is empty permits nothing, and a name that is not here is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scopes {
    /// Where `net` may send requests, and where `tcp`, `udp` and `tls` may connect to
    /// under the schemes of these names.
    #[serde(skip_serializing_if = "Allow::is_everything")]
    pub net: Allow<HostPattern>,
    /// Which pages `browse` may fetch.
    #[serde(skip_serializing_if = "Allow::is_everything")]
    pub browse: Allow<HostPattern>,
    /// Which paths of the private file system `vfs` may touch, each `volume/path`. SQL
    /// reaches the volumes that are whole within it.
    #[serde(skip_serializing_if = "Allow::is_everything")]
    pub vfs: Allow<PathPrefix>,
    /// Which keys `kv` may use.
    #[serde(skip_serializing_if = "Allow::is_everything")]
    pub kv: Allow<NamePattern>,
    /// Which commands `commands`, `exec` and `parallel` may run.
    #[serde(skip_serializing_if = "Allow::is_everything")]
    pub commands: Allow<NamePattern>,
    /// Which models `llm` may ask.
    #[serde(skip_serializing_if = "Allow::is_everything")]
    pub llm: Allow<NamePattern>,
    /// Which secrets `secrets` may use.
    #[serde(skip_serializing_if = "Allow::is_everything")]
    pub secrets: Allow<NamePattern>,
}

impl Scopes {
    /// Takes from `other` the reach of `caps`.
    pub(crate) fn set_for(&mut self, caps: CapSet, other: &Self) {
        let any = |of: &[Cap]| of.iter().any(|cap| caps.contains(*cap));
        if any(&[Cap::Net, Cap::Tcp, Cap::Udp, Cap::Tls]) {
            self.net.clone_from(&other.net);
        }
        if any(&[Cap::Browse]) {
            self.browse.clone_from(&other.browse);
        }
        if any(&[Cap::Vfs]) {
            self.vfs.clone_from(&other.vfs);
        }
        if any(&[Cap::Kv]) {
            self.kv.clone_from(&other.kv);
        }
        if any(&[Cap::Commands, Cap::Exec, Cap::Parallel]) {
            self.commands.clone_from(&other.commands);
        }
        if any(&[Cap::Llm]) {
            self.llm.clone_from(&other.llm);
        }
        if any(&[Cap::Secrets]) {
            self.secrets.clone_from(&other.secrets);
        }
    }

    /// What both permit, capability by capability.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            net: self.net.intersection(&other.net),
            browse: self.browse.intersection(&other.browse),
            vfs: self.vfs.intersection(&other.vfs),
            kv: self.kv.intersection(&other.kv),
            commands: self.commands.intersection(&other.commands),
            llm: self.llm.intersection(&other.llm),
            secrets: self.secrets.intersection(&other.secrets),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allow<P: std::str::FromStr + Clone + std::fmt::Debug + 'static>(
        patterns: &'static [&'static str],
    ) -> impl Strategy<Value = Allow<P>> {
        let list = prop::collection::vec(prop::sample::select(patterns), 0..4);
        prop::option::of(list).prop_map(|list| match list {
            None => Allow::Everything,
            Some(list) => Allow::Only(list.iter().filter_map(|p| p.parse().ok()).collect()),
        })
    }

    const HOSTS: &[&str] = &[
        "*",
        "http://*",
        "*:*",
        "example.org",
        "EXAMPLE.org.",
        "*.example.org",
        "*.api.example.org",
        "https://api.example.org:8443",
        "https://api.example.org:*",
        "127.0.0.1",
    ];
    const ORIGINS: &[&str] = &[
        "https://example.org",
        "http://example.org",
        "https://api.example.org/x?y",
        "https://api.example.org:8443",
        "https://v1.api.example.org",
        "https://127.0.0.1",
    ];

    proptest! {
        #[test]
        fn hosts_only_narrow(
            a in allow::<HostPattern>(HOSTS),
            b in allow::<HostPattern>(HOSTS),
            url in prop::sample::select(ORIGINS),
        ) {
            let origin = url.parse().unwrap();
            prop_assert_eq!(
                a.intersection(&b).permits(&origin),
                a.permits(&origin) && b.permits(&origin)
            );
        }

        #[test]
        fn paths_only_narrow(
            a in allow::<PathPrefix>(&["", "a", "a/b", "ab", "/a//b/./c"]),
            b in allow::<PathPrefix>(&["", "a", "a/b", "ab", "/a//b/./c"]),
            path in "(a|b|ab|c){0,1}(/(a|b|ab|c|\\.\\.)){0,3}",
        ) {
            prop_assert_eq!(
                a.intersection(&b).permits(&path),
                a.permits(&path) && b.permits(&path)
            );
        }

        #[test]
        fn names_only_narrow(
            a in allow::<NamePattern>(&["*", "a*", "ab*", "abc", "b"]),
            b in allow::<NamePattern>(&["*", "a*", "ab*", "abc", "b"]),
            name in "[abc]{1,4}",
        ) {
            prop_assert_eq!(
                a.intersection(&b).permits(&name),
                a.permits(&name) && b.permits(&name)
            );
        }
    }

    #[test]
    fn scopes_read_back_as_written() {
        let text = r#"{"net":["https://*.example.org"],"kv":["cache-*"]}"#;
        let scopes: Scopes = serde_json::from_str(text).unwrap();
        assert!(scopes.browse.is_everything());
        assert_eq!(serde_json::to_string(&scopes).unwrap(), text);
        assert!(serde_json::from_str::<Scopes>(r#"{"nett":[]}"#).is_err());
        assert!(serde_json::from_str::<Scopes>(r#"{"net":["https://0x7f.1"]}"#).is_err());
    }
}
