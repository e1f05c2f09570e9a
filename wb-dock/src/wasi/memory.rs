use super::errno::Errno;

/// The linear memory of a guest during one host call, every access checked.
pub(crate) struct GuestMemory<'a>(pub(crate) &'a mut [u8]);

/// Vectors in one scatter or gather call at most, as `IOV_MAX` of Linux. Without
/// it one call could name the same large buffer millions of times.
const MAX_VECTORS: u32 = 1024;

/// Where a buffer of the guest lies.
#[derive(Clone, Copy)]
pub(crate) struct Buffer {
    pub(crate) ptr: u32,
    pub(crate) len: u32,
}

impl GuestMemory<'_> {
    pub(crate) fn bytes(&self, ptr: u32, len: u32) -> Result<&[u8], Errno> {
        let start = ptr as usize;
        let end = start.checked_add(len as usize).ok_or(Errno::Fault)?;
        self.0.get(start..end).ok_or(Errno::Fault)
    }

    pub(crate) fn bytes_mut(&mut self, ptr: u32, len: u32) -> Result<&mut [u8], Errno> {
        let start = ptr as usize;
        let end = start.checked_add(len as usize).ok_or(Errno::Fault)?;
        self.0.get_mut(start..end).ok_or(Errno::Fault)
    }

    fn array<const N: usize>(&self, ptr: u32) -> Result<[u8; N], Errno> {
        self.0
            .get(ptr as usize..)
            .and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .ok_or(Errno::Fault)
    }

    pub(crate) fn write(&mut self, ptr: u32, bytes: &[u8]) -> Result<(), Errno> {
        self.bytes_mut(ptr, bytes.len() as u32)?
            .copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn read_u8(&self, ptr: u32) -> Result<u8, Errno> {
        Ok(self.array::<1>(ptr)?[0])
    }

    pub(crate) fn read_u16(&self, ptr: u32) -> Result<u16, Errno> {
        self.array(ptr).map(u16::from_le_bytes)
    }

    pub(crate) fn read_u32(&self, ptr: u32) -> Result<u32, Errno> {
        self.array(ptr).map(u32::from_le_bytes)
    }

    pub(crate) fn read_u64(&self, ptr: u32) -> Result<u64, Errno> {
        self.array(ptr).map(u64::from_le_bytes)
    }

    pub(crate) fn write_u32(&mut self, ptr: u32, value: u32) -> Result<(), Errno> {
        self.write(ptr, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, ptr: u32, value: u64) -> Result<(), Errno> {
        self.write(ptr, &value.to_le_bytes())
    }

    /// The vector of buffers at `ptr`, its total length within `u32`.
    pub(crate) fn vectors(&self, ptr: u32, count: u32) -> Result<Vectors, Errno> {
        if count > MAX_VECTORS {
            return Err(Errno::Inval);
        }
        let vectors = Vectors {
            ptr,
            count,
            next: 0,
        };
        let mut total = 0u32;
        for index in 0..count {
            total = total
                .checked_add(vectors.at(self, index)?.len)
                .ok_or(Errno::Inval)?;
        }
        Ok(vectors)
    }
}

/// A checked array of `iovec` or `ciovec`, eight bytes each.
pub(crate) struct Vectors {
    ptr: u32,
    count: u32,
    next: u32,
}

impl Vectors {
    fn at(&self, memory: &GuestMemory<'_>, index: u32) -> Result<Buffer, Errno> {
        let entry = self.ptr.checked_add(index * 8).ok_or(Errno::Fault)?;
        let ptr = memory.read_u32(entry)?;
        let len = memory.read_u32(entry.checked_add(4).ok_or(Errno::Fault)?)?;
        Ok(Buffer { ptr, len })
    }

    /// The next buffer, read anew: a call that writes into the guest's memory may
    /// change the vectors that follow.
    pub(crate) fn next(&mut self, memory: &GuestMemory<'_>) -> Result<Option<Buffer>, Errno> {
        if self.next == self.count {
            return Ok(None);
        }
        let buffer = self.at(memory, self.next)?;
        self.next += 1;
        Ok(Some(buffer))
    }
}
