//! Frames that kernels share: one arena, mapped into the memory of each instance.
//!
//! A frame that one kernel wrote is where the next reads it, so it passes through a
//! graph without a copy. What an instance can reach beside its own memory is the
//! arena and nothing else: a kernel that forges pointers spoils frames of its own
//! graph. One kernel of a graph runs at a time, and fan-out gives each worker an
//! arena of its own, so nothing in an arena changes while somebody looks at it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::{Memory, Store};
use wb_policy::{Budget, MemoryReservation};

use crate::error::{Error, ErrorKind};
use crate::guest::Guest;

mod regions;
#[cfg(target_os = "linux")]
mod shared;
#[cfg(not(target_os = "linux"))]
#[path = "frames/absent.rs"]
mod shared;

pub(crate) use regions::{Region, Regions};
use shared::SharedPages;

/// Bytes of a wasm page; arenas are whole pages.
const PAGE: u64 = 64 << 10;

/// Memory that all instances of a graph have in common.
pub(crate) struct Arena {
    pages: SharedPages,
    len: u32,
    regions: Arc<Mutex<Regions>>,
    _charged: MemoryReservation,
}

impl Arena {
    /// An arena of `bytes`, rounded up to pages and charged to `budget`.
    pub(crate) fn new(bytes: u32, budget: &Budget) -> Result<Self, Error> {
        let whole = u64::from(bytes).next_multiple_of(PAGE);
        let len = u32::try_from(whole).map_err(|_| absent("it cannot have 4 GiB"))?;
        Ok(Self {
            _charged: budget.reserve_memory(whole)?,
            pages: SharedPages::new(whole)?,
            len,
            regions: Arc::new(Mutex::new(Regions::new(len))),
        })
    }

    /// Adds the arena at the end of `memory`.
    pub(crate) fn attach(&self, memory: Memory, store: &mut Store<Guest>) -> Result<(), Error> {
        let start = memory.data_size(&*store);
        let base = u32::try_from(start).map_err(|_| absent("the memory is full"))?;
        store.data_mut().gauge.prepay(u64::from(self.len));
        memory
            .grow(&mut *store, u64::from(self.len) / PAGE)
            .map_err(|_| absent("the memory of the kernel cannot grow so far"))?;
        self.pages.map(memory, store, start, self.len as usize)?;
        store.data_mut().frames = Some(FrameWindow {
            base,
            regions: Arc::clone(&self.regions),
            input: None,
            output: None,
        });
        Ok(())
    }

    pub(crate) fn regions(&self) -> MutexGuard<'_, Regions> {
        lock(&self.regions)
    }
}

fn lock(regions: &Mutex<Regions>) -> MutexGuard<'_, Regions> {
    regions.lock().unwrap_or_else(PoisonError::into_inner)
}

fn absent(reason: impl Into<String>) -> Error {
    ErrorKind::NoFrames {
        reason: reason.into(),
    }
    .into()
}

/// What one instance sees of an arena.
#[derive(Debug)]
pub(crate) struct FrameWindow {
    /// Where the arena starts in its memory.
    base: u32,
    regions: Arc<Mutex<Regions>>,
    /// The frame it is called with.
    pub(crate) input: Option<Region>,
    /// The frame it asked for in this call.
    pub(crate) output: Option<Region>,
}

impl FrameWindow {
    /// Where a region is in the memory of this instance.
    pub(crate) fn pointer(&self, region: Region) -> u32 {
        self.base + region.start
    }

    /// Room for a frame that the host writes.
    pub(crate) fn reserve(&self, len: u32) -> Option<Region> {
        lock(&self.regions).take(len)
    }

    /// Room for the frame that this call makes. Asking again gives up the former.
    pub(crate) fn new_output(&mut self, len: u32) -> Option<u32> {
        let mut regions = lock(&self.regions);
        if let Some(former) = self.output.take() {
            regions.give_back(former);
        }
        self.output = regions.take(len);
        drop(regions);
        self.output.map(|region| self.pointer(region))
    }

    /// Before a call: there is no output yet. The one of the call before `is_over`, or
    /// other kernels still read it.
    pub(crate) fn begin(&mut self, is_over: bool) {
        if let Some(former) = self.output.take()
            && is_over
        {
            lock(&self.regions).give_back(former);
        }
    }

    /// Gives back every frame.
    pub(crate) fn clear(&mut self) {
        self.input = None;
        self.output = None;
        self.output = None;
        lock(&self.regions).clear();
    }
}
