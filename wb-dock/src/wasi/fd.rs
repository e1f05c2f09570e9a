use super::descriptor::{APPEND, Descriptor, Rights, Target};
use super::errno::{Errno, Fail};
use super::{Answer, GuestMemory, Wasi};
use crate::fs::NodeRef;

/// Bytes moved by one call between two looks at the deadline.
const PIECE: usize = 4 << 20;

impl Wasi {
    fn readable(&self, fd: u32) -> Result<Target, Errno> {
        let open = self.descriptors.get(fd)?;
        match open.target {
            Target::Directory { .. } => Err(Errno::Isdir),
            target if open.rights.contains(Rights::FD_READ) => Ok(target),
            _ => Err(Errno::Badf),
        }
    }

    fn writable(&self, fd: u32) -> Result<Target, Errno> {
        let open = self.descriptors.get(fd)?;
        match open.target {
            Target::Directory { .. } => Err(Errno::Isdir),
            target if open.rights.contains(Rights::FD_WRITE) => Ok(target),
            _ => Err(Errno::Badf),
        }
    }

    /// The file behind `fd`, which must have `rights`.
    pub(super) fn file(&self, fd: u32, rights: Rights) -> Result<NodeRef, Errno> {
        let open = self.descriptors.get(fd)?;
        match open.target {
            Target::File { node, .. } if open.rights.contains(rights) => Ok(node),
            Target::File { .. } => Err(Errno::Notcapable),
            _ => Err(Errno::Badf),
        }
    }

    pub(super) fn fd_read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        out: u32,
    ) -> Answer {
        let read = match self.readable(fd)? {
            Target::Stdin => self.read_stdin(memory, vectors, count)?,
            Target::File { node, position } => {
                let read = self.read_file(memory, node, position, vectors, count)?;
                if let Target::File { position, .. } = &mut self.descriptors.get_mut(fd)?.target {
                    *position += u64::from(read);
                }
                read
            }
            _ => return Err(Errno::Badf.into()),
        };
        Ok(memory.write_u32(out, read)?)
    }

    pub(super) fn fd_pread(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        offset: u64,
        out: u32,
    ) -> Answer {
        let Target::File { node, .. } = self.readable(fd)? else {
            return Err(Errno::Spipe.into());
        };
        let read = self.read_file(memory, node, offset, vectors, count)?;
        Ok(memory.write_u32(out, read)?)
    }

    /// Reads once what is there: a guest that wants more asks again, and is not
    /// kept waiting for bytes while it could work on those that came.
    fn read_stdin(
        &mut self,
        memory: &mut GuestMemory<'_>,
        vectors: u32,
        count: u32,
    ) -> Result<u32, Fail> {
        let mut vectors = memory.vectors(vectors, count)?;
        let mut total = 0;
        while let Some(buffer) = vectors.next(memory)? {
            if buffer.len == 0 {
                continue;
            }
            if total > 0 && self.stdin.may_block() {
                break;
            }
            let read = self.stdin.read(memory.bytes_mut(buffer.ptr, buffer.len)?)?;
            total += read as u32;
            if read < buffer.len as usize {
                break;
            }
        }
        self.meter.check_time()?;
        Ok(total)
    }

    fn read_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        node: NodeRef,
        offset: u64,
        vectors: u32,
        count: u32,
    ) -> Result<u32, Fail> {
        let mut vectors = memory.vectors(vectors, count)?;
        let content = self.fs.content(node)?;
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(content.len());
        let mut rest = &content[start..];
        let mut total = 0;
        while let Some(buffer) = vectors.next(memory)? {
            let into = memory.bytes_mut(buffer.ptr, buffer.len)?;
            let taken = into.len().min(rest.len());
            for (into, from) in into[..taken].chunks_mut(PIECE).zip(rest.chunks(PIECE)) {
                into.copy_from_slice(&from[..into.len()]);
                if into.len() == PIECE {
                    self.meter.check_time()?;
                }
            }
            rest = &rest[taken..];
            total += taken as u32;
            if rest.is_empty() {
                break;
            }
        }
        Ok(total)
    }

    pub(super) fn fd_write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        out: u32,
    ) -> Answer {
        let target = self.writable(fd)?;
        let appends = self.descriptors.get(fd)?.flags & APPEND != 0;
        let written = match target {
            Target::File { node, position } => {
                let at = if appends {
                    self.fs.content(node)?.len() as u64
                } else {
                    position
                };
                let written = self.write_file(memory, node, at, vectors, count)?;
                if let Target::File { position, .. } = &mut self.descriptors.get_mut(fd)?.target {
                    *position = at + u64::from(written);
                }
                written
            }
            target => self.write_stream(memory, target, vectors, count)?,
        };
        Ok(memory.write_u32(out, written)?)
    }

    pub(super) fn fd_pwrite(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        offset: u64,
        out: u32,
    ) -> Answer {
        let Target::File { node, .. } = self.writable(fd)? else {
            return Err(Errno::Spipe.into());
        };
        let written = self.write_file(memory, node, offset, vectors, count)?;
        Ok(memory.write_u32(out, written)?)
    }

    fn write_stream(
        &mut self,
        memory: &GuestMemory<'_>,
        target: Target,
        vectors: u32,
        count: u32,
    ) -> Result<u32, Fail> {
        let mut vectors = memory.vectors(vectors, count)?;
        let mut total = 0;
        while let Some(buffer) = vectors.next(memory)? {
            let bytes = memory.bytes(buffer.ptr, buffer.len)?;
            self.meter
                .charge(wb_policy::Resource::Output, bytes.len() as u64)?;
            match target {
                Target::Stdout => self.stdout.write(bytes)?,
                Target::Stderr => self.stderr.write(bytes)?,
                _ => return Err(Errno::Badf.into()),
            }
            total += buffer.len;
        }
        Ok(total)
    }

    fn write_file(
        &mut self,
        memory: &GuestMemory<'_>,
        node: NodeRef,
        offset: u64,
        vectors: u32,
        count: u32,
    ) -> Result<u32, Fail> {
        let mut vectors = memory.vectors(vectors, count)?;
        let now = self.clock.wall();
        let mut total = 0;
        while let Some(buffer) = vectors.next(memory)? {
            let bytes = memory.bytes(buffer.ptr, buffer.len)?;
            for piece in bytes.chunks(PIECE) {
                let at = offset.checked_add(u64::from(total)).ok_or(Errno::Fbig)?;
                self.fs.write(node, at, piece, now)?;
                total += piece.len() as u32;
                if piece.len() == PIECE {
                    self.meter.check_time()?;
                }
            }
        }
        Ok(total)
    }

    pub(super) fn fd_seek(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        offset: i64,
        whence: u32,
        out: u32,
    ) -> Answer {
        let open = self.descriptors.get(fd)?;
        let Target::File { node, position } = open.target else {
            return Err(not_seekable(open.target).into());
        };
        // Telling where one is, is seeking by nothing.
        let needed = if offset == 0 && whence == 1 {
            Rights::FD_TELL
        } else {
            Rights::FD_SEEK
        };
        if !open.rights.contains(needed) {
            return Err(Errno::Notcapable.into());
        }
        let base = match whence {
            0 => 0,
            1 => position,
            2 => self.fs.content(node)?.len() as u64,
            _ => return Err(Errno::Inval.into()),
        };
        let to = base
            .checked_add_signed(offset)
            .filter(|to| i64::try_from(*to).is_ok())
            .ok_or(Errno::Inval)?;
        if let Target::File { position, .. } = &mut self.descriptors.get_mut(fd)?.target {
            *position = to;
        }
        Ok(memory.write_u64(out, to)?)
    }

    pub(super) fn fd_tell(&mut self, memory: &mut GuestMemory<'_>, fd: u32, out: u32) -> Answer {
        let open = self.descriptors.get(fd)?;
        let Target::File { position, .. } = open.target else {
            return Err(not_seekable(open.target).into());
        };
        if !open.rights.contains(Rights::FD_TELL) {
            return Err(Errno::Notcapable.into());
        }
        Ok(memory.write_u64(out, position)?)
    }

    pub(super) fn fd_close(&mut self, _: &mut GuestMemory<'_>, fd: u32) -> Answer {
        let closed = self.descriptors.remove(fd)?;
        self.let_go(&closed);
        Ok(())
    }

    pub(super) fn fd_renumber(&mut self, _: &mut GuestMemory<'_>, from: u32, to: u32) -> Answer {
        self.descriptors.get(from)?;
        self.descriptors.get(to)?;
        if from != to {
            let moved = self.descriptors.remove(from)?;
            let closed = self.descriptors.replace(to, moved)?;
            self.let_go(&closed);
        }
        Ok(())
    }

    fn let_go(&mut self, closed: &Descriptor) {
        if let Some(node) = closed.target.node() {
            self.fs.release(node);
        }
    }
}

fn not_seekable(target: Target) -> Errno {
    match target {
        Target::Directory { .. } => Errno::Badf,
        _ => Errno::Spipe,
    }
}
