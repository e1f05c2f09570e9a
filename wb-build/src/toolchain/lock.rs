//! The pinned lock of every compiler: `toolchains.toml`.
//!
//! The lock names packages and digests and nothing else: where a package comes
//! from is the business of the user's own registry client.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Deserialize;
use wb_manifest::Digest;

use crate::error::{Error, ErrorKind};
use crate::step::ToolRef;

/// The lock this version of the crate was built with.
const PINNED: &str = include_str!("../../toolchains.toml");

/// The version of the lock's own format.
const FORMAT: u32 = 1;

/// Every pack a build may use, with exact versions and digests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    format: u32,
    /// Packs that come from a registry, in the order they are installed.
    #[serde(rename = "pack")]
    packs: Vec<Pack>,
    /// Packs that our own lanes build from other packs, in the order they are built.
    #[serde(rename = "derived", default)]
    derived: Vec<Derived>,
}

/// A pack that a registry client fetches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// The name used in plans, on disk and on the command line.
    pub name: String,
    /// What the pack is for, in one line.
    pub about: String,
    /// The client that fetches it.
    pub client: Client,
    /// The name of the package in the client's registry.
    pub package: String,
    /// The exact version; ranges are never used.
    pub version: String,
    /// The digests of the archive, where the client hands over an archive.
    #[serde(default)]
    pub archive: Option<ArchiveDigests>,
    /// SPDX expression of the members taken.
    pub licence: String,
    /// The files made from the package.
    #[serde(rename = "member")]
    pub members: Vec<Member>,
}

/// A pack that our own lanes build, inside the sandbox, from other packs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The name used in plans, on disk and on the command line.
    pub name: String,
    /// What the pack is for, in one line.
    pub about: String,
    /// Packs that must be installed before this one can be built.
    pub needs: Vec<String>,
    /// SPDX expression of the members.
    pub licence: String,
    /// The files the recipe makes, with the digests it must arrive at.
    #[serde(rename = "member")]
    pub members: Vec<Member>,
}

/// The program that fetches a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// `npm pack`.
    Npm,
    /// `cargo fetch`, by way of a scratch crate.
    Cargo,
}

impl Client {
    /// The name of the program.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Cargo => "cargo",
        }
    }
}

/// What a package's archive must hash to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveDigests {
    /// The registry's own integrity string, `sha512-…` in base64.
    pub integrity: String,
    /// Our digest of the same bytes.
    pub sha256: Digest,
    /// Size in bytes.
    pub size: u64,
}

/// One file of an installed pack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// File name inside the installed pack.
    pub name: String,
    /// What the file is.
    pub kind: MemberKind,
    /// Where it comes from inside the package: a file, or for a tree a folder
    /// (ending in `/`) or a tar file. Empty for members of derived packs.
    #[serde(default)]
    pub from: String,
    /// For a tree: patterns of the paths taken, relative to `from`.
    #[serde(default)]
    pub take: Vec<String>,
    /// For a tree: patterns of paths left out again.
    #[serde(default)]
    pub leave: Vec<String>,
    /// Digest of the installed file.
    pub sha256: Digest,
    /// Size of the installed file in bytes.
    pub size: u64,
}

/// What an installed file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberKind {
    /// A wasm command, compiled ahead of time at installation.
    Program,
    /// A file that steps mount as it is.
    File,
    /// A tar file that steps mount as a read-only tree.
    Tree,
}

impl Lock {
    /// The lock that belongs to this version of the lanes.
    ///
    /// # Panics
    ///
    /// Never in a released build: the text is compiled in and read by a test.
    pub fn pinned() -> Self {
        Self::parse(PINNED).expect("the lock compiled into the crate is read by its own test")
    }

    /// Reads a lock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`] if the text is not TOML of this format, names a pack
    /// or member twice, or a derived pack needs one that does not come before it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fault = |message: String| Error::from(ErrorKind::Lock { message });
        let lock: Self = toml::from_str(text).map_err(|e| fault(e.message().to_owned()))?;
        if lock.format != FORMAT {
            return Err(fault(format!(
                "lock format {}, this version reads format {FORMAT}",
                lock.format
            )));
        }
        let mut names = BTreeSet::new();
        for pack in lock.all() {
            for need in pack.needs() {
                if !names.contains(need.as_str()) {
                    return Err(fault(format!(
                        "pack `{}` needs `{need}`, which does not come before it",
                        pack.name()
                    )));
                }
            }
            if !names.insert(pack.name()) {
                return Err(fault(format!("pack `{}` is listed twice", pack.name())));
            }
            let mut members = BTreeSet::new();
            for member in pack.members() {
                if member.name.contains(['/', '\\']) || member.name.starts_with('.') {
                    return Err(fault(format!(
                        "member `{}` of pack `{}` is not a plain file name",
                        member.name,
                        pack.name()
                    )));
                }
                if !members.insert(member.name.as_str()) {
                    return Err(fault(format!(
                        "member `{}` of pack `{}` is listed twice",
                        member.name,
                        pack.name()
                    )));
                }
            }
        }
        Ok(lock)
    }

    /// Pins a member to other bytes: how a new version of the lock is made.
    ///
    /// Gives whether there is such a member.
    pub fn pin(&mut self, pack: &str, member: &str, sha256: Digest, size: u64) -> bool {
        let fetched = self.packs.iter_mut().filter(|p| p.name == pack);
        let derived = self.derived.iter_mut().filter(|d| d.name == pack);
        let found = fetched
            .flat_map(|p| &mut p.members)
            .chain(derived.flat_map(|d| &mut d.members))
            .find(|m| m.name == member);
        if let Some(found) = found {
            found.sha256 = sha256;
            found.size = size;
            return true;
        }
        false
    }

    /// Packs in installation order: each after the packs it needs.
    pub fn all(&self) -> impl Iterator<Item = Entry<'_>> {
        self.packs
            .iter()
            .map(Entry::Fetched)
            .chain(self.derived.iter().map(Entry::Derived))
    }

    /// The pack of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPack`] lists the names there are.
    pub fn find(&self, name: &str) -> Result<Entry<'_>, Error> {
        self.all().find(|p| p.name() == name).ok_or_else(|| {
            let known = self.all().map(|p| p.name().to_owned()).collect();
            ErrorKind::UnknownPack {
                name: name.to_owned(),
                known,
            }
            .into()
        })
    }

    /// A reference to a member of a pack, with the digest it must have.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPack`], or [`ErrorKind::Lock`] if the pack has no such member.
    pub fn member(&self, pack: &str, member: &str) -> Result<ToolRef, Error> {
        let entry = self.find(pack)?;
        let found = entry.members().iter().find(|m| m.name == member);
        let found = found.ok_or_else(|| {
            Error::from(ErrorKind::Lock {
                message: format!("pack `{pack}` has no member `{member}`"),
            })
        })?;
        Ok(ToolRef {
            pack: pack.to_owned(),
            member: member.to_owned(),
            digest: found.sha256,
        })
    }
}

/// A pack of either origin.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// Comes from a registry.
    Fetched(&'a Pack),
    /// Built by our own lanes.
    Derived(&'a Derived),
}

impl<'a> Entry<'a> {
    /// The name of the pack.
    pub fn name(self) -> &'a str {
        match self {
            Self::Fetched(p) => &p.name,
            Self::Derived(d) => &d.name,
        }
    }

    /// What the pack is for.
    pub fn about(self) -> &'a str {
        match self {
            Self::Fetched(p) => &p.about,
            Self::Derived(d) => &d.about,
        }
    }

    /// SPDX expression of the members.
    pub fn licence(self) -> &'a str {
        match self {
            Self::Fetched(p) => &p.licence,
            Self::Derived(d) => &d.licence,
        }
    }

    /// The files an installed pack consists of.
    pub fn members(self) -> &'a [Member] {
        match self {
            Self::Fetched(p) => &p.members,
            Self::Derived(d) => &d.members,
        }
    }

    /// Packs that must be there first.
    pub fn needs(self) -> &'a [String] {
        match self {
            Self::Fetched(_) => &[],
            Self::Derived(d) => &d.needs,
        }
    }

    /// Package and version as a user would write them, or `built here`.
    pub fn origin(self) -> String {
        match self {
            Self::Fetched(p) => format!("{} {}@{}", p.client.program(), p.package, p.version),
            Self::Derived(_) => "built here".to_owned(),
        }
    }

    /// The content address of the installed pack: names and digests of its members.
    pub fn digest(self) -> Digest {
        let mut text = String::from("wb-pack/1\n");
        for member in self.members() {
            let _ = writeln!(text, "{} {}", member.name, member.sha256);
        }
        Digest::of(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(body: &str) -> Result<Lock, Error> {
        Lock::parse(&format!("format = 1\n{body}"))
    }

    fn pack(name: &str) -> String {
        format!(
            "[[pack]]\nname = \"{name}\"\nabout = \"a\"\nclient = \"npm\"\npackage = \"p\"\n\
             version = \"1.0.0\"\nlicence = \"MIT\"\n[[pack.member]]\nname = \"m\"\nkind = \"file\"\n\
             from = \"f\"\nsha256 = \"{}\"\nsize = 1\n",
            Digest::of(b"m")
        )
    }

    #[test]
    fn the_pinned_lock_reads_and_every_pack_has_a_place_of_its_own() {
        let lock = Lock::pinned();
        let digests: BTreeSet<_> = lock.all().map(Entry::digest).collect();
        assert_eq!(digests.len(), lock.all().count());
        assert!(lock.all().all(|p| !p.licence().is_empty()));
    }

    #[test]
    fn every_npm_pack_pins_its_archive() {
        for entry in Lock::pinned().all() {
            if let Entry::Fetched(p) = entry {
                let npm = p.client == Client::Npm;
                assert_eq!(p.archive.is_some(), npm, "{}", p.name);
            }
        }
    }

    #[test]
    fn a_pack_listed_twice_is_refused() {
        let error = lock(&(pack("a") + &pack("a"))).unwrap_err();
        assert_eq!(error.code(), "build/lock");
        assert!(error.to_string().contains("`a` is listed twice"), "{error}");
    }

    #[test]
    fn an_unknown_pack_lists_the_known_ones() {
        let lock = lock(&pack("a")).unwrap();
        let error = lock.find("b").unwrap_err();
        assert_eq!(error.to_string(), "no toolchain pack `b`, there are: a");
    }

    #[test]
    fn a_member_may_not_name_a_path() {
        let text = pack("a").replace("name = \"m\"", "name = \"../m\"");
        assert!(
            lock(&text)
                .unwrap_err()
                .to_string()
                .contains("plain file name")
        );
    }
}
