//! Writing to files, and changing the tree.

use super::image::ImageNode;
use super::lookup::Lookup;
use super::node::{Body, Content, Directory, FileType, NodeRef};
use super::tree::{FileSystem, ROOT};
use crate::wasi::{Errno, Fail};

/// The most bytes a file can have: offsets are signed in WASI.
const MAX_FILE: u64 = i64::MAX as u64;

impl FileSystem {
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

    /// The bytes of a file as the run's own, with room for `len`: copied if they are
    /// still shared. Room at least doubles, so that many small writes cost what one
    /// large one does.
    fn own_content(&mut self, node: NodeRef, len: u64) -> Result<&mut Vec<u8>, Fail> {
        let NodeRef::Own(id) = node else {
            return Err(Errno::Rofs.into());
        };
        if len > MAX_FILE {
            return Err(Errno::Fbig.into());
        }
        let (held, used) = match &self.nodes[id as usize].body {
            Body::File(Content::Shared(bytes)) => (0, bytes.len()),
            Body::File(Content::Own(bytes)) => (bytes.capacity() as u64, bytes.len()),
            _ => return Err(Errno::Isdir.into()),
        };
        let needed = len.max(used as u64);
        let room = if needed <= held {
            held
        } else {
            let roomy = needed.max(held.saturating_mul(2));
            // The last bytes of a budget are there for who needs no more than them.
            if self.charge(roomy - held).is_ok() {
                roomy
            } else {
                self.charge(needed - held)?;
                needed
            }
        };
        let node = &mut self.nodes[id as usize];
        node.charged += room - held;
        node.changed = true;
        let Body::File(content) = &mut node.body else {
            return Err(Errno::Isdir.into());
        };
        content.make_own(room as usize)?;
        match content {
            Content::Own(own) => Ok(own),
            Content::Shared(_) => unreachable!("made own above"),
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
        if at.directory && at.node.is_none() {
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
        let node = self.adopted(from, node)?;
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
}
