use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// A read-only tree of files, shared by every run that mounts it.
///
/// Cloning is a reference count, and file contents are [`Bytes`]: one mapping of
/// an archive can back thousands of files without a copy.
///
/// # Examples
///
/// ```
/// use wb_dock::fs::Image;
///
/// let image = Image::from_files([("src/main.c", "int main(void) { return 0; }")])?;
/// assert_eq!(image.len(), 1);
/// # Ok::<(), wb_dock::Error>(())
/// ```
#[derive(Clone)]
pub struct Image(Arc<Inner>);

struct Inner {
    nodes: Vec<ImageNode>,
    files: usize,
}

/// What is at a path of an [`Image`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageEntry<'i> {
    /// A file with this content.
    File(&'i Bytes),
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Symlink(&'i str),
}

/// A node of an image; node 0 is its root directory.
#[derive(Debug)]
pub(super) enum ImageNode {
    File(Bytes),
    Directory {
        parent: u32,
        /// Sorted by name.
        entries: Vec<(Arc<str>, u32)>,
    },
    Symlink(Box<str>),
}

impl Image {
    /// An image without files.
    pub fn empty() -> Self {
        ImageBuilder::default().finish()
    }

    /// Starts an image, to be filled file by file.
    pub fn builder() -> ImageBuilder {
        ImageBuilder::default()
    }

    /// Makes an image of files by their paths below its root.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadPath`] as for [`ImageBuilder::file`].
    pub fn from_files<P, B>(files: impl IntoIterator<Item = (P, B)>) -> Result<Self, Error>
    where
        P: AsRef<str>,
        B: Into<Bytes>,
    {
        let mut builder = Self::builder();
        for (path, content) in files {
            builder.file(path.as_ref(), content)?;
        }
        Ok(builder.finish())
    }

    /// How many files the image holds.
    pub fn len(&self) -> usize {
        self.0.files
    }

    /// Whether the image holds no file.
    pub fn is_empty(&self) -> bool {
        self.0.files == 0
    }

    /// Everything in the image by its path below the root, a directory before what
    /// is in it.
    pub fn entries(&self) -> Vec<(String, ImageEntry<'_>)> {
        let mut found = Vec::with_capacity(self.0.nodes.len());
        let mut open = vec![(String::new(), 0)];
        while let Some((path, id)) = open.pop() {
            let entry = match self.node(id) {
                ImageNode::File(content) => ImageEntry::File(content),
                ImageNode::Symlink(target) => ImageEntry::Symlink(target),
                ImageNode::Directory { entries, .. } => {
                    let below = |name: &str| match path.as_str() {
                        "" => name.to_owned(),
                        path => format!("{path}/{name}"),
                    };
                    open.extend(entries.iter().rev().map(|(name, id)| (below(name), *id)));
                    ImageEntry::Directory
                }
            };
            if id != 0 {
                found.push((path, entry));
            }
        }
        found
    }

    pub(super) fn node(&self, id: u32) -> &ImageNode {
        &self.0.nodes[id as usize]
    }

    pub(super) fn child(&self, directory: u32, name: &str) -> Option<u32> {
        let ImageNode::Directory { entries, .. } = self.node(directory) else {
            return None;
        };
        let at = entries
            .binary_search_by(|(entry, _)| (**entry).cmp(name))
            .ok()?;
        Some(entries[at].1)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("files", &self.len())
            .finish_non_exhaustive()
    }
}

/// Collects the files of an [`Image`].
#[derive(Debug, Default)]
pub struct ImageBuilder {
    root: BTreeMap<Arc<str>, Entry>,
    files: usize,
}

#[derive(Debug)]
enum Entry {
    File(Bytes),
    Directory(BTreeMap<Arc<str>, Entry>),
    Symlink(Box<str>),
}

impl ImageBuilder {
    /// Adds a file; directories on its path come into being.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadPath`] if the path is empty, has a `..`, a NUL or a part of more than
    /// 255 bytes in it, or is taken already, or if a part of it is a file.
    pub fn file(&mut self, path: &str, content: impl Into<Bytes>) -> Result<&mut Self, Error> {
        self.insert(path, Entry::File(content.into()))?;
        self.files += 1;
        Ok(self)
    }

    /// Adds a directory, which may exist already.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadPath`] as for [`ImageBuilder::file`].
    pub fn directory(&mut self, path: &str) -> Result<&mut Self, Error> {
        self.insert(path, Entry::Directory(BTreeMap::new()))?;
        Ok(self)
    }

    /// Adds a symbolic link. Its target is resolved when a guest follows it, and
    /// never leads above the root.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadPath`] as for [`ImageBuilder::file`].
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<&mut Self, Error> {
        self.insert(path, Entry::Symlink(target.into()))?;
        Ok(self)
    }

    fn insert(&mut self, path: &str, entry: Entry) -> Result<(), Error> {
        let bad = |reason: &'static str| {
            Error::from(ErrorKind::BadPath {
                path: path.to_owned(),
                reason: reason.into(),
            })
        };
        let mut parts = components(path).map_err(bad)?;
        let name = parts.pop().ok_or_else(|| bad("it names no file"))?;
        let mut directory = &mut self.root;
        for part in parts {
            // Two look-ups when the directory is new, one allocation less when not.
            if !directory.contains_key(part) {
                directory.insert(part.into(), Entry::Directory(BTreeMap::new()));
            }
            match directory.get_mut(part) {
                Some(Entry::Directory(entries)) => directory = entries,
                _ => return Err(bad("a part of it is a file")),
            }
        }
        match (directory.get(name), &entry) {
            (None, _) => {
                directory.insert(name.into(), entry);
                Ok(())
            }
            (Some(Entry::Directory(_)), Entry::Directory(_)) => Ok(()),
            (Some(_), _) => Err(bad("it is there already")),
        }
    }

    /// The image of everything added so far.
    pub fn finish(self) -> Image {
        let mut nodes = vec![ImageNode::Directory {
            parent: 0,
            entries: Vec::new(),
        }];
        // Breadth first with a list of what is still to do, so that depth costs no stack.
        let mut open = vec![(0u32, self.root)];
        while let Some((id, entries)) = open.pop() {
            let mut listed = Vec::with_capacity(entries.len());
            for (name, entry) in entries {
                let child = nodes.len() as u32;
                listed.push((name, child));
                nodes.push(match entry {
                    Entry::File(content) => ImageNode::File(content),
                    Entry::Symlink(target) => ImageNode::Symlink(target),
                    Entry::Directory(entries) => {
                        open.push((child, entries));
                        ImageNode::Directory {
                            parent: id,
                            entries: Vec::new(),
                        }
                    }
                });
            }
            if let ImageNode::Directory { entries, .. } = &mut nodes[id as usize] {
                *entries = listed;
            }
        }
        Image(Arc::new(Inner {
            nodes,
            files: self.files,
        }))
    }
}

/// The parts of a path given by the host: `/` and `.` are let go, `..` is refused.
pub(super) fn components(path: &str) -> Result<Vec<&str>, &'static str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("it has a `..` in it"),
            _ if part.contains('\0') => return Err("it has a NUL in it"),
            _ if part.len() > super::lookup::MAX_NAME => return Err("a part of it is too long"),
            _ => parts.push(part),
        }
    }
    Ok(parts)
}
