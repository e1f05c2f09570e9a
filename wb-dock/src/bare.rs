//! The bare twin of a run, for benchmarks: wasmtime and our preview 1, and nothing
//! else of the dock. No admission, limits, events, stack of its own or outcome.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::Store;
use wb_policy::{Budget, Grant, Limits};

use crate::client::{Account, Client};
use crate::fs::FileSystem;
use crate::guest::Guest;
use crate::import::Answer;
use crate::limits::{MemoryGauge, Meter, Stop};
use crate::program::Program;
use crate::services::Services;
use crate::wasi::Wasi;

/// What a run needs that is made once.
pub struct Twin {
    program: Program,
    linked: wasmtime::InstancePre<Guest>,
    meter: Meter,
    grant: Arc<Grant>,
    services: Arc<Services>,
}

impl Twin {
    /// Links `program` to everything ambient.
    ///
    /// # Panics
    ///
    /// When the program needs more than that.
    pub fn new(program: &Program) -> Self {
        let services = Services::default();
        let linked = program
            .linked(&Grant::none(), &services)
            .expect("the guest of the benchmark needs no capability");
        let limits = Limits {
            memory: u64::MAX,
            output: u64::MAX,
            wall: std::time::Duration::MAX,
            ..Grant::none().limits()
        };
        Self {
            program: program.clone(),
            linked,
            meter: Meter::start(Budget::new("bare", limits)),
            grant: Arc::new(Grant::none()),
            services: services.into(),
        }
    }

    /// Runs the program and returns its standard output.
    ///
    /// # Panics
    ///
    /// When the guest crashes.
    pub fn run(&self, name: &str, stdin: Bytes) -> Bytes {
        let budget = self.meter.budget();
        let fs = FileSystem::new(Vec::new(), budget).expect("there is nothing to mount");
        let mut wasi = Wasi::new(self.meter.clone(), fs);
        wasi.args = vec![name.to_owned()];
        wasi.stdin = stdin.into();
        let account = Account {
            meter: self.meter.clone(),
            alone: true,
            share: 1,
        };
        let (services, grant) = (Arc::clone(&self.services), Arc::clone(&self.grant));
        let guest = Guest::new(wasi, Client::new(services, grant, account));
        let mut store = Store::new(self.program.engine().raw(), guest);
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self
            .linked
            .instantiate(&mut store)
            .expect("the pool has room for a benchmark");
        let memory = instance.get_memory(&mut store, "memory");
        store.data_mut().memory = memory;
        let start = instance
            .get_typed_func::<(), ()>(&mut store, "_start")
            .expect("the guest of the benchmark is a command");
        match start.call(&mut store, ()) {
            Ok(()) => {}
            Err(error) if matches!(error.downcast_ref(), Some(Stop::Exit(0))) => {}
            Err(error) => panic!("{error:#}"),
        }
        store.into_data().wasi.stdout.into_bytes()
    }
}
