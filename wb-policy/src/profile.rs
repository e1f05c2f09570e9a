//! Named ceilings: which capabilities a run may have at most, and how much of everything.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::profile_toml::{self, ProfileError};
use crate::{Cap, CapSet, Limits, Scopes};

/// A named ceiling for runs.
///
/// The four that are always there have a million calls into the Dock, count no fuel, narrow
/// no scope, and have these limits:
///
/// | | memory | time | output | to the network | commands started |
/// |---|---|---|---|---|---|
/// | [`compute`](Self::compute) | 64 MiB | 5 s | 16 MiB | nothing | none |
/// | [`minimal`](Self::minimal) | 64 MiB | 5 s | 16 MiB | 16 MiB | 1,024 |
/// | [`network`](Self::network) | 128 MiB | 30 s | 64 MiB | 64 MiB | 4,096 |
/// | [`posix`](Self::posix) | 256 MiB | 60 s | 256 MiB | 256 MiB | 16,384 |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: String,
    caps: CapSet,
    limits: Limits,
    scopes: Scopes,
}

impl Profile {
    /// A profile of the deployer's own. Its name is taken as it is; one that comes from a
    /// text is checked by [`Profiles::from_toml`].
    pub fn new(name: impl Into<String>, caps: CapSet, limits: Limits, scopes: Scopes) -> Self {
        Self {
            name: name.into(),
            caps,
            limits,
            scopes,
        }
    }

    /// `compute`: 64 MiB, 5 s, and nothing but a private file system.
    pub fn compute() -> Self {
        Self::built_in(
            "compute",
            CapSet::of(Cap::Vfs),
            Limits {
                memory: 64 * Limits::MIB,
                wall: Duration::from_secs(5),
                fuel: None,
                output: 16 * Limits::MIB,
                host_calls: 1_000_000,
                egress: 0,
                children: 0,
            },
        )
    }

    /// `minimal`: 64 MiB, 5 s; composition, storage and raw sockets, but no HTTP.
    pub fn minimal() -> Self {
        Self::built_in(
            "minimal",
            Self::compute().caps.union(CapSet::from_iter([
                Cap::Commands,
                Cap::Exec,
                Cap::Kv,
                Cap::Secrets,
                Cap::Queue,
                Cap::Tcp,
                Cap::Udp,
                Cap::Tls,
            ])),
            Limits {
                egress: 16 * Limits::MIB,
                children: 1_024,
                ..Self::compute().limits
            },
        )
    }

    /// `network`: 128 MiB, 30 s; `minimal` with HTTP, pages and language models.
    pub fn network() -> Self {
        Self::built_in(
            "network",
            Self::minimal()
                .caps
                .union(CapSet::from_iter([Cap::Net, Cap::Llm, Cap::Browse])),
            Limits {
                memory: 128 * Limits::MIB,
                wall: Duration::from_secs(30),
                output: 64 * Limits::MIB,
                egress: 64 * Limits::MIB,
                children: 4_096,
                ..Self::minimal().limits
            },
        )
    }

    /// `posix`: 256 MiB, 60 s; `network` with native binaries and fan-out.
    pub fn posix() -> Self {
        Self::built_in(
            "posix",
            Self::network()
                .caps
                .union(CapSet::from_iter([Cap::Posix, Cap::Parallel])),
            Limits {
                memory: 256 * Limits::MIB,
                wall: Duration::from_mins(1),
                output: 256 * Limits::MIB,
                egress: 256 * Limits::MIB,
                children: 16_384,
                ..Self::network().limits
            },
        )
    }

    fn built_in(name: &str, caps: CapSet, limits: Limits) -> Self {
        Self::new(name.to_owned(), caps, limits, Scopes::default())
    }

    /// The name by which a run asks for the profile.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The capabilities a run may have at most.
    pub const fn caps(&self) -> CapSet {
        self.caps
    }

    /// What a run may use at most.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// How far each capability reaches at most.
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    fn size(&self) -> (usize, u64, Duration, &str) {
        (
            self.caps.iter().count(),
            self.limits.memory,
            self.limits.wall,
            &self.name,
        )
    }
}

/// The profiles of a deployment: the four that always exist and the deployer's own.
///
/// # Examples
///
/// ```
/// use wb_policy::{Cap, CapSet, Profiles};
///
/// let profiles = Profiles::from_toml(r#"
///     [profiles.fetcher]
///     extends = "compute"
///     add-caps = ["net"]
///     time = "20s"
///     [profiles.fetcher.scopes]
///     net = ["https://*.example.org"]
/// "#)?;
/// let needed = CapSet::from_iter([Cap::Net, Cap::Vfs]);
/// assert_eq!(profiles.smallest_granting(needed).unwrap().name(), "fetcher");
/// # Ok::<(), wb_policy::ProfileError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Profiles {
    compute: Profile,
    by_name: BTreeMap<String, Profile>,
}

impl Profiles {
    /// The names that always exist and cannot be redefined, smallest first.
    pub const BUILT_IN: [&'static str; 4] = ["compute", "minimal", "network", "posix"];

    /// The four built-in profiles.
    pub fn built_in() -> Self {
        let four = [
            Profile::compute(),
            Profile::minimal(),
            Profile::network(),
            Profile::posix(),
        ];
        Self {
            compute: Profile::compute(),
            by_name: four.into_iter().map(|p| (p.name.clone(), p)).collect(),
        }
    }

    /// The built-in profiles and those declared in `text`.
    ///
    /// Each `[profiles.NAME]` table holds `extends` (another profile, `compute`
    /// when absent), `caps` or `add-caps` and `remove-caps`, `memory`, `output`,
    /// `egress` (bytes, or text in `B`, `KiB`, `MiB` or `GiB` such as `"64 MiB"`),
    /// `time` (milliseconds, or text in `ms`, `s` or `min` such as `"5s"`), `fuel`,
    /// `host-calls`, `children` and `scopes`. What is absent is as in the profile
    /// extended. Limits may be looser than there, scopes only tighter.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Syntax`] when the text is not of that form,
    /// [`ProfileError::BuiltIn`] when it redefines a built-in profile,
    /// [`ProfileError::Name`] unless a name is 1 to 64 letters, digits, `-` or `_`,
    /// [`ProfileError::UnknownParent`] and [`ProfileError::Cycle`] when `extends` leads
    /// nowhere or in a circle, and [`ProfileError::TwoLists`] for `caps` beside
    /// `add-caps` or `remove-caps`.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let mut profiles = Self::built_in();
        profile_toml::declare(text, &mut profiles.by_name)?;
        Ok(profiles)
    }

    /// The profile called `name`.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.by_name.get(name)
    }

    /// The profile called `name`, or `compute` with a notice when there is none.
    ///
    /// A mistyped name must not hand out more than the deployer meant, so the
    /// answer is the smallest profile there is.
    pub fn resolve(&self, name: &str) -> (&Profile, Option<UnknownProfile>) {
        if let Some(profile) = self.get(name) {
            return (profile, None);
        }
        let notice = UnknownProfile {
            name: name.to_owned(),
            known: self.by_name.keys().cloned().collect(),
        };
        (&self.compute, Some(notice))
    }

    /// Every profile, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.by_name.values()
    }

    /// The profiles that grant all of `caps`, smallest first.
    pub fn granting(&self, caps: CapSet) -> Vec<&Profile> {
        let mut granting: Vec<_> = self.iter().filter(|p| caps.is_subset(p.caps)).collect();
        granting.sort_by_key(|profile| profile.size());
        granting
    }

    /// The profile with the fewest capabilities that grants all of `caps`.
    ///
    /// Among equals the one with less memory, then less time, wins.
    pub fn smallest_granting(&self, caps: CapSet) -> Option<&Profile> {
        self.iter()
            .filter(|profile| caps.is_subset(profile.caps))
            .min_by_key(|profile| profile.size())
    }

    /// Every capability that at least one profile grants.
    pub fn grantable(&self) -> CapSet {
        self.iter()
            .fold(CapSet::EMPTY, |caps, profile| caps.union(profile.caps))
    }
}

impl Default for Profiles {
    fn default() -> Self {
        Self::built_in()
    }
}

/// A notice: the profile asked for does not exist and `compute` was used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no profile is called `{name}`, so `compute` is used; there are {}", .known.join(", "))]
pub struct UnknownProfile {
    /// The name asked for.
    pub name: String,
    /// The names there are.
    pub known: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_profiles_are_those_of_the_documentation() {
        let table: Vec<_> = Profiles::BUILT_IN
            .into_iter()
            .map(|name| {
                let profiles = Profiles::built_in();
                let p = profiles.get(name).unwrap().clone();
                let limits = p.limits();
                let (mib, seconds) = (limits.memory / Limits::MIB, limits.wall.as_secs());
                format!("{name} {mib} MiB {seconds} s: {}", p.caps())
            })
            .collect();
        assert_eq!(
            table,
            [
                "compute 64 MiB 5 s: vfs",
                "minimal 64 MiB 5 s: vfs commands exec kv secrets queue tcp udp tls",
                "network 128 MiB 30 s: vfs commands exec kv secrets queue tcp udp tls net llm browse",
                "posix 256 MiB 60 s: vfs commands exec kv secrets queue tcp udp tls net llm browse posix parallel",
            ]
        );
    }

    #[test]
    fn an_unknown_profile_falls_to_compute_and_says_so() {
        let profiles = Profiles::built_in();
        let (profile, notice) = profiles.resolve("netwrok");
        assert_eq!(profile.name(), "compute");
        assert_eq!(
            notice.unwrap().to_string(),
            "no profile is called `netwrok`, so `compute` is used; there are compute, minimal, network, posix"
        );
        assert_eq!(profiles.resolve("posix").1, None);
    }

    #[test]
    fn the_smallest_profile_is_found() {
        let profiles = Profiles::built_in();
        let name = |caps: &[Cap]| {
            let caps = caps.iter().copied().collect();
            profiles
                .smallest_granting(caps)
                .map(|p| p.name().to_owned())
        };
        assert_eq!(name(&[]).as_deref(), Some("compute"));
        assert_eq!(name(&[Cap::Commands]).as_deref(), Some("minimal"));
        assert_eq!(name(&[Cap::Vfs, Cap::Llm]).as_deref(), Some("network"));
        assert_eq!(name(&[Cap::Parallel]).as_deref(), Some("posix"));
        assert_eq!(name(&[Cap::Frames]), None);
    }
}
