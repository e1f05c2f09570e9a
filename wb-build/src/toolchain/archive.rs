//! From a fetched package to the verified files of a pack.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use bytes::Bytes;
use sha2::Digest as _;
use wb_manifest::{Digest, RelPath, Tree};

use super::glob::matches;
use super::lock::{ArchiveDigests, Entry, Member, MemberKind, Pack};
use crate::error::{Error, ErrorKind};

/// Largest package after decompression: four times the largest there is.
const MOST_UNPACKED: u64 = 512 << 20;

/// Most files in a package.
const MOST_FILES: usize = 100_000;

/// What a registry client hands over.
#[derive(Clone, Debug)]
pub enum Package {
    /// A `.tgz` as `npm pack` writes it.
    Archive(Bytes),
    /// The files of an unpacked crate.
    Files(Tree),
}

impl Package {
    /// Bytes that were fetched: of the archive, or of the unpacked files.
    pub fn size(&self) -> u64 {
        match self {
            Self::Archive(bytes) => bytes.len() as u64,
            Self::Files(files) => files.size(),
        }
    }
}

/// The files of a pack by member name, each with the digest the lock pins.
pub type PackFiles = BTreeMap<String, Bytes>;

/// Verifies a package and takes the pack's members out of it.
///
/// # Errors
///
/// [`ErrorKind::Corrupt`] if the archive or a member has another digest than
/// the lock pins, [`ErrorKind::Archive`] if it is malformed, has more than 512 MiB
/// or 100,000 files, or a path that leaves its folder.
pub fn unpack(pack: &Pack, package: &Package) -> Result<PackFiles, Error> {
    if let (Package::Archive(bytes), Some(pinned)) = (package, &pack.archive) {
        check_archive(&format!("{}@{}", pack.package, pack.version), pinned, bytes)?;
    }
    let files = take_members(pack, package)?;
    for member in &pack.members {
        check_member(Entry::Fetched(pack), member, &files[&member.name])?;
    }
    Ok(files)
}

/// Takes a pack's members out of a package whose digests are not known yet: how a
/// new version of the lock begins. Builds use [`unpack`].
///
/// # Errors
///
/// [`ErrorKind::Archive`] as for [`unpack`].
pub fn take_members(pack: &Pack, package: &Package) -> Result<PackFiles, Error> {
    let files = match package {
        Package::Archive(bytes) => unpack_tgz(&pack.package, bytes)?,
        Package::Files(files) => files.clone(),
    };
    let mut out = PackFiles::new();
    for member in &pack.members {
        let missing = || {
            Error::from(ErrorKind::Archive {
                what: format!("package `{}`", pack.package),
                message: format!("no `{}` in it", member.from),
            })
        };
        let bytes = match member.kind {
            MemberKind::Program | MemberKind::File => {
                files.get(&member.from).ok_or_else(missing)?.clone()
            }
            MemberKind::Tree => {
                let all = if let Some(folder) = member.from.strip_suffix('/') {
                    files.under(&folder.parse().map_err(|_| missing())?)
                } else {
                    let tar = files.get(&member.from).ok_or_else(missing)?;
                    tree_entries(&member.from, tar)?
                };
                let taken = all.into_iter().filter(|(path, _)| {
                    let any =
                        |patterns: &[String]| patterns.iter().any(|p| matches(p, path.as_str()));
                    any(&member.take) && !any(&member.leave)
                });
                write_tar(&taken.collect())
            }
        };
        out.insert(member.name.clone(), bytes);
    }
    Ok(out)
}

/// Holds the bytes of an installed member to the lock.
///
/// # Errors
///
/// [`ErrorKind::Corrupt`] says which member has which digest.
pub fn check_member(entry: Entry<'_>, member: &Member, bytes: &[u8]) -> Result<(), Error> {
    let what = format!("`{}` of pack `{}`", member.name, entry.name());
    check(&what, bytes, member.sha256)
}

/// Compares bytes with the digest they are pinned to.
pub(crate) fn check(what: &str, bytes: &[u8], expected: Digest) -> Result<(), Error> {
    let found = Digest::of(bytes);
    if found == expected {
        return Ok(());
    }
    Err(ErrorKind::Corrupt {
        what: what.to_owned(),
        found: format!("sha256 {found}"),
        expected: expected.to_string(),
    }
    .into())
}

fn check_archive(what: &str, pinned: &ArchiveDigests, bytes: &[u8]) -> Result<(), Error> {
    check_integrity(what, &pinned.integrity, bytes)?;
    check(what, bytes, pinned.sha256)
}

/// Checks a registry's integrity string: `sha512-` and the digest in base64.
///
/// A string may list several; each of a kind that is known has to match, and
/// there has to be one. SHA-1 alone is not accepted.
pub(crate) fn check_integrity(what: &str, integrity: &str, bytes: &[u8]) -> Result<(), Error> {
    let mut strong = false;
    for one in integrity.split_ascii_whitespace() {
        let found = match one.split_once('-') {
            Some(("sha512", _)) => format!("sha512-{}", base64(&sha2::Sha512::digest(bytes))),
            Some(("sha384", _)) => format!("sha384-{}", base64(&sha2::Sha384::digest(bytes))),
            Some(("sha256", _)) => format!("sha256-{}", base64(&sha2::Sha256::digest(bytes))),
            _ => continue,
        };
        // Options may follow the digest: `sha512-…?opt`.
        if one.split('?').next() != Some(found.as_str()) {
            return Err(ErrorKind::Corrupt {
                what: what.to_owned(),
                found,
                expected: one.to_owned(),
            }
            .into());
        }
        strong = true;
    }
    if strong {
        return Ok(());
    }
    Err(ErrorKind::Corrupt {
        what: what.to_owned(),
        found: "no strong digest".to_owned(),
        expected: "an integrity string with sha512".to_owned(),
    }
    .into())
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The regular files of a `.tgz`; links and other things are refused.
pub(crate) fn unpack_tgz(what: &str, bytes: &[u8]) -> Result<Tree, Error> {
    entries_where(what, &gunzip(what, bytes)?, |_| true)
}

/// Some of the files of a `.tgz`; what is not kept may be anything.
pub(crate) fn unpack_tgz_where(
    what: &str,
    bytes: &[u8],
    keep: impl Fn(&str) -> bool,
) -> Result<Tree, Error> {
    entries_where(what, &gunzip(what, bytes)?, keep)
}

fn gunzip(what: &str, bytes: &[u8]) -> Result<Bytes, Error> {
    let mut tar = Vec::new();
    // A reader that ends one byte past the limit tells "at" from "beyond" it.
    flate2::read::MultiGzDecoder::new(bytes)
        .take(MOST_UNPACKED + 1)
        .read_to_end(&mut tar)
        .map_err(|e| fault(what, &format!("not a readable gzip: {e}")))?;
    if tar.len() as u64 > MOST_UNPACKED {
        return Err(fault(
            what,
            &format!("unpacks to more than {MOST_UNPACKED} bytes"),
        ));
    }
    Ok(Bytes::from(tar))
}

/// The regular files of a tar archive, as slices of it: nothing is copied.
///
/// # Errors
///
/// [`ErrorKind::Archive`] if the archive is malformed, holds a link or a device,
/// names a file twice, or names one outside its folder.
pub fn tree_entries(what: &str, tar: &Bytes) -> Result<Tree, Error> {
    entries_where(what, tar, |_| true)
}

fn entries_where(what: &str, tar: &Bytes, keep: impl Fn(&str) -> bool) -> Result<Tree, Error> {
    let broken = |e: std::io::Error| fault(what, &format!("not a readable tar: {e}"));
    let mut tree = Tree::new();
    let mut archive = tar::Archive::new(&tar[..]);
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        let path = entry.path_bytes();
        let shown = String::from_utf8_lossy(&path);
        if !keep(&shown) {
            continue;
        }
        if !kind.is_file() {
            return Err(fault(what, &format!("`{shown}` is not a regular file")));
        }
        let path: RelPath = std::str::from_utf8(&path)
            .map_err(|_| fault(what, &format!("`{shown}` is not UTF-8")))?
            .parse()
            .map_err(|e| fault(what, &format!("{e}")))?;
        let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let content = start
            .checked_add(size)
            .filter(|end| *end <= tar.len())
            .map(|end| tar.slice(start..end))
            .ok_or_else(|| fault(what, &format!("`{path}` is cut off")))?;
        if tree.insert(path.clone(), content).is_some() {
            return Err(fault(what, &format!("`{path}` is there twice")));
        }
        if tree.len() > MOST_FILES {
            return Err(fault(what, &format!("more than {MOST_FILES} files")));
        }
    }
    Ok(tree)
}

/// Writes a tree as a tar whose bytes depend on nothing else.
fn write_tar(tree: &Tree) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in tree {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder
            .append_data(&mut header, path.as_str(), &bytes[..])
            .expect("writing to a Vec does not fail, and RelPath is a valid tar path");
    }
    let tar = builder
        .into_inner()
        .expect("writing to a Vec does not fail");
    Bytes::from(tar)
}

fn fault(what: &str, message: &str) -> Error {
    ErrorKind::Archive {
        what: format!("package `{what}`"),
        message: message.to_owned(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn tgz(entries: &[(&str, &[u8], tar::EntryType)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, bytes, kind) in entries {
            let mut header = tar::Header::new_ustar();
            // Set by hand: the crate refuses to write paths that leave the folder.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_entry_type(*kind);
            if *kind == Symlink {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&builder.into_inner().unwrap()).unwrap();
        gz.finish().unwrap()
    }

    fn refused(entries: &[(&str, &[u8], tar::EntryType)]) -> String {
        unpack_tgz("p", &tgz(entries)).unwrap_err().to_string()
    }

    use tar::EntryType::{Regular, Symlink};

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        assert!(refused(&[("../x", b"", Regular)]).contains("`..` in path"));
        assert!(refused(&[("/etc/x", b"", Regular)]).contains("absolute path"));
        assert!(refused(&[("a", b"1", Regular), ("a", b"2", Regular)]).contains("twice"));
        assert!(refused(&[("a", b"", Symlink)]).contains("not a regular file"));
    }

    #[test]
    fn an_archive_that_is_cut_off_is_refused() {
        let whole = tgz(&[("a", &[7; 2000], Regular)]);
        for length in [0, 1, 20, whole.len() / 2, whole.len() - 9] {
            let error = unpack_tgz("p", &whole[..length]).unwrap_err();
            assert_eq!(error.code(), "build/archive", "at {length}");
        }
    }

    #[test]
    fn an_archive_that_unpacks_without_end_is_refused() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..=(MOST_UNPACKED >> 20) {
            gz.write_all(&zeros).unwrap();
        }
        let error = unpack_tgz("p", &gz.finish().unwrap()).unwrap_err();
        assert!(
            error.to_string().contains("unpacks to more than"),
            "{error}"
        );
    }

    #[test]
    fn integrity_strings_are_checked_and_weak_ones_refused() {
        // `printf abc | openssl dgst -sha512 -binary | base64`
        let good = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
        assert!(check_integrity("p", good, b"abc").is_ok());
        assert!(check_integrity("p", good, b"abd").is_err());
        assert!(check_integrity("p", "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", b"abc").is_err());
        assert!(check_integrity("p", "", b"abc").is_err());
    }

    #[test]
    fn a_tree_member_depends_on_paths_and_bytes_only() {
        let tree: Tree = [("b/x", "2"), ("a", "1")]
            .map(|(path, text)| (path.parse().unwrap(), text.into()))
            .into_iter()
            .collect();
        let tar = write_tar(&tree);
        assert_eq!(tar, write_tar(&tree));
        assert_eq!(tree_entries("t", &tar).unwrap(), tree);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_archive_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = unpack_tgz("p", &bytes);
            let _ = tree_entries("p", &bytes.into());
        }
    }
}
