use super::errno::Errno;
use crate::fs::NodeRef;

/// Descriptors open at one time at most; each costs the host memory.
const MAX_OPEN: usize = 1024;

/// `rights` of WASI: what may be done with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights(pub(super) u64);

impl Rights {
    pub(super) const FD_READ: Self = Self(1 << 1);
    pub(super) const FD_SEEK: Self = Self(1 << 2);
    pub(super) const FD_FDSTAT_SET_FLAGS: Self = Self(1 << 3);
    pub(super) const FD_TELL: Self = Self(1 << 5);
    pub(super) const FD_WRITE: Self = Self(1 << 6);
    pub(super) const FD_ALLOCATE: Self = Self(1 << 8);
    pub(super) const PATH_CREATE_DIRECTORY: Self = Self(1 << 9);
    pub(super) const PATH_CREATE_FILE: Self = Self(1 << 10);
    pub(super) const PATH_LINK_SOURCE: Self = Self(1 << 11);
    pub(super) const PATH_LINK_TARGET: Self = Self(1 << 12);
    pub(super) const PATH_OPEN: Self = Self(1 << 13);
    pub(super) const FD_READDIR: Self = Self(1 << 14);
    pub(super) const PATH_READLINK: Self = Self(1 << 15);
    pub(super) const PATH_RENAME_SOURCE: Self = Self(1 << 16);
    pub(super) const PATH_RENAME_TARGET: Self = Self(1 << 17);
    pub(super) const PATH_FILESTAT_GET: Self = Self(1 << 18);
    pub(super) const PATH_FILESTAT_SET_SIZE: Self = Self(1 << 19);
    pub(super) const PATH_FILESTAT_SET_TIMES: Self = Self(1 << 20);
    pub(super) const FD_FILESTAT_GET: Self = Self(1 << 21);
    pub(super) const FD_FILESTAT_SET_SIZE: Self = Self(1 << 22);
    pub(super) const FD_FILESTAT_SET_TIMES: Self = Self(1 << 23);
    pub(super) const PATH_SYMLINK: Self = Self(1 << 24);
    pub(super) const PATH_REMOVE_DIRECTORY: Self = Self(1 << 25);
    pub(super) const PATH_UNLINK_FILE: Self = Self(1 << 26);
    pub(super) const POLL_FD_READWRITE: Self = Self(1 << 27);

    /// Every right of a file or directory: bits 0 to 27, without the socket ones.
    pub(super) const ALL: Self = Self((1 << 28) - 1);
    /// What makes sense on a file.
    pub(super) const FILE: Self = Self(
        0b1_1111_1111
            | Self::FD_FILESTAT_GET.0
            | Self::FD_FILESTAT_SET_SIZE.0
            | Self::FD_FILESTAT_SET_TIMES.0
            | Self::POLL_FD_READWRITE.0,
    );
    /// What makes sense on a directory: all but reading, writing and seeking.
    pub(super) const DIRECTORY: Self = Self(
        Self::ALL.0
            & !(Self::FD_READ.0
                | Self::FD_SEEK.0
                | Self::FD_TELL.0
                | Self::FD_WRITE.0
                | Self::FD_ALLOCATE.0
                | Self::FD_FILESTAT_SET_SIZE.0),
    );
    const STDIN: Self = Self(
        Self::FD_READ.0
            | Self::FD_FDSTAT_SET_FLAGS.0
            | Self::FD_FILESTAT_GET.0
            | Self::POLL_FD_READWRITE.0,
    );
    const STDOUT: Self = Self(
        Self::FD_WRITE.0
            | Self::FD_FDSTAT_SET_FLAGS.0
            | Self::FD_FILESTAT_GET.0
            | Self::POLL_FD_READWRITE.0,
    );

    pub(super) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Bits of `fdflags`.
pub(super) const APPEND: u16 = 1;
/// All bits of `fdflags`: append, dsync, nonblock, rsync, sync.
pub(super) const FDFLAGS: u16 = 0b1_1111;

#[derive(Debug)]
pub(super) struct Descriptor {
    pub(super) target: Target,
    pub(super) rights: Rights,
    pub(super) inheriting: Rights,
    pub(super) flags: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Stdin,
    Stdout,
    Stderr,
    File { node: NodeRef, position: u64 },
    Directory { node: NodeRef, preopened: bool },
}

impl Target {
    /// The node held open, if it is one.
    pub(super) fn node(self) -> Option<NodeRef> {
        match self {
            Self::File { node, .. } | Self::Directory { node, .. } => Some(node),
            _ => None,
        }
    }
}

/// The numbers a guest knows its open files by.
#[derive(Debug)]
pub(super) struct Descriptors {
    open: Vec<Option<Descriptor>>,
    /// No number below this one is free.
    lowest: usize,
}

impl Descriptors {
    /// The three standard streams and, if there is a tree, its root as number 3.
    pub(super) fn new(root: Option<NodeRef>) -> Self {
        let stream = |target, rights| {
            Some(Descriptor {
                target,
                rights,
                inheriting: Rights(0),
                flags: 0,
            })
        };
        let mut open = Vec::with_capacity(4);
        open.push(stream(Target::Stdin, Rights::STDIN));
        open.push(stream(Target::Stdout, Rights::STDOUT));
        open.push(stream(Target::Stderr, Rights::STDOUT));
        if let Some(node) = root {
            open.push(Some(Descriptor {
                target: Target::Directory {
                    node,
                    preopened: true,
                },
                rights: Rights::DIRECTORY,
                inheriting: Rights::ALL,
                flags: 0,
            }));
        }
        let lowest = open.len();
        Self { open, lowest }
    }

    pub(super) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.open
            .get(fd as usize)
            .and_then(Option::as_ref)
            .ok_or(Errno::Badf)
    }

    pub(super) fn get_mut(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.open
            .get_mut(fd as usize)
            .and_then(Option::as_mut)
            .ok_or(Errno::Badf)
    }

    /// Whether one more can be opened.
    pub(super) fn check_room(&self) -> Result<(), Errno> {
        if self.lowest < MAX_OPEN {
            Ok(())
        } else {
            Err(Errno::Mfile)
        }
    }

    /// Gives the lowest free number to `descriptor`.
    pub(super) fn insert(&mut self, descriptor: Descriptor) -> u32 {
        let fd = self.lowest;
        if fd == self.open.len() {
            self.open.push(Some(descriptor));
        } else {
            self.open[fd] = Some(descriptor);
        }
        self.lowest = (fd + 1..self.open.len())
            .find(|fd| self.open[*fd].is_none())
            .unwrap_or(self.open.len());
        fd as u32
    }

    pub(super) fn remove(&mut self, fd: u32) -> Result<Descriptor, Errno> {
        let closed = self
            .open
            .get_mut(fd as usize)
            .and_then(Option::take)
            .ok_or(Errno::Badf)?;
        self.lowest = self.lowest.min(fd as usize);
        Ok(closed)
    }

    /// Puts `descriptor` at a number that is in use, and returns what was there.
    pub(super) fn replace(&mut self, fd: u32, descriptor: Descriptor) -> Result<Descriptor, Errno> {
        Ok(std::mem::replace(self.get_mut(fd)?, descriptor))
    }
}
