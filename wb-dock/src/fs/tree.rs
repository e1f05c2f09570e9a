use std::sync::Arc;

use wb_policy::{Budget, Exceeded};

use super::image::{Image, ImageNode};
use super::node::{Body, Content, Directory, FileType, Node, NodeRef, Stat, Times};
use crate::limits::MemoryGauge;
use crate::wasi::{Errno, Fail};

/// Bytes counted for a node besides its content and name.
const NODE_COST: u64 = size_of::<Node>() as u64 + 64;
/// Bytes counted for a directory entry besides its name.
const ENTRY_COST: u64 = 96;

/// The file system of one run.
#[derive(Debug)]
pub(crate) struct FileSystem {
    pub(super) images: Vec<MountedImage>,
    pub(super) nodes: Vec<Node>,
    free: Vec<u32>,
    next_ino: u64,
    /// What the nodes are charged with now; the gauge holds the most it ever was.
    charged: u64,
    gauge: MemoryGauge,
}

#[derive(Debug)]
pub(super) struct MountedImage {
    pub(super) image: Image,
    /// The node that stands for the image's root.
    pub(super) root: u32,
}

/// The root directory, when anything is mounted.
pub(super) const ROOT: u32 = 0;

impl FileSystem {
    /// A file system without anything in it, not even a root.
    pub(super) fn empty(budget: &Budget) -> Self {
        Self {
            images: Vec::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            next_ino: 1,
            charged: 0,
            gauge: MemoryGauge::new(budget.clone()),
        }
    }

    /// The directory that relative paths start from, if anything is mounted.
    pub(crate) fn root(&self) -> Option<NodeRef> {
        (!self.nodes.is_empty()).then_some(NodeRef::Own(ROOT))
    }

    pub(super) fn charge(&mut self, more: u64) -> Result<(), Exceeded> {
        let total = self.charged.saturating_add(more);
        self.gauge.raise_to(total)?;
        self.charged = total;
        Ok(())
    }

    pub(super) fn allocate(
        &mut self,
        body: Body,
        writable: bool,
        now: u64,
    ) -> Result<u32, Exceeded> {
        self.charge(NODE_COST)?;
        let node = Node {
            body,
            ino: self.next_ino,
            times: Times::all(now),
            links: 0,
            opens: 0,
            writable,
            mounted: false,
            changed: false,
            charged: NODE_COST,
        };
        self.next_ino += 1;
        if let Some(id) = self.free.pop() {
            self.nodes[id as usize] = node;
            return Ok(id);
        }
        self.nodes.push(node);
        Ok(self.nodes.len() as u32 - 1)
    }

    /// Frees a node that nothing names and nobody holds open.
    fn collect(&mut self, id: u32) {
        let node = &mut self.nodes[id as usize];
        if node.links == 0 && node.opens == 0 && !matches!(node.body, Body::Free) {
            self.charged -= node.charged;
            node.charged = 0;
            node.body = Body::Free;
            self.free.push(id);
        }
    }

    /// Holds a node open: it outlives its last name until it is released.
    pub(crate) fn retain(&mut self, node: NodeRef) {
        if let NodeRef::Own(id) = node {
            self.nodes[id as usize].opens += 1;
        }
    }

    pub(crate) fn release(&mut self, node: NodeRef) {
        if let NodeRef::Own(id) = node {
            self.nodes[id as usize].opens -= 1;
            self.collect(id);
        }
    }

    pub(super) fn image_node(&self, image: u32, node: u32) -> &ImageNode {
        self.images[image as usize].image.node(node)
    }

    pub(super) fn directory(&self, id: u32) -> Option<&Directory> {
        match &self.nodes[id as usize].body {
            Body::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    pub(super) fn directory_mut(&mut self, id: u32) -> Option<&mut Directory> {
        match &mut self.nodes[id as usize].body {
            Body::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    /// Makes a shared node this run's own, so that it can be changed.
    pub(super) fn adopt(
        &mut self,
        parent: u32,
        name: &str,
        node: NodeRef,
    ) -> Result<u32, Exceeded> {
        let NodeRef::Image {
            image,
            node: shared,
        } = node
        else {
            let NodeRef::Own(id) = node else {
                unreachable!("the two kinds of nodes")
            };
            return Ok(id);
        };
        let body = match self.image_node(image, shared) {
            ImageNode::File(content) => Body::File(Content::Shared(content.clone())),
            ImageNode::Symlink(target) => Body::Symlink(target.clone()),
            ImageNode::Directory { .. } => Body::Directory(Directory::new(parent)),
        };
        let is_directory = matches!(body, Body::Directory(_));
        let writable = self.nodes[parent as usize].writable;
        let id = self.allocate(body, writable, 0)?;
        if is_directory {
            self.fill_directory(id, parent, image, shared)?;
        }
        let ino = self.stat(node).ino;
        let own = &mut self.nodes[id as usize];
        own.ino = ino;
        own.links = 1;
        if let Some(directory) = self.directory_mut(parent) {
            directory.set(name, NodeRef::Own(id));
        }
        Ok(id)
    }

    /// Lists the entries of a shared directory in an own one.
    pub(super) fn fill_directory(
        &mut self,
        id: u32,
        parent: u32,
        image: u32,
        shared: u32,
    ) -> Result<(), Exceeded> {
        let ImageNode::Directory { entries, .. } = self.image_node(image, shared) else {
            return Ok(());
        };
        let cost = entries
            .iter()
            .map(|(name, _)| ENTRY_COST + name.len() as u64)
            .sum();
        let listed = entries
            .iter()
            .map(|(name, node)| (Arc::clone(name), NodeRef::Image { image, node: *node }));
        let directory = Directory::with_entries(parent, listed);
        self.charge(cost)?;
        let node = &mut self.nodes[id as usize];
        node.charged += cost;
        node.body = Body::Directory(directory);
        Ok(())
    }

    /// Adds an entry and counts it.
    pub(super) fn link_entry(
        &mut self,
        parent: u32,
        name: &str,
        node: NodeRef,
    ) -> Result<(), Exceeded> {
        let cost = ENTRY_COST + name.len() as u64;
        self.charge(cost)?;
        self.nodes[parent as usize].charged += cost;
        if let Some(directory) = self.directory_mut(parent) {
            directory.set(name, node);
        }
        if let NodeRef::Own(id) = node {
            self.nodes[id as usize].links += 1;
            if let Some(directory) = self.directory_mut(id) {
                directory.parent = parent;
            }
        }
        Ok(())
    }

    /// Removes an entry, and with the last one the node.
    pub(super) fn unlink_entry(&mut self, parent: u32, name: &str) {
        let Some(node) = self
            .directory_mut(parent)
            .and_then(|directory| directory.remove(name))
        else {
            return;
        };
        let cost = ENTRY_COST + name.len() as u64;
        self.nodes[parent as usize].charged -= cost;
        self.charged -= cost;
        if let NodeRef::Own(id) = node {
            self.nodes[id as usize].links -= 1;
            self.collect(id);
        }
    }

    pub(crate) fn filetype(&self, node: NodeRef) -> FileType {
        match node {
            NodeRef::Own(id) => match self.nodes[id as usize].body {
                Body::File(_) => FileType::RegularFile,
                Body::Directory(_) => FileType::Directory,
                Body::Symlink(_) => FileType::SymbolicLink,
                Body::Free => FileType::Unknown,
            },
            NodeRef::Image { image, node } => match self.image_node(image, node) {
                ImageNode::File(_) => FileType::RegularFile,
                ImageNode::Directory { .. } => FileType::Directory,
                ImageNode::Symlink(_) => FileType::SymbolicLink,
            },
        }
    }

    pub(super) fn link_target(&self, node: NodeRef) -> &str {
        match node {
            NodeRef::Own(id) => match &self.nodes[id as usize].body {
                Body::Symlink(target) => target,
                _ => "",
            },
            NodeRef::Image { image, node } => match self.image_node(image, node) {
                ImageNode::Symlink(target) => target,
                _ => "",
            },
        }
    }

    /// The entry `name` of a directory. In a writable mount a shared directory is
    /// made own on the way, so that whatever follows can change it.
    pub(super) fn child(&mut self, parent: NodeRef, name: &str) -> Result<Option<NodeRef>, Fail> {
        match parent {
            NodeRef::Own(id) => {
                let directory = self.directory(id).ok_or(Errno::Notdir)?;
                let Some(node) = directory.get(name) else {
                    return Ok(None);
                };
                let shared = matches!(node, NodeRef::Image { .. });
                if shared
                    && self.nodes[id as usize].writable
                    && self.filetype(node) == FileType::Directory
                {
                    return Ok(Some(NodeRef::Own(self.adopt(id, name, node)?)));
                }
                Ok(Some(node))
            }
            NodeRef::Image { image, node } => {
                let mounted = &self.images[image as usize].image;
                if !matches!(mounted.node(node), ImageNode::Directory { .. }) {
                    return Err(Errno::Notdir.into());
                }
                Ok(mounted
                    .child(node, name)
                    .map(|node| NodeRef::Image { image, node }))
            }
        }
    }

    pub(crate) fn stat(&self, node: NodeRef) -> Stat {
        let filetype = self.filetype(node);
        match node {
            NodeRef::Own(id) => {
                let node = &self.nodes[id as usize];
                let size = match &node.body {
                    Body::File(content) => content.len(),
                    Body::Symlink(target) => target.len(),
                    Body::Directory(_) | Body::Free => 0,
                };
                Stat {
                    ino: node.ino,
                    filetype,
                    links: u64::from(node.links),
                    size: size as u64,
                    times: node.times,
                }
            }
            NodeRef::Image { image, node } => {
                let size = match self.image_node(image, node) {
                    ImageNode::File(content) => content.len(),
                    ImageNode::Symlink(target) => target.len(),
                    ImageNode::Directory { .. } => 0,
                };
                Stat {
                    // Own nodes count from 1, so the upper half tells them apart.
                    ino: (u64::from(image) + 1) << 32 | u64::from(node),
                    filetype,
                    links: 1,
                    size: size as u64,
                    times: Times::default(),
                }
            }
        }
    }

    /// Entry number `cookie` of a listing or the first after it, with the cookie
    /// of the next one. The first two are `.` and `..`.
    pub(crate) fn entry(&self, directory: NodeRef, cookie: u64) -> Option<(u64, &str, NodeRef)> {
        match cookie {
            0 => return Some((1, ".", directory)),
            1 => return Some((2, "..", self.parent(directory))),
            _ => {}
        }
        let slot = usize::try_from(cookie - 2).ok()?;
        match directory {
            NodeRef::Own(id) => {
                let (at, name, node) = self.directory(id)?.at_or_after(slot)?;
                Some((at as u64 + 3, name, node))
            }
            NodeRef::Image { image, node } => {
                let ImageNode::Directory { entries, .. } = self.image_node(image, node) else {
                    return None;
                };
                let (name, node) = entries.get(slot)?;
                Some((cookie + 1, name, NodeRef::Image { image, node: *node }))
            }
        }
    }

    fn parent(&self, directory: NodeRef) -> NodeRef {
        match directory {
            NodeRef::Own(id) => NodeRef::Own(
                self.directory(id)
                    .map_or(ROOT, |directory| directory.parent),
            ),
            NodeRef::Image { image, node } => match self.image_node(image, node) {
                ImageNode::Directory { parent: 0, .. } => {
                    NodeRef::Own(self.images[image as usize].root)
                }
                ImageNode::Directory { parent, .. } => NodeRef::Image {
                    image,
                    node: *parent,
                },
                _ => directory,
            },
        }
    }
}
