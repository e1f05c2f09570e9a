use std::borrow::Cow;
use std::collections::BTreeSet;

use wb_manifest::{RelDir, RelPath};

use crate::diagnose::{Diagnostic, WIT_ROOT};

/// What people call the files of a source tree.
///
/// A lane sees a tree of its own, and its steps and their cached findings name
/// files from that tree's root. The user's files are elsewhere: below the folder
/// that `#+BUILD_SRC` names, or in the one file of an inline build.
///
/// # Examples
///
/// ```
/// use wb_build::Naming;
///
/// let below = Naming::below(&"src".parse()?);
/// assert_eq!(below.shown("lib/api.c"), "src/lib/api.c");
/// assert_eq!(below.shown("<stdio.h>"), "<stdio.h>");
/// assert_eq!(below.in_tree("src/lib/api.c"), "lib/api.c");
///
/// let one = Naming::file("index.js", "/tmp/syn.js");
/// assert_eq!(one.shown("index.js"), "/tmp/syn.js");
/// assert_eq!(one.in_tree("/tmp/syn.js"), "index.js");
/// # Ok::<(), wb_manifest::InvalidPath>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming(How);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum How {
    #[default]
    AsInTree,
    Below(RelPath),
    File {
        entry: String,
        shown: String,
    },
}

impl Naming {
    /// Files of a tree that is the folder `folder` of the user's.
    pub fn below(folder: &RelDir) -> Self {
        Self(match folder.path() {
            Some(folder) => How::Below(folder.clone()),
            None => How::AsInTree,
        })
    }

    /// The one file of an inline build: `entry` in the tree (see
    /// [`lane::entry_file`](crate::lane::entry_file)), `shown` to the user.
    pub fn file(entry: impl Into<String>, shown: impl Into<String>) -> Self {
        Self(How::File {
            entry: entry.into(),
            shown: shown.into(),
        })
    }

    /// What the user calls a file of the tree; files of toolchains keep their names.
    pub fn shown<'a>(&'a self, file: &'a str) -> Cow<'a, str> {
        // The folder `wit` lies beside the sources, wherever they are.
        if let Some(name) = file.strip_prefix('/')
            && file.starts_with(WIT_ROOT)
        {
            return Cow::Borrowed(name);
        }
        match &self.0 {
            How::Below(folder) if !file.starts_with(['/', '<']) => {
                Cow::Owned(format!("{folder}/{file}"))
            }
            How::File { entry, shown } if entry == file => Cow::Borrowed(shown),
            _ => Cow::Borrowed(file),
        }
    }

    /// The file of the tree that is [shown](Self::shown) by a name: where the
    /// lines of a finding are.
    pub fn in_tree<'a>(&'a self, shown: &'a str) -> &'a str {
        match &self.0 {
            How::Below(folder) => shown
                .strip_prefix(folder.as_str())
                .and_then(|rest| rest.strip_prefix('/'))
                .unwrap_or(shown),
            How::File { entry, shown: name } if name == shown => entry,
            _ => shown,
        }
    }

    /// A step's label, which ends in the file it is about.
    pub(crate) fn caption(&self, label: &str, file: Option<&RelPath>) -> String {
        match file.and_then(|file| Some((label.strip_suffix(file.as_str())?, file))) {
            Some((verb, file)) => format!("{verb}{}", self.shown(file.as_str())),
            None => label.to_owned(),
        }
    }

    /// A finding in the user's names. The linker has no places: it names sources,
    /// which are among `files`, in its message.
    pub(crate) fn finding(&self, finding: &mut Diagnostic, files: &BTreeSet<&str>) {
        match &mut finding.place {
            Some(place) => place.file = self.shown(&place.file).into_owned(),
            None if self.0 != How::AsInTree => {
                finding.message = self.text(&finding.message, files);
            }
            None => {}
        }
    }

    fn text(&self, text: &str, files: &BTreeSet<&str>) -> String {
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
        text.split_inclusive(|c| !inside(c))
            .map(|piece| {
                let word = piece.trim_end_matches(|c| !inside(c));
                if files.contains(word) {
                    format!("{}{}", self.shown(word), &piece[word.len()..])
                } else {
                    piece.to_owned()
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_in_a_message_are_replaced() {
        let below = Naming::below(&"src".parse().unwrap());
        let text = "a.c: undefined symbol: f; defined in lib/a.c, a.cc and a.c";
        assert_eq!(
            below.text(text, &BTreeSet::from(["a.c"])),
            "src/a.c: undefined symbol: f; defined in lib/a.c, a.cc and src/a.c"
        );
    }

    #[test]
    fn a_caption_ends_in_the_name_of_its_file() {
        let file = "my index.js".parse().unwrap();
        let one = Naming::file("my index.js", "../s.js");
        assert_eq!(
            one.caption("bundle my index.js", Some(&file)),
            "bundle ../s.js"
        );
        assert_eq!(one.caption("link", None), "link");
    }

    #[test]
    fn the_top_folder_adds_nothing() {
        let top = Naming::below(&RelDir::ROOT);
        assert_eq!(top.shown("a.c"), "a.c");
        assert_eq!(top.in_tree("a.c"), "a.c");
    }

    #[test]
    fn the_tree_s_own_names_stay_without_a_naming() {
        let own = Naming::default();
        assert_eq!(own.shown("a.c"), "a.c");
        assert_eq!(own.in_tree("src/a.c"), "src/a.c");
    }
}
