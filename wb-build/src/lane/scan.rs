//! What can be told from source text without parsing it.

use std::collections::BTreeSet;

use wb_manifest::{RelPath, Tree};

use crate::diagnose::Diagnostic;

/// Whether `needle` occurs in any file of the tree.
pub(super) fn mentions(tree: &Tree, needle: &str) -> bool {
    let finder = memchr::memmem::Finder::new(needle.as_bytes());
    tree.iter().any(|(_, bytes)| finder.find(bytes).is_some())
}

/// File names ending in one of `suffixes` (with their dot) that occur anywhere
/// in the tree's text, as in `#include "impl.c"`.
///
/// A name that occurs in a comment counts too: this only ever widens what a
/// compiler sees.
pub(super) fn named_files(tree: &Tree, suffixes: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, bytes) in tree {
        for suffix in suffixes {
            for end in memchr::memmem::find_iter(bytes, suffix.as_bytes()) {
                let after = bytes.get(end + suffix.len());
                if after.is_some_and(|b| is_name_byte(*b)) {
                    continue;
                }
                let start = bytes[..end]
                    .iter()
                    .rposition(|b| !is_name_byte(*b))
                    .map_or(0, |p| p + 1);
                let name = String::from_utf8_lossy(&bytes[start..end]);
                names.insert(format!("{name}{suffix}"));
            }
        }
    }
    names
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+') || byte >= 0x80
}

/// A finding where a file stops being UTF-8, which `language` is written in.
pub(super) fn check_utf8(path: &RelPath, bytes: &[u8], language: &str) -> Option<Diagnostic> {
    let error = std::str::from_utf8(bytes).err()?;
    let before = &bytes[..error.valid_up_to()];
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let start = memchr::memrchr(b'\n', before).map_or(0, |p| p + 1);
    let found = bytes[error.valid_up_to()];
    Some(
        Diagnostic::error(format!(
            "byte 0x{found:02x} is not UTF-8, which {language} source has to be"
        ))
        .at(
            path.as_str(),
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(before.len() - start + 1).unwrap_or(u32::MAX),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &'static str) -> Tree {
        [("a.h".parse().unwrap(), text.into())]
            .into_iter()
            .collect()
    }

    #[test]
    fn finds_sources_that_are_included_by_name() {
        let named = named_files(
            &tree("#include \"x/impl.c\"\n#include <y.cc>\n// see z.c.\nint a.cx;"),
            &[".c", ".cc"],
        );
        let named: Vec<_> = named.iter().map(String::as_str).collect();
        assert_eq!(named, ["impl.c", "y.cc"]);
    }

    #[test]
    fn says_where_the_first_bad_byte_is() {
        let path = "a.js".parse().unwrap();
        let found = check_utf8(&path, b"ok\nab\xff", "JavaScript").unwrap();
        assert_eq!(
            found.to_string(),
            "a.js:2:3: error: byte 0xff is not UTF-8, which JavaScript source has to be"
        );
        assert_eq!(check_utf8(&path, "é".as_bytes(), "JavaScript"), None);
    }
}
