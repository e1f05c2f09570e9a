//! The sources of our own guests, carried inside the crate.

use wb_manifest::{RelDir, Tree};

/// Paths below `guest/` and their contents.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/guest.rs"));

/// The files of one guest, by their paths in its folder.
pub(crate) fn sources(folder: &str) -> Tree {
    let folder: RelDir = folder.parse().expect("folders of guests are plain names");
    FILES
        .iter()
        .map(|&(path, bytes)| {
            let path = path.parse().expect("the build script lists relative paths");
            (path, bytes.into())
        })
        .collect::<Tree>()
        .under(&folder)
}

/// The bindings to the Dock for C and C++: `wb.h`.
pub(crate) fn headers() -> Tree {
    sources("include")
}
