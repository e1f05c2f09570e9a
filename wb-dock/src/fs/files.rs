use std::fmt;

use bytes::Bytes;

use super::image::ImageNode;
use super::node::{Body, Content, NodeRef};
use super::tree::FileSystem;

/// The writable part of a guest's file system after its run.
///
/// Nothing is copied to make it: contents are shared out of the tree as they are.
#[derive(Default)]
pub struct Files(Left);

/// What a run left.
enum Left {
    /// Its tree.
    Tree(FileSystem),
    /// What a run elsewhere reported: path, content, and whether it was changed.
    Listed(Vec<(String, Bytes, bool)>),
}

impl Default for Left {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Files {
    /// The files of a run that happened elsewhere: for each its path, its content
    /// and whether the guest changed it.
    pub fn listed(files: impl IntoIterator<Item = (String, Bytes, bool)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort();
        Self(Left::Listed(files))
    }

    /// The content of the file at `path`, as the guest named it.
    ///
    /// Looks into read-only mounts as well, and follows links; those of a run that
    /// happened elsewhere are only found by their own path.
    pub fn get(&mut self, path: &str) -> Option<Bytes> {
        let path = path.trim_start_matches('/');
        match &mut self.0 {
            Left::Tree(fs) => {
                let base = fs.root()?;
                let found = fs.lookup(base, path, true).ok()?;
                fs.shared_content(found.node?)
            }
            Left::Listed(files) => files
                .iter()
                .find(|(held, ..)| held.trim_start_matches('/') == path)
                .map(|(_, content, _)| content.clone()),
        }
    }

    /// Every file of the writable mounts, by its full path, in the order of paths.
    pub fn all(&self) -> Vec<(String, Bytes)> {
        self.collect(false)
    }

    /// The files that the guest made, wrote to or moved.
    pub fn changed(&self) -> Vec<(String, Bytes)> {
        self.collect(true)
    }

    fn collect(&self, only_changed: bool) -> Vec<(String, Bytes)> {
        let mut found = Vec::new();
        let fs = match &self.0 {
            Left::Tree(fs) => fs,
            Left::Listed(files) => {
                let wanted = files
                    .iter()
                    .filter(|(.., changed)| *changed || !only_changed);
                found.extend(wanted.map(|(path, content, _)| (path.clone(), content.clone())));
                return found;
            }
        };
        let Some(root) = fs.root() else {
            return found;
        };
        // What is below a directory that was made or moved is where it was not before.
        let mut open = vec![(String::new(), root, !only_changed)];
        while let Some((path, node, wanted)) = open.pop() {
            let below = |name: &str| format!("{path}/{name}");
            match node {
                NodeRef::Own(id) => {
                    let own = &fs.nodes[id as usize];
                    let wanted = wanted || own.changed;
                    match &own.body {
                        Body::Directory(directory) => {
                            // A read-only directory may lead to a writable mount, but
                            // only by way of nodes of this run.
                            let leads = |node| own.writable || matches!(node, NodeRef::Own(_));
                            let entries = directory.iter().filter(|(_, node)| leads(*node));
                            open.extend(entries.map(|(name, node)| (below(name), node, wanted)));
                        }
                        Body::File(Content::Shared(content)) if own.writable && wanted => {
                            found.push((path, content.clone()));
                        }
                        _ => {}
                    }
                }
                NodeRef::Image { image, node } => match fs.image_node(image, node) {
                    ImageNode::Directory { entries, .. } if wanted => {
                        let node = |node| NodeRef::Image { image, node };
                        let entries = entries.iter();
                        open.extend(entries.map(|(name, id)| (below(name), node(*id), wanted)));
                    }
                    ImageNode::File(content) if wanted => found.push((path, content.clone())),
                    _ => {}
                },
            }
        }
        found.sort();
        found
    }
}

impl FileSystem {
    /// What the guest leaves behind.
    pub(crate) fn into_files(mut self) -> Files {
        for node in &mut self.nodes {
            if let Body::File(content @ Content::Own(_)) = &mut node.body
                && let Content::Own(bytes) =
                    std::mem::replace(content, Content::Shared(Bytes::new()))
            {
                *content = Content::Shared(Bytes::from(bytes));
            }
        }
        Files(Left::Tree(self))
    }

    fn shared_content(&self, node: NodeRef) -> Option<Bytes> {
        match node {
            NodeRef::Own(id) => match &self.nodes[id as usize].body {
                Body::File(Content::Shared(content)) => Some(content.clone()),
                _ => None,
            },
            NodeRef::Image { image, node } => match self.image_node(image, node) {
                ImageNode::File(content) => Some(content.clone()),
                _ => None,
            },
        }
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.changed().iter().map(|(path, _)| path))
            .finish()
    }
}
