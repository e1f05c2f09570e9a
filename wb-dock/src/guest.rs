use std::ops::{Deref, DerefMut};

use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{AsContextMut, Caller, Memory};
use wb_policy::{Budget, Exceeded};

use crate::client::Client;
use crate::frames::FrameWindow;
use crate::import::Answer;
use crate::limits::{MemoryGauge, Stop};
use crate::wasi::{GuestMemory, Wasi};

/// Handles that a component can hold at a time: what it opens is memory of the host.
const MOST_HANDLES: usize = 4096;
/// Bytes counted for each: the entry of the table, and most of what can be behind it. What
/// may be larger, as a body is, counts for itself.
const HANDLE: u64 = 512;

/// What a component holds handles of, charged to its memory by the most it had at a time.
#[derive(Debug)]
pub(crate) struct HandleTable {
    table: ResourceTable,
    gauge: MemoryGauge,
}

impl HandleTable {
    pub(crate) fn new(budget: Budget) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MOST_HANDLES);
        Self {
            table,
            gauge: MemoryGauge::new(budget),
        }
    }

    /// Gives `thing` a handle; none when there are too many.
    pub(crate) fn push<T: Send + 'static>(
        &mut self,
        thing: T,
    ) -> Result<Option<Resource<T>>, Exceeded> {
        let Ok(handle) = self.table.push(thing) else {
            return Ok(None);
        };
        // Entries are taken from the lowest on, and used again.
        self.gauge
            .raise_to((u64::from(handle.rep()) + 1) * HANDLE)?;
        Ok(Some(handle))
    }
}

impl Deref for HandleTable {
    type Target = ResourceTable;

    fn deref(&self) -> &ResourceTable {
        &self.table
    }
}

impl DerefMut for HandleTable {
    fn deref_mut(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

/// What the host keeps for one instance: the one concrete type of every store.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) wasi: Wasi,
    pub(crate) gauge: MemoryGauge,
    /// The exported memory, looked up once.
    pub(crate) memory: Option<Memory>,
    /// What the last call of a core module left to be fetched.
    pub(crate) reply: Answer,
    /// The guest as it calls the Dock.
    pub(crate) client: Client,
    /// What a component holds handles of.
    pub(crate) table: HandleTable,
    /// The frames of the call, if this is a kernel with an arena.
    pub(crate) frames: Option<FrameWindow>,
    /// Calls so far, where calls have a time limit of their own.
    pub(crate) calls: u64,
}

impl Guest {
    /// A guest that has not begun.
    pub(crate) fn new(wasi: Wasi, client: Client) -> Self {
        let budget = wasi.meter.budget().clone();
        Self {
            gauge: MemoryGauge::new(budget.clone()),
            table: HandleTable::new(budget),
            wasi,
            memory: None,
            reply: Answer::default(),
            client,
            frames: None,
            calls: 0,
        }
    }

    /// Gives `thing` to a component, as a handle.
    pub(crate) fn hand<T: Send + 'static>(&mut self, thing: T) -> wasmtime::Result<Resource<T>> {
        let held = self.table.push(thing).map_err(Stop::Limit)?;
        held.ok_or_else(|| wasmtime::format_err!("more than {MOST_HANDLES} handles are open"))
    }

    /// The guest's memory and the host's side of it, for one host call.
    pub(crate) fn split<'c>(
        caller: &'c mut Caller<'_, Self>,
    ) -> wasmtime::Result<(GuestMemory<'c>, &'c mut Self)> {
        // Known before the guest runs, but for what a start function calls.
        let memory = match caller.data().memory {
            Some(memory) => memory,
            None => caller
                .get_export("memory")
                .and_then(wasmtime::Extern::into_memory)
                .ok_or(Stop::NoMemory)?,
        };
        let (bytes, guest) = memory.data_and_store_mut(caller.as_context_mut());
        Ok((GuestMemory(bytes), guest))
    }
}
