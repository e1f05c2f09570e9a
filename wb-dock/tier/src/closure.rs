//! What a binary needs beside itself: its loader and its libraries.
//!
//! Found by reading, as the loader would look. Running the loader to ask it would be
//! running the binary, which a hostile one can turn to its ends.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use object::Endianness;
use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

/// Where loaders look when nothing says otherwise: Debian's order, then that of the others.
const DIRECTORIES: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// Where loaders lie besides: Nix and Guix keep each program apart.
const STORES: [&str; 2] = ["/nix/store", "/gnu/store"];

/// Most libraries of one binary.
const MOST: usize = 256;

/// What one file says it needs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    interpreter: Option<String>,
    libraries: Vec<String>,
    search: Vec<String>,
}

/// The files that `binary` needs beside itself, as path in the image and path here.
///
/// # Errors
///
/// `InvalidData` for what is no ELF file of 64 bits; `NotFound` for a library that is
/// nowhere.
pub(crate) fn of(binary: &Path) -> io::Result<BTreeMap<PathBuf, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut open = vec![binary.to_owned()];
    while let Some(file) = open.pop() {
        let needs = read(&file)?;
        let directory = file.parent().unwrap_or(Path::new("/"));
        if let Some(interpreter) = &needs.interpreter {
            let path = loader(interpreter)?;
            // Read as well, so that nothing is copied that is no ELF file.
            if found
                .insert(path.clone(), fs::canonicalize(&path)?)
                .is_none()
            {
                open.push(path);
            }
        }
        for library in &needs.libraries {
            let path = find(library, &needs.search, directory).ok_or_else(|| {
                let message = format!("the library `{library}` is not on this machine");
                io::Error::new(io::ErrorKind::NotFound, message)
            })?;
            let name = PathBuf::from("/lib").join(library);
            if found.insert(name, fs::canonicalize(&path)?).is_none() {
                open.push(path);
            }
        }
        if found.len() > MOST {
            return Err(invalid("it needs too many libraries"));
        }
    }
    Ok(found)
}

/// The loader that a binary names. A hostile one might name any file, or lead a copy
/// out of the directory that it is made in.
fn loader(named: &str) -> io::Result<PathBuf> {
    let path = Path::new(named);
    let mut parts = path.components();
    let is_plain = parts.next() == Some(Component::RootDir)
        && parts.all(|part| matches!(part, Component::Normal(_)));
    let mut places = DIRECTORIES.iter().chain(&STORES);
    if is_plain && places.any(|place| path.starts_with(place)) {
        return Ok(path.to_owned());
    }
    Err(invalid("it names a loader that is not among the libraries"))
}

fn find(library: &str, search: &[String], origin: &Path) -> Option<PathBuf> {
    if library.contains('/') {
        return None;
    }
    let origin = origin.to_string_lossy();
    let own = search
        .iter()
        .flat_map(|list| list.split(':'))
        .map(|directory| PathBuf::from(directory.replace("$ORIGIN", &origin)));
    own.chain(DIRECTORIES.map(PathBuf::from))
        .map(|directory| directory.join(library))
        .find(|path| path.is_file())
}

fn read(path: &Path) -> io::Result<Needs> {
    parse(&fs::read(path)?).map_err(|error| invalid(error.to_string()))
}

fn parse(data: &[u8]) -> object::Result<Needs> {
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let mut needs = Needs::default();
    for segment in header.program_headers(endian, data)? {
        // Of several the kernel takes the first.
        if needs.interpreter.is_none()
            && let Some(path) = segment.interpreter(endian, data)?
        {
            needs.interpreter = Some(String::from_utf8_lossy(path).into_owned());
        }
    }
    let sections = header.sections(endian, data)?;
    // A static binary has none.
    let Some((entries, link)) = sections.dynamic(endian, data)? else {
        return Ok(needs);
    };
    let strings = sections.strings(endian, data, link)?;
    for entry in entries {
        let into = match entry.tag(endian) {
            DT_NEEDED => &mut needs.libraries,
            DT_RUNPATH | DT_RPATH => &mut needs.search,
            _ => continue,
        };
        let text = entry.string(endian, strings)?;
        into.push(String::from_utf8_lossy(text).into_owned());
    }
    Ok(needs)
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn this_test_needs_its_loader_and_the_c_library() {
        let found = of(&std::env::current_exe().unwrap()).unwrap();
        let names: Vec<_> = found.keys().map(|path| path.to_string_lossy()).collect();
        assert!(
            names.iter().any(|name| name.contains("ld-linux")),
            "{names:?}"
        );
        assert!(
            names.iter().any(|name| name.contains("libc.so")),
            "{names:?}"
        );
        assert!(found.values().all(|path| path.is_file()));
    }

    /// An ELF file of nothing but program headers that name loaders
    /// (`elf(5)`: `Elf64_Ehdr`, `Elf64_Phdr`).
    fn naming(loaders: &[&str]) -> Vec<u8> {
        let count = u16::try_from(loaders.len()).unwrap();
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.resize(16, 0);
        elf.extend([3, 0, 62, 0, 1, 0, 0, 0]);
        elf.extend([0_u64, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
        elf.extend([0, 0, 0, 0]);
        let sizes = [64, 56, count, 64, 0, 0];
        elf.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
        let mut at = 64 + 56 * u64::from(count);
        for loader in loaders {
            let length = loader.len() as u64 + 1;
            elf.extend([3, 0, 0, 0, 4, 0, 0, 0]);
            let words = [at, 0, 0, length, length, 1];
            elf.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            at += length;
        }
        for loader in loaders {
            elf.extend(loader.bytes().chain([0]));
        }
        elf
    }

    #[test]
    fn the_first_loader_counts_and_is_one() {
        let two = parse(&naming(&["/lib64/ld.so", "/etc/passwd"])).unwrap();
        assert_eq!(two.interpreter.as_deref(), Some("/lib64/ld.so"));
        let file = tempfile::NamedTempFile::new().unwrap();
        for loader in ["/etc/passwd", "/lib/../etc/passwd", "lib/ld.so"] {
            fs::write(file.path(), naming(&[loader])).unwrap();
            let error = of(file.path()).unwrap_err();
            assert_eq!(
                error.kind(),
                io::ErrorKind::InvalidData,
                "{loader}: {error}"
            );
        }
    }

    #[test]
    fn what_is_no_binary_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "#!/bin/sh\n").unwrap();
        assert_eq!(
            of(file.path()).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            drop(parse(&bytes));
            let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
            elf.extend_from_slice(&bytes);
            drop(parse(&elf));
        }
    }
}
