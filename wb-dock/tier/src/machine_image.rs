//! The image a virtual machine boots: a worker and the drivers it needs, as an
//! initial file system.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::closure;

/// The drivers between the worker and the wire, in the order they are loaded. Debian
/// builds all of them as modules; a kernel that has them built in has no such files.
pub(crate) const DRIVERS: [&str; 7] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_mmio",
    "virtio_console",
];

/// Where the drivers lie below the directory of a kernel's modules.
const FOLDERS: [&str; 2] = ["kernel/drivers/virtio", "kernel/drivers/char"];

/// Makes an initial file system of `worker`, which becomes its `/init`, of the
/// libraries it needs, and of the drivers in `modules`: the directory
/// `lib/modules/VERSION` that belongs to the kernel.
///
/// The format is `newc` of cpio, as the kernel documents it in
/// `Documentation/driver-api/early-userspace/buffer-format.rst`.
///
/// # Errors
///
/// Those of reading the files; [`NotFound`](io::ErrorKind::NotFound) for a library that is
/// nowhere.
pub fn machine_image(worker: &Path, modules: Option<&Path>) -> io::Result<Vec<u8>> {
    let mut image = Archive::default();
    for directory in ["dev", "lib", "drivers"] {
        image.directory(Path::new(directory));
    }
    image.file(Path::new("init"), &fs::read(worker)?);
    for (inside, here) in closure::of(worker)? {
        image.file(
            inside.strip_prefix("/").unwrap_or(&inside),
            &fs::read(here)?,
        );
    }
    for driver in DRIVERS {
        let found = modules.and_then(|modules| find_driver(modules, driver));
        if let Some(path) = found {
            let name = PathBuf::from(format!("drivers/{driver}.ko"));
            image.file(&name, &fs::read(path)?);
        }
    }
    Ok(image.finish())
}

fn find_driver(modules: &Path, name: &str) -> Option<PathBuf> {
    FOLDERS
        .iter()
        .map(|folder| modules.join(folder).join(format!("{name}.ko")))
        .find(|path| path.is_file())
}

/// An archive in the making.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    directories: BTreeSet<PathBuf>,
    entries: u32,
}

impl Archive {
    fn directory(&mut self, path: &Path) {
        if path.as_os_str().is_empty() || self.directories.contains(path) {
            return;
        }
        if let Some(parent) = path.parent() {
            self.directory(parent);
        }
        self.directories.insert(path.to_owned());
        self.entry(path, 0o040_755, &[]);
    }

    fn file(&mut self, path: &Path, content: &[u8]) {
        if let Some(parent) = path.parent() {
            self.directory(parent);
        }
        self.entry(path, 0o100_755, content);
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry(Path::new("TRAILER!!!"), 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &Path, mode: u32, content: &[u8]) {
        let name = path.to_string_lossy();
        self.entries += 1;
        let fields = [
            self.entries,         // inode
            mode,                 // mode
            0,                    // user
            0,                    // group
            1,                    // links
            0,                    // time of change
            content.len() as u32, // size
            0,                    // device, major and minor
            0,
            0, // device it stands for, major and minor
            0,
            name.len() as u32 + 1, // name, with its NUL
            0,                     // checksum, of which `newc` has none
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_reads_as_cpio_writes_it() {
        let mut archive = Archive::default();
        archive.file(Path::new("a/b"), b"text!");
        let bytes = archive.finish();
        let text = String::from_utf8(bytes).unwrap();
        let headers: Vec<_> = text.match_indices("070701").map(|(at, _)| at).collect();
        assert_eq!(headers.len(), 3, "directory, file, trailer: {text:?}");
        assert!(headers.iter().all(|at| at % 4 == 0));
        // 110 bytes of header, name and NUL, then the content on a boundary of four.
        assert_eq!(&text[headers[1] + 110..headers[1] + 114], "a/b\0");
        assert_eq!(&text[headers[1] + 116..headers[1] + 121], "text!");
        assert!(text.contains("TRAILER!!!\0"));
    }
}
