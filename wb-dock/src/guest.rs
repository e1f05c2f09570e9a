use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{AsContextMut, Caller, Memory};
use wb_policy::Grant;

use crate::import::Reply;
use crate::limits::{MemoryGauge, Meter, Stop};
use crate::services::Services;
use crate::wasi::{GuestMemory, Wasi};

/// What the host keeps for one instance: the one concrete type of every store.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) wasi: Wasi,
    pub(crate) gauge: MemoryGauge,
    /// The exported memory, looked up once.
    pub(crate) memory: Option<Memory>,
    pub(crate) reply: Reply,
    pub(crate) grant: Arc<Grant>,
    pub(crate) services: Arc<Services>,
    /// Whether the run has all cores for itself: false below a fan-out.
    pub(crate) alone: bool,
    /// What a component holds handles of.
    pub(crate) table: ResourceTable,
}

/// On whose account a run is, and what it shares with others.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) meter: Meter,
    /// Whether it has all cores for itself.
    pub(crate) alone: bool,
    /// How many runs at a time share what is left of the fuel.
    pub(crate) share: u64,
}

impl Guest {
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

    /// The account for runs that this guest starts.
    pub(crate) fn account(&self) -> Account {
        Account {
            meter: self.wasi.meter.clone(),
            alone: self.alone,
            share: 1,
        }
    }
}
