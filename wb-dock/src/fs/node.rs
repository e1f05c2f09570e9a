use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::wasi::Errno;

/// A file, directory or link, as something that can be held open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeRef {
    /// Of this run alone: the index in the run's own nodes.
    Own(u32),
    /// Still the shared one of a mounted image.
    Image { image: u32, node: u32 },
}

/// What a node is; values are `filetype` of WASI preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FileType {
    Unknown = 0,
    Directory = 3,
    RegularFile = 4,
    SymbolicLink = 7,
}

/// Nanoseconds since the Unix epoch, by the guest's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) accessed: u64,
    pub(crate) modified: u64,
    pub(crate) changed: u64,
}

impl Times {
    pub(super) fn all(now: u64) -> Self {
        Self {
            accessed: now,
            modified: now,
            changed: now,
        }
    }
}

/// What `filestat` tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub(crate) ino: u64,
    pub(crate) filetype: FileType,
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) times: Times,
}

/// A node of this run alone.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) body: Body,
    pub(super) ino: u64,
    pub(super) times: Times,
    /// Directory entries that name this node.
    pub(super) links: u32,
    /// Descriptors that hold it open; it lives until both counts are zero.
    pub(super) opens: u32,
    /// Whether the guest may change it: true in writable mounts.
    pub(super) writable: bool,
    /// Whether something is mounted here, so that it cannot be moved or removed.
    pub(super) mounted: bool,
    /// Whether the guest made it or wrote to it.
    pub(super) changed: bool,
    /// Bytes charged for it to the run's memory, its content included.
    pub(super) charged: u64,
}

#[derive(Debug)]
pub(super) enum Body {
    File(Content),
    Directory(Directory),
    Symlink(Box<str>),
    /// Not in use; its place is on the free list.
    Free,
}

/// The bytes of a file, copied from the shared ones at the first write.
#[derive(Debug)]
pub(super) enum Content {
    Shared(Bytes),
    Own(Vec<u8>),
}

impl Content {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Copies shared bytes, and makes room for `room` bytes in all.
    pub(super) fn make_own(&mut self, room: usize) -> Result<(), Errno> {
        match self {
            Self::Own(own) => own
                .try_reserve_exact(room.saturating_sub(own.len()))
                .map_err(|_| Errno::Nospc),
            Self::Shared(shared) => {
                let mut own = Vec::new();
                own.try_reserve_exact(room).map_err(|_| Errno::Nospc)?;
                own.extend_from_slice(shared);
                *self = Self::Own(own);
                Ok(())
            }
        }
    }
}

/// A directory whose listing order never shifts: removing an entry leaves a gap
/// that the next new entry fills, so a cookie (the place in the listing) stays
/// good while a guest deletes what it reads.
#[derive(Debug)]
pub(super) struct Directory {
    /// The directory above; the root is its own.
    pub(super) parent: u32,
    slots: Vec<Option<(Arc<str>, NodeRef)>>,
    vacant: Vec<u32>,
    index: BTreeMap<Arc<str>, u32>,
}

impl Directory {
    pub(super) fn new(parent: u32) -> Self {
        Self {
            parent,
            slots: Vec::new(),
            vacant: Vec::new(),
            index: BTreeMap::new(),
        }
    }

    pub(super) fn with_entries(
        parent: u32,
        entries: impl ExactSizeIterator<Item = (Arc<str>, NodeRef)>,
    ) -> Self {
        let slots: Vec<_> = entries.map(Some).collect();
        let index = slots
            .iter()
            .flatten()
            .zip(0..)
            .map(|((name, _), slot)| (Arc::clone(name), slot))
            .collect();
        Self {
            parent,
            slots,
            vacant: Vec::new(),
            index,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<NodeRef> {
        let slot = *self.index.get(name)?;
        self.slots[slot as usize].as_ref().map(|(_, node)| *node)
    }

    /// Adds an entry, or lets an existing one name another node.
    pub(super) fn set(&mut self, name: &str, node: NodeRef) {
        if let Some(slot) = self.index.get(name) {
            if let Some(entry) = &mut self.slots[*slot as usize] {
                entry.1 = node;
            }
            return;
        }
        let name: Arc<str> = name.into();
        let entry = Some((Arc::clone(&name), node));
        let slot = if let Some(slot) = self.vacant.pop() {
            self.slots[slot as usize] = entry;
            slot
        } else {
            self.slots.push(entry);
            self.slots.len() as u32 - 1
        };
        self.index.insert(name, slot);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<NodeRef> {
        let slot = self.index.remove(name)?;
        self.vacant.push(slot);
        self.slots[slot as usize].take().map(|(_, node)| node)
    }

    /// The first entry at or after place `slot`, with its place.
    pub(super) fn at_or_after(&self, slot: usize) -> Option<(usize, &Arc<str>, NodeRef)> {
        self.slots
            .iter()
            .enumerate()
            .skip(slot)
            .find_map(|(at, entry)| entry.as_ref().map(|(name, node)| (at, name, *node)))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, NodeRef)> {
        self.slots
            .iter()
            .flatten()
            .map(|(name, node)| (name, *node))
    }
}
