//! Packs in one tar file, for machines without a network.
//!
//! Entries are `<pack>/<member>`. What is read is checked against the lock, so
//! the file needs no trust.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use wb_build::toolchain::{Lock, PackFiles, check_member};
use wb_build::{Error, ErrorKind};

use super::store::{PackStore, host};

/// Largest member that is read: no lock names a larger one.
const MOST: u64 = 512 << 20;

pub(super) fn export(
    store: &PackStore,
    lock: &Lock,
    names: &[&str],
    to: &mut dyn Write,
) -> Result<(), Error> {
    let io = |e| host("cannot write the export".to_owned(), e);
    let mut builder = tar::Builder::new(to);
    for name in names {
        let entry = lock.find(name)?;
        for member in entry.members() {
            let bytes = store.read(entry, member)?;
            check_member(entry, member, &bytes)?;
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(0);
            let path = format!("{name}/{}", member.name);
            builder
                .append_data(&mut header, path, &bytes[..])
                .map_err(io)?;
        }
    }
    builder.into_inner().and_then(Write::flush).map_err(io)
}

/// Reads packs and gives the names of those that were installed by it.
pub(super) fn import(
    store: &PackStore,
    lock: &Lock,
    from: &mut dyn Read,
) -> Result<Vec<String>, Error> {
    let broken = |message: String| {
        Error::from(ErrorKind::Archive {
            what: "toolchain export".to_owned(),
            message,
        })
    };
    let unreadable = |e: std::io::Error| broken(format!("not a readable tar: {e}"));
    let mut packs: BTreeMap<String, PackFiles> = BTreeMap::new();
    let mut archive = tar::Archive::new(from);
    for file in archive.entries().map_err(unreadable)? {
        let file = file.map_err(unreadable)?;
        let path = String::from_utf8_lossy(&file.path_bytes()).into_owned();
        if !file.header().entry_type().is_file() {
            return Err(broken(format!("`{path}` is not a regular file")));
        }
        let Some((pack, name)) = path.split_once('/') else {
            return Err(broken(format!("`{path}`, expected `<pack>/<member>`")));
        };
        let entry = lock.find(pack)?;
        let Some(member) = entry.members().iter().find(|m| m.name == name) else {
            return Err(broken(format!("pack `{pack}` has no member `{name}`")));
        };
        let mut bytes = Vec::new();
        file.take(member.size.min(MOST) + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        check_member(entry, member, &bytes)?;
        packs
            .entry(pack.to_owned())
            .or_default()
            .insert(name.to_owned(), bytes.into());
    }
    let mut installed = Vec::new();
    for (name, files) in packs {
        let entry = lock.find(&name)?;
        if let Some(member) = entry
            .members()
            .iter()
            .find(|m| !files.contains_key(&m.name))
        {
            return Err(broken(format!("no `{name}/{}` in it", member.name)));
        }
        let _held = store.lock(&name, || ())?;
        if !store.has(entry) {
            store.put(entry, &files, |_| ())?;
            installed.push(name);
        }
    }
    Ok(installed)
}
