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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `frames` is for kernels, which have a header of their own.
    const ELSEWHERE: &str = "wb:frames";

    #[test]
    fn the_header_declares_what_the_dock_has() {
        let header = headers();
        let (_, bytes) = header.iter().next().expect("there is one header");
        let text = str::from_utf8(bytes).unwrap();
        let declared: BTreeSet<(&str, &str)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("WB_IMPORT(\"")?.split_once("\")"))
            .map(|(names, _)| names.split_once("\", \"").unwrap())
            .collect();
        let known: BTreeSet<_> = wb_policy::core_imports()
            .filter(|(module, ..)| module.starts_with("wb:") && *module != ELSEWHERE)
            .map(|(module, name, _)| (module, name))
            .collect();
        assert_eq!(declared, known);
    }
}
