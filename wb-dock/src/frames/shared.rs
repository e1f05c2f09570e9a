use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};
use wasmtime::{Memory, Store};

use super::absent;
use crate::error::Error;
use crate::guest::Guest;

/// Pages that can be mapped at several places.
pub(super) struct SharedPages(OwnedFd);

impl SharedPages {
    pub(super) fn new(bytes: u64) -> Result<Self, Error> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create("wb-frames", flags)
            .and_then(|file| ftruncate(&file, bytes).map(|()| file))
            .map_err(|error| absent(format!("the system gives no memory for it: {error}")))?;
        // So that touching a mapped page can never fail.
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
            .map_err(|error| absent(format!("its size cannot be fixed: {error}")))?;
        Ok(Self(file))
    }

    /// Puts the pages in the place of the `len` bytes at `start` of `memory`, which
    /// must be as many as they are.
    pub(super) fn map(
        &self,
        memory: Memory,
        store: &mut Store<Guest>,
        start: usize,
        len: usize,
    ) -> Result<(), Error> {
        let page = rustix::param::page_size();
        let reserved = store.engine().get_memory_reservation();
        let data = memory.data_mut(&mut *store);
        let place = data
            .get_mut(start..)
            .and_then(|rest| rest.get_mut(..len))
            .ok_or_else(|| absent("the memory of the kernel ends before it"))?
            .as_mut_ptr();
        if !place.addr().is_multiple_of(page) || !len.is_multiple_of(page) {
            return Err(absent("pages of this system are too large"));
        }
        if reserved < 1 << 32 {
            return Err(absent("memory moves when it grows on this system"));
        }
        #[expect(
            unsafe_code,
            reason = "memory of one instance is replaced by memory that several share"
        )]
        // SAFETY: the range is inside the linear memory of one live instance, which
        // `store` lends us alone: nobody holds a reference into it. The memory is not
        // from a pool and has its whole 4 GiB reserved (checked above), so the engine
        // never moves or copies it, and unmaps the range, whatever lies there, when
        // the instance goes. Protection stays what it was: read and write. References
        // to shared bytes are only made through a store, for as long as its one
        // borrower says; the instances that share them belong to one owner, who
        // lends them one at a time (`GraphInstance`), so no byte changes under one.
        // The file is sealed, so no access can fault for the end of it.
        let mapped = unsafe {
            mmap(
                place.cast(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::FIXED,
                &self.0,
                0,
            )
        };
        mapped
            .map(drop)
            .map_err(|error| absent(format!("the system does not map it: {error}")))
    }
}
