use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{Digest, RelDir, RelPath};

/// Files by path, in memory: a toolkit's sources, or what was made of them.
///
/// There are no directories, permissions, times or symlinks: two trees with the
/// same paths and bytes are the same tree. Contents are shared by clones.
///
/// # Examples
///
/// ```
/// use wb_manifest::{InvalidPath, Tree};
///
/// let mut tree = Tree::new();
/// tree.insert("src/main.c".parse()?, "int main(void) { return 0; }");
/// assert!(tree.get("src/main.c").is_some());
/// assert_eq!(tree.under(&"src".parse()?).len(), 1);
/// # Ok::<(), InvalidPath>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<RelPath, Bytes>,
}

impl Tree {
    /// The tree without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// The contents of the file at `path`.
    pub fn get(&self, path: &str) -> Option<&Bytes> {
        self.files.get(path)
    }

    /// Whether there is a file at `path`.
    pub fn contains(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Writes a file and returns what was there before.
    pub fn insert(&mut self, path: RelPath, contents: impl Into<Bytes>) -> Option<Bytes> {
        self.files.insert(path, contents.into())
    }

    /// Takes the file at `path` out of the tree.
    pub fn remove(&mut self, path: &str) -> Option<Bytes> {
        self.files.remove(path)
    }

    /// The files in the order of their paths' bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&RelPath, &Bytes)> {
        self.files.iter()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Bytes of all contents together.
    pub fn size(&self) -> u64 {
        self.files
            .values()
            .map(|contents| contents.len() as u64)
            .sum()
    }

    /// The files below `dir`, with paths as seen from there.
    #[must_use]
    pub fn under(&self, dir: &RelDir) -> Self {
        let Some(prefix) = dir.path() else {
            return self.clone();
        };
        // In byte order everything below `a` follows `a/` without a gap.
        self.files
            .range::<str, _>((
                std::ops::Bound::Excluded(format!("{prefix}/").as_str()),
                std::ops::Bound::Unbounded,
            ))
            .map_while(|(path, contents)| Some((path.relative_to(dir)?, contents.clone())))
            .collect()
    }

    /// The name of the whole tree: SHA-256 over the version line `wb-tree-1\n`
    /// and, for each file in order, the length of its path as a little-endian
    /// `u64`, the path, and the digest of its contents.
    pub fn digest(&self) -> Digest {
        let mut hasher = Digest::hasher();
        hasher.update(b"wb-tree-1\n");
        for (path, contents) in &self.files {
            hasher.update(&(path.as_str().len() as u64).to_le_bytes());
            hasher.update(path.as_str().as_bytes());
            hasher.update(Digest::of(contents).as_bytes());
        }
        hasher.finish()
    }
}

impl FromIterator<(RelPath, Bytes)> for Tree {
    fn from_iter<I: IntoIterator<Item = (RelPath, Bytes)>>(files: I) -> Self {
        Self {
            files: files.into_iter().collect(),
        }
    }
}

impl Extend<(RelPath, Bytes)> for Tree {
    fn extend<I: IntoIterator<Item = (RelPath, Bytes)>>(&mut self, files: I) {
        self.files.extend(files);
    }
}

impl IntoIterator for Tree {
    type Item = (RelPath, Bytes);
    type IntoIter = std::collections::btree_map::IntoIter<RelPath, Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.files.into_iter()
    }
}

impl<'a> IntoIterator for &'a Tree {
    type Item = (&'a RelPath, &'a Bytes);
    type IntoIter = std::collections::btree_map::Iter<'a, RelPath, Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.files.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(files: &[(&str, &'static str)]) -> Tree {
        files
            .iter()
            .map(|&(path, text)| (path.parse().unwrap(), text.into()))
            .collect()
    }

    #[test]
    fn under_takes_the_directory_and_nothing_beside_it() {
        let all = tree(&[
            ("a", "0"),
            ("a-b/x", "1"),
            ("a/x", "2"),
            ("a/y/z", "3"),
            ("a0/x", "4"),
        ]);
        assert_eq!(
            all.under(&"a".parse().unwrap()),
            tree(&[("x", "2"), ("y/z", "3")])
        );
        assert_eq!(all.under(&RelDir::ROOT), all);
        assert!(all.under(&"b".parse().unwrap()).is_empty());
    }

    #[test]
    fn the_digest_tells_paths_from_contents() {
        assert_eq!(tree(&[("a", "bc")]).digest(), tree(&[("a", "bc")]).digest());
        assert_ne!(tree(&[("a", "bc")]).digest(), tree(&[("ab", "c")]).digest());
        assert_ne!(tree(&[]).digest(), tree(&[("a", "")]).digest());
    }

    #[test]
    fn the_digest_is_a_format() {
        // Names artifacts already stored; a change needs a new version line.
        assert_eq!(
            tree(&[("src/main.c", "int x;\n")]).digest().to_string(),
            "ea878d414ac23f7449cc61c9db9941aa402d7bfa85ba84c9642158cd2ec8396f"
        );
    }

    proptest! {
        #[test]
        fn the_digest_does_not_depend_on_the_order_of_insertion(
            files in proptest::collection::btree_map("[a-z]{1,3}(/[a-z]{1,3}){0,2}", "[a-z]{0,4}", 0..8),
        ) {
            let forward: Tree =
                files.iter().map(|(path, text)| (path.parse().unwrap(), text.clone().into())).collect();
            let mut backward = Tree::new();
            for (path, text) in files.iter().rev() {
                backward.insert(path.parse().unwrap(), text.clone());
            }
            prop_assert_eq!(forward.digest(), backward.digest());
            prop_assert_eq!(forward, backward);
        }
    }
}
