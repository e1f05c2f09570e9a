use super::descriptor::{FDFLAGS, Rights, Target};
use super::errno::Errno;
use super::{Answer, GuestMemory, Wasi};
use crate::fs::{FileType, Stat, Times};

/// Bytes of the fixed part of a `dirent`: next cookie, inode, name length, type.
const DIRENT: usize = 24;

impl Wasi {
    pub(super) fn fd_fdstat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        out: u32,
    ) -> Answer {
        let open = self.descriptors.get(fd)?;
        let filetype = match open.target {
            Target::File { .. } => FileType::RegularFile,
            Target::Directory { .. } => FileType::Directory,
            // Not a character device, or guests take it for a terminal and write
            // colours, one line at a time.
            _ => FileType::Unknown,
        };
        let mut fdstat = [0; 24];
        fdstat[0] = filetype as u8;
        fdstat[2..4].copy_from_slice(&open.flags.to_le_bytes());
        fdstat[8..16].copy_from_slice(&open.rights.0.to_le_bytes());
        fdstat[16..24].copy_from_slice(&open.inheriting.0.to_le_bytes());
        Ok(memory.write(out, &fdstat)?)
    }

    pub(super) fn fd_fdstat_set_flags(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        flags: u32,
    ) -> Answer {
        let open = self.descriptors.get_mut(fd)?;
        let flags = u16::try_from(flags)
            .ok()
            .filter(|flags| flags & !FDFLAGS == 0)
            .ok_or(Errno::Inval)?;
        if !open.rights.contains(Rights::FD_FDSTAT_SET_FLAGS) {
            return Err(Errno::Notcapable.into());
        }
        open.flags = flags;
        Ok(())
    }

    pub(super) fn fd_fdstat_set_rights(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        rights: u64,
        inheriting: u64,
    ) -> Answer {
        let open = self.descriptors.get_mut(fd)?;
        let (rights, inheriting) = (Rights(rights), Rights(inheriting));
        if !open.rights.contains(rights) || !open.inheriting.contains(inheriting) {
            return Err(Errno::Notcapable.into());
        }
        open.rights = rights;
        open.inheriting = inheriting;
        Ok(())
    }

    pub(super) fn fd_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        out: u32,
    ) -> Answer {
        let open = self.descriptors.get(fd)?;
        if !open.rights.contains(Rights::FD_FILESTAT_GET) {
            return Err(Errno::Notcapable.into());
        }
        let stat = match open.target.node() {
            Some(node) => self.fs.stat(node),
            None => Stat {
                ino: 0,
                filetype: FileType::Unknown,
                links: 0,
                size: 0,
                times: Times::default(),
            },
        };
        write_filestat(memory, out, &stat)
    }

    pub(super) fn fd_filestat_set_size(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        size: u64,
    ) -> Answer {
        let node = self.file(fd, Rights::FD_FILESTAT_SET_SIZE)?;
        if !self.fs.is_writable(node) {
            return Err(Errno::Inval.into());
        }
        let now = self.clock.wall();
        self.fs.set_len(node, size, now)
    }

    pub(super) fn fd_filestat_set_times(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        accessed: u64,
        modified: u64,
        flags: u32,
    ) -> Answer {
        let open = self.descriptors.get(fd)?;
        if !open.rights.contains(Rights::FD_FILESTAT_SET_TIMES) {
            return Err(Errno::Notcapable.into());
        }
        let node = open.target.node().ok_or(Errno::Badf)?;
        let now = self.clock.wall();
        let (accessed, modified) = chosen_times(accessed, modified, flags, now)?;
        Ok(self.fs.set_times(node, accessed, modified, now)?)
    }

    /// Makes sure that the file has `offset + len` bytes.
    pub(super) fn fd_allocate(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        offset: u64,
        len: u64,
    ) -> Answer {
        let node = self.file(fd, Rights::FD_ALLOCATE)?;
        if !self.fs.is_writable(node) {
            return Err(Errno::Badf.into());
        }
        let end = offset.checked_add(len).ok_or(Errno::Fbig)?;
        if len == 0 {
            return Err(Errno::Inval.into());
        }
        if end > self.fs.content(node)?.len() as u64 {
            let now = self.clock.wall();
            self.fs.set_len(node, end, now)?;
        }
        Ok(())
    }

    /// Advice changes nothing for files in memory, but is checked all the same.
    pub(super) fn fd_advise(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        _offset: u64,
        _len: u64,
        advice: u32,
    ) -> Answer {
        self.file(fd, Rights(0))?;
        if advice > 5 {
            return Err(Errno::Inval.into());
        }
        Ok(())
    }

    /// Files in memory are always as good as on disk.
    pub(super) fn fd_sync(&mut self, _: &mut GuestMemory<'_>, fd: u32) -> Answer {
        self.descriptors.get(fd)?;
        Ok(())
    }

    pub(super) fn fd_datasync(&mut self, memory: &mut GuestMemory<'_>, fd: u32) -> Answer {
        self.fd_sync(memory, fd)
    }

    pub(super) fn fd_prestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        out: u32,
    ) -> Answer {
        self.preopened(fd)?;
        // Tag 0 is a directory; its name follows in a call of its own.
        memory.write_u32(out, 0)?;
        Ok(memory.write_u32(out.checked_add(4).ok_or(Errno::Fault)?, 1)?)
    }

    pub(super) fn fd_prestat_dir_name(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        ptr: u32,
        len: u32,
    ) -> Answer {
        self.preopened(fd)?;
        if len < 1 {
            return Err(Errno::Nametoolong.into());
        }
        Ok(memory.write(ptr, b"/")?)
    }

    fn preopened(&self, fd: u32) -> Result<(), Errno> {
        match self.descriptors.get(fd)?.target {
            Target::Directory {
                preopened: true, ..
            } => Ok(()),
            _ => Err(Errno::Badf),
        }
    }

    /// Lists entries from `cookie` on until the buffer is full; the last one may
    /// be cut, which tells the guest that there is more.
    pub(super) fn fd_readdir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        buffer: u32,
        len: u32,
        cookie: u64,
        out: u32,
    ) -> Answer {
        let open = self.descriptors.get(fd)?;
        let Target::Directory { node, .. } = open.target else {
            return Err(Errno::Notdir.into());
        };
        if !open.rights.contains(Rights::FD_READDIR) {
            return Err(Errno::Notcapable.into());
        }
        let into = memory.bytes_mut(buffer, len)?;
        let (mut used, mut cookie) = (0, cookie);
        while used < into.len()
            && let Some((next, name, entry)) = self.fs.entry(node, cookie)
        {
            let stat = self.fs.stat(entry);
            let mut head = [0; DIRENT];
            head[0..8].copy_from_slice(&next.to_le_bytes());
            head[8..16].copy_from_slice(&stat.ino.to_le_bytes());
            head[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
            head[20] = stat.filetype as u8;
            for part in [&head[..], name.as_bytes()] {
                let fits = part.len().min(into.len() - used);
                into[used..used + fits].copy_from_slice(&part[..fits]);
                used += fits;
            }
            cookie = next;
        }
        Ok(memory.write_u32(out, used as u32)?)
    }
}

pub(super) fn write_filestat(memory: &mut GuestMemory<'_>, out: u32, stat: &Stat) -> Answer {
    let mut filestat = [0; 64];
    // One device holds everything.
    filestat[0..8].copy_from_slice(&1u64.to_le_bytes());
    filestat[8..16].copy_from_slice(&stat.ino.to_le_bytes());
    filestat[16] = stat.filetype as u8;
    filestat[24..32].copy_from_slice(&stat.links.to_le_bytes());
    filestat[32..40].copy_from_slice(&stat.size.to_le_bytes());
    filestat[40..48].copy_from_slice(&stat.times.accessed.to_le_bytes());
    filestat[48..56].copy_from_slice(&stat.times.modified.to_le_bytes());
    filestat[56..64].copy_from_slice(&stat.times.changed.to_le_bytes());
    Ok(memory.write(out, &filestat)?)
}

/// The times to set by `fstflags`: bits atim, `atim_now`, mtim, `mtim_now`.
pub(super) fn chosen_times(
    accessed: u64,
    modified: u64,
    flags: u32,
    now: u64,
) -> Result<(Option<u64>, Option<u64>), Errno> {
    let choose = |given: u64, bits: u32| match bits & 0b11 {
        0 => Ok(None),
        1 => Ok(Some(given)),
        2 => Ok(Some(now)),
        _ => Err(Errno::Inval),
    };
    if flags > 0b1111 {
        return Err(Errno::Inval);
    }
    Ok((choose(accessed, flags)?, choose(modified, flags >> 2)?))
}
