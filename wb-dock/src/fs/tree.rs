use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use wb_policy::{Budget, Exceeded};

use super::image::{Image, ImageNode, components};
use super::lookup::Lookup;
use super::node::{Body, Content, Directory, FileType, Node, NodeRef, Stat, Times};
use crate::error::{Error, ErrorKind};
use crate::limits::MemoryGauge;
use crate::wasi::{Errno, Fail};

/// Bytes counted for a node besides its content and name.
const NODE_COST: u64 = size_of::<Node>() as u64 + 64;
/// Bytes counted for a directory entry besides its name.
const ENTRY_COST: u64 = 96;
/// The most bytes a file can have: offsets are signed in WASI.
const MAX_FILE: u64 = i64::MAX as u64;

/// An [`Image`] at a place in the file system of a guest.
#[derive(Clone, Debug)]
pub struct Mount {
    at: String,
    image: Image,
    writable: bool,
}

impl Mount {
    /// Shows `image` at the path `at`; writing there fails with `EROFS`.
    pub fn read_only(at: impl Into<String>, image: Image) -> Self {
        Self {
            at: at.into(),
            image,
            writable: false,
        }
    }

    /// Shows `image` at the path `at` as the start of a tree the guest may change.
    ///
    /// The image stays as it is; the changed tree comes back in the outcome.
    pub fn writable(at: impl Into<String>, image: Image) -> Self {
        Self {
            at: at.into(),
            image,
            writable: true,
        }
    }
}

/// The file system of one run.
#[derive(Debug)]
pub(crate) struct FileSystem {
    images: Vec<MountedImage>,
    nodes: Vec<Node>,
    free: Vec<u32>,
    next_ino: u64,
    /// What the nodes are charged with now; the gauge holds the most it ever was.
    charged: u64,
    gauge: MemoryGauge,
}

#[derive(Debug)]
struct MountedImage {
    image: Image,
    /// The node that stands for the image's root.
    root: u32,
}

/// The root directory, when anything is mounted.
const ROOT: u32 = 0;

impl FileSystem {
    /// Mounts everything into one tree; without mounts there is no tree at all.
    pub(crate) fn new(mounts: Vec<Mount>, budget: &Budget) -> Result<Self, Error> {
        let mut fs = Self {
            images: Vec::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            next_ino: 1,
            charged: 0,
            gauge: MemoryGauge::new(budget.clone()),
        };
        if mounts.is_empty() {
            return Ok(fs);
        }
        fs.allocate(Body::Directory(Directory::new(ROOT)), false, 0)?;
        fs.nodes[ROOT as usize].links = 1;
        fs.nodes[ROOT as usize].mounted = true;
        let mut mounts = mounts;
        // The outer mount comes first, so that the inner one covers a part of it.
        mounts.sort_by_key(|mount| components(&mount.at).map_or(0, |parts| parts.len()));
        for mount in mounts {
            fs.mount(mount)?;
        }
        Ok(fs)
    }

    fn mount(&mut self, mount: Mount) -> Result<(), Error> {
        let bad = |reason| {
            Error::from(ErrorKind::BadPath {
                path: mount.at.clone(),
                reason,
            })
        };
        let parts = components(&mount.at).map_err(bad)?;
        let mut at = ROOT;
        for part in &parts {
            let child = self.directory(at).and_then(|directory| directory.get(part));
            at = match child {
                Some(node) if self.filetype(node) == FileType::Directory => {
                    self.adopt(at, part, node)?
                }
                Some(_) => return Err(bad("a part of it is a file")),
                None => {
                    let writable = self.nodes[at as usize].writable;
                    let new = self.allocate(Body::Directory(Directory::new(at)), writable, 0)?;
                    self.link_entry(at, part, NodeRef::Own(new))?;
                    new
                }
            };
        }
        let occupied = self.images.iter().any(|mounted| mounted.root == at)
            || self
                .directory(at)
                .is_some_and(|entries| !entries.is_empty());
        if occupied {
            return Err(bad("something is mounted there already"));
        }
        // The way to a mount cannot be moved away from under it.
        let mut up = at;
        while up != ROOT {
            self.nodes[up as usize].mounted = true;
            up = self
                .directory(up)
                .map_or(ROOT, |directory| directory.parent);
        }
        self.nodes[at as usize].writable = mount.writable;
        let image = self.images.len() as u32;
        self.images.push(MountedImage {
            image: mount.image,
            root: at,
        });
        let parent = self
            .directory(at)
            .map_or(ROOT, |directory| directory.parent);
        self.fill_directory(at, parent, image, 0)?;
        Ok(())
    }

    /// The directory that relative paths start from, if anything is mounted.
    pub(crate) fn root(&self) -> Option<NodeRef> {
        (!self.nodes.is_empty()).then_some(NodeRef::Own(ROOT))
    }

    // ---- nodes

    fn charge(&mut self, more: u64) -> Result<(), Exceeded> {
        let total = self.charged.saturating_add(more);
        self.gauge.raise_to(total)?;
        self.charged = total;
        Ok(())
    }

    fn allocate(&mut self, body: Body, writable: bool, now: u64) -> Result<u32, Exceeded> {
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

    fn image_node(&self, image: u32, node: u32) -> &ImageNode {
        self.images[image as usize].image.node(node)
    }

    fn directory(&self, id: u32) -> Option<&Directory> {
        match &self.nodes[id as usize].body {
            Body::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    fn directory_mut(&mut self, id: u32) -> Option<&mut Directory> {
        match &mut self.nodes[id as usize].body {
            Body::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    /// Makes a shared node this run's own, so that it can be changed.
    fn adopt(&mut self, parent: u32, name: &str, node: NodeRef) -> Result<u32, Exceeded> {
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
    fn fill_directory(
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
    fn link_entry(&mut self, parent: u32, name: &str, node: NodeRef) -> Result<(), Exceeded> {
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
    fn unlink_entry(&mut self, parent: u32, name: &str) {
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

    // ---- looking

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

    // ---- contents

    /// The bytes of a file.
    pub(crate) fn content(&self, node: NodeRef) -> Result<&[u8], Errno> {
        match node {
            NodeRef::Own(id) => match &self.nodes[id as usize].body {
                Body::File(content) => Ok(content.as_slice()),
                Body::Directory(_) => Err(Errno::Isdir),
                _ => Err(Errno::Inval),
            },
            NodeRef::Image { image, node } => match self.image_node(image, node) {
                ImageNode::File(content) => Ok(content),
                ImageNode::Directory { .. } => Err(Errno::Isdir),
                ImageNode::Symlink(_) => Err(Errno::Inval),
            },
        }
    }

    /// Gives the file a length of at least `len`, its content copied if it is still
    /// shared. Room at least doubles, so that many small writes cost what one costs.
    fn own_content(&mut self, node: NodeRef, len: u64) -> Result<&mut Vec<u8>, Fail> {
        let NodeRef::Own(id) = node else {
            return Err(Errno::Rofs.into());
        };
        if len > MAX_FILE {
            return Err(Errno::Fbig.into());
        }
        let node = &self.nodes[id as usize];
        let Body::File(content) = &node.body else {
            return Err(Errno::Isdir.into());
        };
        let (held, used) = match content {
            Content::Shared(bytes) => (0, bytes.len() as u64),
            Content::Own(bytes) => (bytes.capacity() as u64, bytes.len() as u64),
        };
        let needed = len.max(used);
        if needed > held {
            let roomy = needed.max(held.saturating_mul(2));
            let room = if self.charge(roomy - held).is_ok() {
                roomy
            } else {
                self.charge(needed - held)?;
                needed
            };
            let node = &mut self.nodes[id as usize];
            node.charged += room - held;
            let Body::File(content) = &mut node.body else {
                return Err(Errno::Isdir.into());
            };
            if let Content::Shared(shared) = content {
                let mut own = Vec::new();
                own.try_reserve_exact(room as usize)
                    .map_err(|_| Errno::Nospc)?;
                own.extend_from_slice(shared);
                *content = Content::Own(own);
            } else if let Content::Own(own) = content {
                own.try_reserve_exact(room as usize - own.len())
                    .map_err(|_| Errno::Nospc)?;
            }
        }
        let node = &mut self.nodes[id as usize];
        node.changed = true;
        match &mut node.body {
            Body::File(Content::Own(own)) => Ok(own),
            Body::File(content) => {
                // An empty shared file: nothing to copy, nothing to count.
                *content = Content::Own(Vec::new());
                match content {
                    Content::Own(own) => Ok(own),
                    Content::Shared(_) => unreachable!("just made own"),
                }
            }
            _ => Err(Errno::Isdir.into()),
        }
    }

    /// Writes at `offset`; a gap before it is filled with zeros.
    pub(crate) fn write(
        &mut self,
        node: NodeRef,
        offset: u64,
        bytes: &[u8],
        now: u64,
    ) -> Result<(), Fail> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(Errno::Fbig)?;
        let content = self.own_content(node, end)?;
        let (start, end) = (offset as usize, end as usize);
        if start >= content.len() {
            content.resize(start, 0);
            content.extend_from_slice(bytes);
        } else {
            if content.len() < end {
                content.resize(end, 0);
            }
            content[start..end].copy_from_slice(bytes);
        }
        self.touch(node, now);
        Ok(())
    }

    /// Cuts the file to `len` bytes, or fills it up with zeros.
    pub(crate) fn set_len(&mut self, node: NodeRef, len: u64, now: u64) -> Result<(), Fail> {
        if len == 0
            && let NodeRef::Own(id) = node
            && let Body::File(content) = &mut self.nodes[id as usize].body
            && matches!(content, Content::Shared(_))
        {
            // Nothing of the shared bytes is kept, so nothing need be copied.
            *content = Content::Own(Vec::new());
        }
        let content = self.own_content(node, len)?;
        content.resize(len as usize, 0);
        self.touch(node, now);
        Ok(())
    }

    fn touch(&mut self, node: NodeRef, now: u64) {
        if let NodeRef::Own(id) = node {
            let times = &mut self.nodes[id as usize].times;
            times.modified = now;
            times.changed = now;
        }
    }

    /// Sets the times that are given.
    pub(crate) fn set_times(
        &mut self,
        node: NodeRef,
        accessed: Option<u64>,
        modified: Option<u64>,
        now: u64,
    ) -> Result<(), Errno> {
        let NodeRef::Own(id) = node else {
            return Err(Errno::Rofs);
        };
        let node = &mut self.nodes[id as usize];
        if !node.writable {
            return Err(Errno::Rofs);
        }
        node.times.accessed = accessed.unwrap_or(node.times.accessed);
        node.times.modified = modified.unwrap_or(node.times.modified);
        node.times.changed = now;
        Ok(())
    }

    // ---- changing the tree

    /// The own, writable directory behind `node`.
    fn writable_directory(&self, node: NodeRef) -> Result<u32, Errno> {
        match node {
            NodeRef::Own(id) if self.nodes[id as usize].writable => {
                // A removed directory is still open somewhere, and takes nothing new.
                if self.nodes[id as usize].links == 0 {
                    return Err(Errno::Noent);
                }
                Ok(id)
            }
            _ => Err(Errno::Rofs),
        }
    }

    /// Makes what was looked up this run's own if its mount is writable.
    pub(crate) fn adopted(&mut self, at: &Lookup, node: NodeRef) -> Result<NodeRef, Fail> {
        match (at.parent, &at.name, node) {
            (NodeRef::Own(parent), Some(name), NodeRef::Image { .. })
                if self.nodes[parent as usize].writable =>
            {
                Ok(NodeRef::Own(self.adopt(parent, name, node)?))
            }
            _ => Ok(node),
        }
    }

    /// Whether the guest may change `node`.
    pub(crate) fn is_writable(&self, node: NodeRef) -> bool {
        matches!(node, NodeRef::Own(id) if self.nodes[id as usize].writable)
    }

    fn create(&mut self, at: &Lookup, body: Body, now: u64) -> Result<NodeRef, Fail> {
        if at.node.is_some() {
            return Err(Errno::Exist.into());
        }
        let name = at.name.as_deref().ok_or(Errno::Exist)?;
        let parent = self.writable_directory(at.parent)?;
        let id = self.allocate(body, true, now)?;
        self.nodes[id as usize].changed = true;
        self.link_entry(parent, name, NodeRef::Own(id))?;
        self.touch(at.parent, now);
        Ok(NodeRef::Own(id))
    }

    pub(crate) fn create_file(&mut self, at: &Lookup, now: u64) -> Result<NodeRef, Fail> {
        if at.directory {
            return Err(Errno::Isdir.into());
        }
        self.create(at, Body::File(Content::Own(Vec::new())), now)
    }

    pub(crate) fn create_directory(&mut self, at: &Lookup, now: u64) -> Result<(), Fail> {
        self.create(at, Body::Directory(Directory::new(ROOT)), now)?;
        Ok(())
    }

    pub(crate) fn create_symlink(
        &mut self,
        at: &Lookup,
        target: &str,
        now: u64,
    ) -> Result<(), Fail> {
        if at.directory {
            return Err(Errno::Noent.into());
        }
        let node = self.create(at, Body::Symlink(target.into()), now)?;
        let cost = target.len() as u64;
        self.charge(cost)?;
        if let NodeRef::Own(id) = node {
            self.nodes[id as usize].charged += cost;
        }
        Ok(())
    }

    pub(crate) fn hard_link(&mut self, from: &Lookup, to: &Lookup, now: u64) -> Result<(), Fail> {
        let node = from.existing(self)?;
        if self.filetype(node) == FileType::Directory {
            return Err(Errno::Perm.into());
        }
        if to.node.is_some() {
            return Err(Errno::Exist.into());
        }
        let name = to.name.as_deref().ok_or(Errno::Exist)?;
        if to.directory {
            return Err(Errno::Noent.into());
        }
        let parent = self.writable_directory(to.parent)?;
        let node = self.adopted(from, node)?;
        let NodeRef::Own(id) = node else {
            return Err(Errno::Rofs.into());
        };
        if !self.nodes[id as usize].writable {
            return Err(Errno::Rofs.into());
        }
        if self.nodes[id as usize].links == u32::MAX {
            return Err(Errno::Mlink.into());
        }
        self.link_entry(parent, name, node)?;
        self.touch(to.parent, now);
        Ok(())
    }

    pub(crate) fn unlink_file(&mut self, at: &Lookup, now: u64) -> Result<(), Fail> {
        let node = at.node.ok_or(Errno::Noent)?;
        if self.filetype(node) == FileType::Directory {
            return Err(Errno::Isdir.into());
        }
        if at.directory {
            return Err(Errno::Notdir.into());
        }
        let name = at.name.as_deref().ok_or(Errno::Isdir)?;
        let parent = self.writable_directory(at.parent)?;
        self.unlink_entry(parent, name);
        self.touch(at.parent, now);
        Ok(())
    }

    pub(crate) fn remove_directory(&mut self, at: &Lookup, now: u64) -> Result<(), Fail> {
        let node = at.node.ok_or(Errno::Noent)?;
        if self.filetype(node) != FileType::Directory {
            return Err(Errno::Notdir.into());
        }
        let name = at.name.as_deref().ok_or(Errno::Inval)?;
        let parent = self.writable_directory(at.parent)?;
        self.check_removable(node)?;
        self.unlink_entry(parent, name);
        self.touch(at.parent, now);
        Ok(())
    }

    /// A directory must be empty, and nothing may be mounted at or below it.
    fn check_removable(&self, node: NodeRef) -> Result<(), Errno> {
        let NodeRef::Own(id) = node else {
            return Err(Errno::Rofs);
        };
        if self.nodes[id as usize].mounted {
            return Err(Errno::Busy);
        }
        match self.directory(id) {
            Some(directory) if !directory.is_empty() => Err(Errno::Notempty),
            _ => Ok(()),
        }
    }

    pub(crate) fn rename(&mut self, from: &Lookup, to: &Lookup, now: u64) -> Result<(), Fail> {
        let node = from.existing(self)?;
        let (Some(old), Some(new)) = (from.name.as_deref(), to.name.as_deref()) else {
            return Err(Errno::Busy.into());
        };
        let old_parent = self.writable_directory(from.parent)?;
        let new_parent = self.writable_directory(to.parent)?;
        let is_directory = self.filetype(node) == FileType::Directory;
        if let NodeRef::Own(id) = node {
            if self.nodes[id as usize].mounted {
                return Err(Errno::Busy.into());
            }
            if is_directory && self.is_within(new_parent, id) {
                return Err(Errno::Inval.into());
            }
        }
        match to.node {
            Some(existing) if existing == node => return Ok(()),
            Some(existing) => {
                match (is_directory, self.filetype(existing) == FileType::Directory) {
                    (true, true) => self.check_removable(existing)?,
                    (true, false) => return Err(Errno::Notdir.into()),
                    (false, true) => return Err(Errno::Isdir.into()),
                    (false, false) if to.directory => return Err(Errno::Notdir.into()),
                    (false, false) => {}
                }
                self.unlink_entry(new_parent, new);
            }
            None if to.directory && !is_directory => return Err(Errno::Notdir.into()),
            None => {}
        }
        // Named anew before the old name goes, so that the node is never without one.
        self.link_entry(new_parent, new, node)?;
        self.unlink_entry(old_parent, old);
        self.touch(from.parent, now);
        self.touch(to.parent, now);
        if let NodeRef::Own(id) = node {
            let node = &mut self.nodes[id as usize];
            node.times.changed = now;
            node.changed = true;
        }
        Ok(())
    }

    /// Whether directory `id` is `above` or somewhere below it.
    fn is_within(&self, id: u32, above: u32) -> bool {
        let mut at = id;
        loop {
            if at == above {
                return true;
            }
            if at == ROOT {
                return false;
            }
            at = self
                .directory(at)
                .map_or(ROOT, |directory| directory.parent);
        }
    }

    pub(crate) fn read_link(&self, at: &Lookup) -> Result<&str, Errno> {
        let node = at.existing(self)?;
        if self.filetype(node) != FileType::SymbolicLink {
            return Err(Errno::Inval);
        }
        Ok(self.link_target(node))
    }

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
        Files(self)
    }
}

/// The writable part of a guest's file system after its run.
///
/// Nothing is copied to make it: contents are shared out of the tree as they are.
pub struct Files(FileSystem);

impl Files {
    /// The content of the file at `path`, as the guest named it.
    ///
    /// Looks into read-only mounts as well, and follows links.
    pub fn get(&mut self, path: &str) -> Option<Bytes> {
        let base = self.0.root()?;
        let found = self
            .0
            .lookup(base, path.trim_start_matches('/'), true)
            .ok()?;
        self.0.shared_content(found.node?)
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
        let fs = &self.0;
        let mut found = Vec::new();
        let mut open: Vec<(String, NodeRef)> = fs
            .root()
            .map(|root| (String::new(), root))
            .into_iter()
            .collect();
        while let Some((path, node)) = open.pop() {
            match node {
                NodeRef::Own(id) => {
                    let own = &fs.nodes[id as usize];
                    match &own.body {
                        Body::Directory(directory) => open.extend(
                            directory
                                .iter()
                                .filter(|(_, child)| {
                                    matches!(child, NodeRef::Own(_)) || own.writable
                                })
                                .map(|(name, child)| (format!("{path}/{name}"), child)),
                        ),
                        Body::File(Content::Shared(content))
                            if own.writable && (own.changed || !only_changed) =>
                        {
                            found.push((path, content.clone()));
                        }
                        _ => {}
                    }
                }
                NodeRef::Image { image, node } => match fs.image_node(image, node) {
                    ImageNode::Directory { entries, .. } => {
                        open.extend(entries.iter().map(|(name, node)| {
                            (
                                format!("{path}/{name}"),
                                NodeRef::Image { image, node: *node },
                            )
                        }));
                    }
                    ImageNode::File(content) if !only_changed => {
                        found.push((path, content.clone()));
                    }
                    // A file that is still shared was not changed.
                    ImageNode::File(_) | ImageNode::Symlink(_) => {}
                },
            }
        }
        found.sort();
        found
    }
}

impl FileSystem {
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
