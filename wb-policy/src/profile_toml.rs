//! Profiles that a deployer declares in TOML.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::{CapSet, Limits, Profile, Profiles, Scopes};

/// A text that declares no usable set of profiles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The text is not TOML, or a table has unknown keys or wrong values.
    #[error("profiles cannot be read: {}", .0.message())]
    Syntax(#[from] toml::de::Error),
    /// A table carries the name of a built-in profile.
    #[error("profile `{0}` is built in and cannot be redefined; extend it under another name")]
    BuiltIn(String),
    /// A name that could not be typed in a manifest or a command line.
    #[error("profile name `{0}` must be 1 to 64 letters, digits, `-` or `_`")]
    Name(String),
    /// `extends` names no profile.
    #[error("profile `{name}` extends `{extends}`, which does not exist")]
    UnknownParent {
        /// The profile declared.
        name: String,
        /// What it extends.
        extends: String,
    },
    /// The chain of `extends` comes back to where it began.
    #[error("profile `{0}` extends itself")]
    Cycle(String),
    /// Both the whole list of capabilities and changes to it are given.
    #[error("profile `{0}` has both `caps` and `add-caps` or `remove-caps`; one way is enough")]
    TwoLists(String),
}

impl ProfileError {
    /// The stable code of the error, for example `policy/profile-syntax`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "policy/profile-syntax",
            Self::BuiltIn(_) => "policy/profile-built-in",
            Self::Name(_) => "policy/profile-name",
            Self::UnknownParent { .. } => "policy/profile-unknown-parent",
            Self::Cycle(_) => "policy/profile-cycle",
            Self::TwoLists(_) => "policy/profile-two-lists",
        }
    }
}

/// Adds the profiles declared in `text` to `known`.
pub(crate) fn declare(
    text: &str,
    known: &mut BTreeMap<String, Profile>,
) -> Result<(), ProfileError> {
    let mut open = toml::from_str::<File>(text)?.profiles;
    for (name, table) in &open {
        check(name, table)?;
        let parent = table.parent();
        if !known.contains_key(parent) && !open.contains_key(parent) {
            return Err(ProfileError::UnknownParent {
                name: name.clone(),
                extends: parent.to_owned(),
            });
        }
    }
    // Each round settles the profiles whose parent is settled; a round that
    // settles none has found a cycle.
    while let Some((first, _)) = open.first_key_value() {
        let stuck = first.clone();
        let before = open.len();
        open.retain(|name, table| match known.get(table.parent()) {
            Some(parent) => {
                let profile = table.apply_to(name, parent);
                known.insert(name.clone(), profile);
                false
            }
            None => true,
        });
        if open.len() == before {
            return Err(ProfileError::Cycle(stuck));
        }
    }
    Ok(())
}

fn check(name: &str, table: &Table) -> Result<(), ProfileError> {
    if Profiles::BUILT_IN.contains(&name) {
        return Err(ProfileError::BuiltIn(name.to_owned()));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(ProfileError::Name(name.chars().take(64).collect()));
    }
    if table.caps.is_some() && !(table.add_caps.is_empty() && table.remove_caps.is_empty()) {
        return Err(ProfileError::TwoLists(name.to_owned()));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    profiles: BTreeMap<String, Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    extends: Option<String>,
    caps: Option<CapSet>,
    #[serde(default)]
    add_caps: CapSet,
    #[serde(default)]
    remove_caps: CapSet,
    memory: Option<Bytes>,
    time: Option<Span>,
    fuel: Option<u64>,
    output: Option<Bytes>,
    host_calls: Option<u64>,
    egress: Option<Bytes>,
    children: Option<u32>,
    #[serde(default)]
    scopes: Scopes,
}

impl Table {
    fn parent(&self) -> &str {
        self.extends.as_deref().unwrap_or("compute")
    }

    fn apply_to(&self, name: &str, parent: &Profile) -> Profile {
        let caps = self
            .caps
            .unwrap_or_else(|| parent.caps().union(self.add_caps))
            .difference(self.remove_caps);
        let base = parent.limits();
        let limits = Limits {
            memory: self.memory.as_ref().map_or(base.memory, |b| b.0),
            wall: self.time.as_ref().map_or(base.wall, |t| t.0),
            fuel: self.fuel.or(base.fuel),
            output: self.output.as_ref().map_or(base.output, |b| b.0),
            host_calls: self.host_calls.unwrap_or(base.host_calls),
            egress: self.egress.as_ref().map_or(base.egress, |b| b.0),
            children: self.children.unwrap_or(base.children),
        };
        let scopes = parent.scopes().intersection(&self.scopes);
        Profile::new(name.to_owned(), caps, limits, scopes)
    }
}

/// A number, or a number with a unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(u64),
    Text(String),
}

impl Quantity {
    fn in_units(self, units: &[(&str, u64)], wanted: &str) -> Result<u64, String> {
        let text = match self {
            Self::Number(n) => return Ok(n),
            Self::Text(text) => text,
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = units
            .iter()
            .find(|(name, _)| *name == unit.trim())
            .map(|(_, factor)| *factor);
        number
            .parse::<u64>()
            .ok()
            .zip(factor)
            .and_then(|(n, factor)| n.checked_mul(factor))
            .ok_or_else(|| format!("`{text}` is not {wanted}"))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Quantity")]
struct Bytes(u64);

impl TryFrom<Quantity> for Bytes {
    type Error = String;

    fn try_from(quantity: Quantity) -> Result<Self, String> {
        const UNITS: &[(&str, u64)] = &[
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
        ];
        quantity
            .in_units(UNITS, "a size such as `64 MiB` (B, KiB, MiB or GiB)")
            .map(Self)
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Quantity")]
struct Span(Duration);

impl TryFrom<Quantity> for Span {
    type Error = String;

    fn try_from(quantity: Quantity) -> Result<Self, String> {
        const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("min", 60_000)];
        quantity
            .in_units(UNITS, "a time such as `5s` (ms, s or min)")
            .map(|ms| Self(Duration::from_millis(ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cap;

    fn error(text: &str) -> String {
        Profiles::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn a_chain_is_resolved_in_any_order() {
        let profiles = Profiles::from_toml(
            r#"
            [profiles.a]
            extends = "b"
            memory = "32 MiB"
            remove-caps = ["llm"]
            [profiles.b]
            extends = "network"
            time = "2min"
            fuel = 1000
            "#,
        )
        .unwrap();
        let a = profiles.get("a").unwrap();
        assert_eq!(a.limits().memory, 32 * Limits::MIB);
        assert_eq!(a.limits().wall, Duration::from_mins(2));
        assert_eq!(a.limits().fuel, Some(1000));
        assert!(a.caps().contains(Cap::Net) && !a.caps().contains(Cap::Llm));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, wanted) in [
            (
                "[profiles.compute]\nmemory = 1",
                "profile `compute` is built in",
            ),
            ("[profiles.'a b']\n", "profile name `a b` must be"),
            (
                "[profiles.a]\nextends = 'zz'",
                "profile `a` extends `zz`, which does not exist",
            ),
            (
                "[profiles.a]\nextends = 'b'\n[profiles.b]\nextends = 'a'",
                "profile `a` extends itself",
            ),
            (
                "[profiles.a]\ncaps = []\nadd-caps = ['net']",
                "profile `a` has both",
            ),
            ("[profiles.a]\ncaps = ['nett']", "unknown capability `nett`"),
            ("[profiles.a]\nmemory = '64 MB'", "`64 MB` is not a size"),
            (
                "[profiles.a]\ntime = '99999999999999999999s'",
                "is not a time",
            ),
            ("[profiles.a]\nmemroy = 1", "unknown field `memroy`"),
            ("[profile.a]\n", "unknown field `profile`"),
            ("[", "profiles cannot be read"),
        ] {
            let message = error(text);
            assert!(message.contains(wanted), "{text}\n{message}");
        }
    }

    #[test]
    fn a_scope_of_the_parent_stays() {
        let profiles = Profiles::from_toml(
            r#"
            [profiles.a]
            extends = "network"
            scopes.net = ["https://*.example.org"]
            [profiles.b]
            extends = "a"
            scopes.net = ["https://api.example.org", "https://other.net"]
            "#,
        )
        .unwrap();
        let net = &profiles.get("b").unwrap().scopes().net;
        assert!(net.permits(&"https://api.example.org/v1".parse().unwrap()));
        assert!(!net.permits(&"https://other.net".parse().unwrap()));
        assert!(!net.permits(&"https://www.example.org".parse().unwrap()));
    }
}
