use super::descriptor::{Descriptor, FDFLAGS, Rights, Target};
use super::errno::{Errno, Fail};
use super::fd_meta::{chosen_times, write_filestat};
use super::{Answer, GuestMemory, Wasi};
use crate::fs::{FileType, Lookup, NodeRef};

/// `lookupflags`: follow a link in the last place.
const FOLLOW: u32 = 1;

/// Bits of `oflags`.
const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;

/// A path as a guest gives it: a directory, and a string below it.
#[derive(Clone, Copy)]
struct GuestPath {
    fd: u32,
    ptr: u32,
    len: u32,
}

impl Wasi {
    fn base(&self, fd: u32, rights: Rights) -> Result<NodeRef, Errno> {
        let open = self.descriptors.get(fd)?;
        match open.target {
            Target::Directory { node, .. } if open.rights.contains(rights) => Ok(node),
            Target::Directory { .. } => Err(Errno::Notcapable),
            _ => Err(Errno::Notdir),
        }
    }

    fn look(
        &mut self,
        memory: &GuestMemory<'_>,
        path: GuestPath,
        rights: Rights,
        follow: bool,
    ) -> Result<Lookup, Fail> {
        let base = self.base(path.fd, rights)?;
        let text = text(memory, path.ptr, path.len)?;
        self.fs.lookup(base, text, follow)
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of WASI")]
    pub(super) fn path_open(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        lookup_flags: u32,
        ptr: u32,
        len: u32,
        oflags: u32,
        rights: u64,
        inheriting: u64,
        flags: u32,
        out: u32,
    ) -> Answer {
        let flags = u16::try_from(flags)
            .ok()
            .filter(|flags| flags & !FDFLAGS == 0)
            .ok_or(Errno::Inval)?;
        let ceiling = self.descriptors.get(fd)?.inheriting;
        let (rights, inheriting) = (Rights(rights).and(ceiling), Rights(inheriting).and(ceiling));
        let mut needed = Rights::PATH_OPEN;
        if oflags & CREATE != 0 {
            needed.0 |= Rights::PATH_CREATE_FILE.0;
        }
        if oflags & TRUNCATE != 0 {
            needed.0 |= Rights::PATH_FILESTAT_SET_SIZE.0;
        }
        if oflags & DIRECTORY != 0 && oflags & (CREATE | EXCLUSIVE | TRUNCATE) != 0 {
            return Err(Errno::Inval.into());
        }
        // A link in the way of an exclusive creation is what is there already.
        let exclusive = oflags & (CREATE | EXCLUSIVE) == CREATE | EXCLUSIVE;
        let follow = lookup_flags & FOLLOW != 0 && !exclusive;
        let at = self.look(memory, GuestPath { fd, ptr, len }, needed, follow)?;
        self.descriptors.check_room()?;
        let now = self.clock.wall();
        let writes = rights.contains(Rights::FD_WRITE);
        let node = match at.node {
            None if oflags & CREATE != 0 => self.fs.create_file(&at, now)?,
            None => return Err(Errno::Noent.into()),
            Some(_) if exclusive => return Err(Errno::Exist.into()),
            Some(_) => {
                let node = at.existing(&self.fs)?;
                match self.fs.filetype(node) {
                    FileType::SymbolicLink => return Err(Errno::Loop.into()),
                    FileType::RegularFile if oflags & DIRECTORY != 0 => {
                        return Err(Errno::Notdir.into());
                    }
                    FileType::Directory if writes || oflags & (CREATE | TRUNCATE) != 0 => {
                        return Err(Errno::Isdir.into());
                    }
                    _ => self.fs.adopted(&at, node)?,
                }
            }
        };
        let is_directory = self.fs.filetype(node) == FileType::Directory;
        if !is_directory {
            if (writes || oflags & TRUNCATE != 0) && !self.fs.is_writable(node) {
                return Err(Errno::Rofs.into());
            }
            if oflags & TRUNCATE != 0 {
                self.fs.set_len(node, 0, now)?;
            }
        }
        let opened = if is_directory {
            Descriptor {
                target: Target::Directory {
                    node,
                    preopened: false,
                },
                rights: rights.and(Rights::DIRECTORY),
                inheriting,
                flags,
            }
        } else {
            Descriptor {
                target: Target::File { node, position: 0 },
                rights: rights.and(Rights::FILE),
                inheriting: Rights(0),
                flags,
            }
        };
        // The answer is written first, or a bad pointer would leak the descriptor.
        memory.bytes(out, 4)?;
        self.fs.retain(node);
        let fd = self.descriptors.insert(opened);
        Ok(memory.write_u32(out, fd)?)
    }

    pub(super) fn path_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        flags: u32,
        ptr: u32,
        len: u32,
        out: u32,
    ) -> Answer {
        let path = GuestPath { fd, ptr, len };
        let at = self.look(memory, path, Rights::PATH_FILESTAT_GET, flags & FOLLOW != 0)?;
        let stat = self.fs.stat(at.existing(&self.fs)?);
        write_filestat(memory, out, &stat)
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of WASI")]
    pub(super) fn path_filestat_set_times(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        lookup_flags: u32,
        ptr: u32,
        len: u32,
        accessed: u64,
        modified: u64,
        flags: u32,
    ) -> Answer {
        let path = GuestPath { fd, ptr, len };
        let follow = lookup_flags & FOLLOW != 0;
        let at = self.look(memory, path, Rights::PATH_FILESTAT_SET_TIMES, follow)?;
        let now = self.clock.wall();
        let (accessed, modified) = chosen_times(accessed, modified, flags, now)?;
        let node = at.existing(&self.fs)?;
        let node = self.fs.adopted(&at, node)?;
        Ok(self.fs.set_times(node, accessed, modified, now)?)
    }

    pub(super) fn path_create_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        ptr: u32,
        len: u32,
    ) -> Answer {
        let path = GuestPath { fd, ptr, len };
        let at = self.look(memory, path, Rights::PATH_CREATE_DIRECTORY, false)?;
        let now = self.clock.wall();
        self.fs.create_directory(&at, now)
    }

    pub(super) fn path_remove_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        ptr: u32,
        len: u32,
    ) -> Answer {
        let path = GuestPath { fd, ptr, len };
        let at = self.look(memory, path, Rights::PATH_REMOVE_DIRECTORY, false)?;
        let now = self.clock.wall();
        self.fs.remove_directory(&at, now)
    }

    pub(super) fn path_unlink_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        ptr: u32,
        len: u32,
    ) -> Answer {
        let path = GuestPath { fd, ptr, len };
        let at = self.look(memory, path, Rights::PATH_UNLINK_FILE, false)?;
        let now = self.clock.wall();
        self.fs.unlink_file(&at, now)
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of WASI")]
    pub(super) fn path_rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        ptr: u32,
        len: u32,
        new_fd: u32,
        new_ptr: u32,
        new_len: u32,
    ) -> Answer {
        let (from, to) = pair((fd, ptr, len), (new_fd, new_ptr, new_len));
        let from = self.look(memory, from, Rights::PATH_RENAME_SOURCE, false)?;
        let to = self.look(memory, to, Rights::PATH_RENAME_TARGET, false)?;
        let now = self.clock.wall();
        self.fs.rename(&from, &to, now)
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of WASI")]
    pub(super) fn path_link(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        flags: u32,
        ptr: u32,
        len: u32,
        new_fd: u32,
        new_ptr: u32,
        new_len: u32,
    ) -> Answer {
        // POSIX leaves it open whether a link to a link is followed; WASI forbids it.
        if flags & FOLLOW != 0 {
            return Err(Errno::Inval.into());
        }
        let (from, to) = pair((fd, ptr, len), (new_fd, new_ptr, new_len));
        let from = self.look(memory, from, Rights::PATH_LINK_SOURCE, false)?;
        let to = self.look(memory, to, Rights::PATH_LINK_TARGET, false)?;
        let now = self.clock.wall();
        self.fs.hard_link(&from, &to, now)
    }

    pub(super) fn path_symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        target_ptr: u32,
        target_len: u32,
        fd: u32,
        ptr: u32,
        len: u32,
    ) -> Answer {
        let path = GuestPath { fd, ptr, len };
        let at = self.look(memory, path, Rights::PATH_SYMLINK, false)?;
        let target = text(memory, target_ptr, target_len)?;
        if target.is_empty() {
            return Err(Errno::Noent.into());
        }
        // A link from the root would mean another file for each directory opened.
        if target.starts_with('/') {
            return Err(Errno::Perm.into());
        }
        if target.contains('\0') {
            return Err(Errno::Inval.into());
        }
        let now = self.clock.wall();
        self.fs.create_symlink(&at, target, now)
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of WASI")]
    pub(super) fn path_readlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        ptr: u32,
        len: u32,
        buffer: u32,
        buffer_len: u32,
        out: u32,
    ) -> Answer {
        let path = GuestPath { fd, ptr, len };
        let at = self.look(memory, path, Rights::PATH_READLINK, false)?;
        let target = self.fs.read_link(&at)?.as_bytes();
        let fits = target.len().min(buffer_len as usize);
        memory.write(buffer, &target[..fits])?;
        Ok(memory.write_u32(out, fits as u32)?)
    }
}

fn pair(from: (u32, u32, u32), to: (u32, u32, u32)) -> (GuestPath, GuestPath) {
    let path = |(fd, ptr, len)| GuestPath { fd, ptr, len };
    (path(from), path(to))
}

/// A string of the guest, which WASI wants in UTF-8.
fn text<'m>(memory: &'m GuestMemory<'_>, ptr: u32, len: u32) -> Result<&'m str, Errno> {
    std::str::from_utf8(memory.bytes(ptr, len)?).map_err(|_| Errno::Ilseq)
}
