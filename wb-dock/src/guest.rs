use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{AsContextMut, Caller, Memory};

use crate::client::Client;
use crate::frames::FrameWindow;
use crate::import::Answer;
use crate::limits::{MemoryGauge, Stop};
use crate::wasi::{GuestMemory, Wasi};

/// Handles that a component can hold at a time: what it opens is memory of the host.
const MOST_HANDLES: usize = 4096;

/// A table for the handles of one component.
pub(crate) fn handles() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MOST_HANDLES);
    table
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
    pub(crate) table: ResourceTable,
    /// The frames of the call, if this is a kernel with an arena.
    pub(crate) frames: Option<FrameWindow>,
    /// Calls so far, where calls have a time limit of their own.
    pub(crate) calls: u64,
}

impl Guest {
    /// Gives `thing` to a component, as a handle.
    pub(crate) fn hand<T: Send + 'static>(&mut self, thing: T) -> wasmtime::Result<Resource<T>> {
        let full = |_| wasmtime::format_err!("more than {MOST_HANDLES} handles are open");
        self.table.push(thing).map_err(full)
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
