//! Where packs lie on disk: `<root>/<pack>/<digest>/<member>`.
//!
//! A pack's directory appears in one rename, complete and verified, so whatever
//! interrupts an installation leaves either the whole pack or none of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use wb_build::toolchain::{Entry, Member, PackFiles};
use wb_build::{Error, ErrorKind};
use wb_manifest::Digest;

use crate::Lock;
use crate::atomic::{self, Mode};

/// What stands beside the members: the name, version and licence of the pack.
const ABOUT: &str = "pack.json";

/// The packs of a nexus.
#[derive(Clone, Debug)]
pub(super) struct PackStore {
    root: PathBuf,
}

impl PackStore {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn dir(&self, entry: Entry<'_>) -> PathBuf {
        self.root
            .join(entry.name())
            .join(entry.digest().to_string())
    }

    pub(super) fn member(&self, entry: Entry<'_>, member: &str) -> PathBuf {
        self.dir(entry).join(member)
    }

    /// Whether every member is there in its full size. The digests were checked
    /// when the pack was written, and `verify` checks them again.
    pub(super) fn has(&self, entry: Entry<'_>) -> bool {
        let dir = self.dir(entry);
        entry.members().iter().all(|member| {
            fs::metadata(dir.join(&member.name))
                .is_ok_and(|m| m.is_file() && m.len() == member.size)
        })
    }

    /// Waits for the right to change a pack; `waiting` is called if that takes a while.
    pub(super) fn lock(&self, pack: &str, waiting: impl FnOnce()) -> Result<Lock, Error> {
        let path = self.root.join(format!(".{pack}.lock"));
        let io = |e| host(format!("cannot lock pack `{pack}`"), e);
        if let Some(lock) = Lock::try_exclusive(&path).map_err(io)? {
            return Ok(lock);
        }
        waiting();
        Lock::exclusive(&path).map_err(io)
    }

    /// Writes a pack aside and moves it into place.
    pub(super) fn put(
        &self,
        entry: Entry<'_>,
        files: &PackFiles,
        mut written: impl FnMut(u64),
    ) -> Result<(), Error> {
        let name = entry.name();
        let io = |e: io::Error| host(format!("cannot write pack `{name}`"), e);
        let scratch = atomic::scratch_dir(&self.root, Mode::Private).map_err(io)?;
        let staged = scratch.path().join(name);
        atomic::create_dir(&staged, Mode::Private).map_err(io)?;
        let mut done = 0;
        for (member, bytes) in files {
            let path = staged.join(member);
            atomic::write(&path, bytes, Mode::Private, atomic::Durability::Synced).map_err(io)?;
            done += bytes.len() as u64;
            written(done);
        }
        let about = about(entry);
        atomic::write(
            &staged.join(ABOUT),
            about.as_bytes(),
            Mode::Private,
            atomic::Durability::Synced,
        )
        .map_err(io)?;
        let dir = self.dir(entry);
        let parent = dir.parent().expect("a pack's directory is below the root");
        atomic::create_dir(parent, Mode::Private).map_err(io)?;
        // What is there under this name is incomplete, or the caller would not be here.
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(io)?;
        }
        fs::rename(&staged, &dir).map_err(io)?;
        atomic::sync_dir(parent).map_err(io)
    }

    /// The bytes of a member, as they are on disk.
    pub(super) fn read(&self, entry: Entry<'_>, member: &Member) -> Result<Bytes, Error> {
        let path = self.member(entry, &member.name);
        match fs::read(&path) {
            Ok(bytes) => Ok(bytes.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(ErrorKind::Missing {
                pack: entry.name().to_owned(),
            }
            .into()),
            Err(e) => Err(host(format!("cannot read pack `{}`", entry.name()), e)),
        }
    }

    /// Removes a pack in every version.
    pub(super) fn remove(&self, name: &str) -> Result<bool, Error> {
        let dir = self.root.join(name);
        match fs::remove_dir_all(dir) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(host(format!("cannot remove pack `{name}`"), e)),
        }
    }

    /// An archive that was fetched and not yet unpacked.
    fn archive(&self, digest: Digest) -> PathBuf {
        self.root.join(format!(".{digest}.tgz"))
    }

    pub(super) fn fetched(&self, digest: Digest) -> Option<Bytes> {
        let bytes = fs::read(self.archive(digest)).ok()?;
        (Digest::of(&bytes) == digest).then(|| bytes.into())
    }

    /// Keeps a fetched archive until it is unpacked, so that a start after an
    /// interruption does not fetch it again.
    pub(super) fn keep_fetched(&self, digest: Digest, bytes: &[u8]) {
        // A failure costs a second download and nothing else.
        let _ = atomic::write(
            &self.archive(digest),
            bytes,
            Mode::Private,
            atomic::Durability::Cache,
        );
    }

    pub(super) fn forget_fetched(&self, digest: Digest) {
        let _ = fs::remove_file(self.archive(digest));
    }

    /// A directory for a client to work in.
    pub(super) fn scratch(&self) -> Result<tempfile::TempDir, Error> {
        atomic::scratch_dir(&self.root, Mode::Private)
            .map_err(|e| host("cannot make a scratch directory".to_owned(), e))
    }

    /// Removes what killed installations left behind.
    pub(super) fn sweep(&self) {
        // Leftovers take space and do no harm.
        let _ = atomic::sweep(&self.root);
    }

    /// Bytes on disk of a pack in all versions.
    pub(super) fn size(&self, name: &str) -> u64 {
        fn below(dir: &Path) -> u64 {
            let Ok(entries) = fs::read_dir(dir) else {
                return 0;
            };
            entries
                .flatten()
                .map(|entry| match entry.metadata() {
                    Ok(meta) if meta.is_dir() => below(&entry.path()),
                    Ok(meta) => meta.len(),
                    Err(_) => 0,
                })
                .sum()
        }
        below(&self.root.join(name))
    }
}

/// What `pack.json` says: where the members come from and under which licence.
fn about(entry: Entry<'_>) -> String {
    let members: Vec<_> = entry
        .members()
        .iter()
        .map(|m| serde_json::json!({ "name": m.name, "sha256": m.sha256, "size": m.size }))
        .collect();
    let about = serde_json::json!({
        "format": 1,
        "name": entry.name(),
        "origin": entry.origin(),
        "licence": entry.licence(),
        "members": members,
    });
    format!("{about:#}\n")
}

pub(super) fn host(
    what: String,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    ErrorKind::Host {
        what,
        source: source.into(),
    }
    .into()
}
