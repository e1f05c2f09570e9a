use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{Linker, Module};
use wb_policy::CapSet;

use super::ticker::{Held, Ticker};
use super::{EngineBuilder, Stack, linker_of};
use crate::error::Error;
use crate::guest::Guest;

/// The engine beside the engine: kernels differ in what cannot differ within one.
///
/// They are called on the stack of whoever calls, as one of their own would cost more
/// than the whole call does, and their memory is on demand even where commands use a
/// pool: a shared arena is mapped into it, which a pool would hand on to the next.
/// Compiled code is the same for both.
pub(crate) struct KernelEngine {
    engine: wasmtime::Engine,
    ticker: Ticker,
    linkers: Mutex<Vec<(CapSet, Arc<Linker<Guest>>)>>,
}

impl KernelEngine {
    pub(super) fn new(counts_fuel: bool) -> Result<Self, Error> {
        let settings = EngineBuilder {
            counts_fuel,
            stack: Stack::Caller,
            ..EngineBuilder::default()
        };
        let mut config = settings.config();
        // It compiles nothing: code comes from the other engine.
        config.enable_compiler(false);
        let engine = wasmtime::Engine::new(&config).map_err(|error| Error::engine(&error))?;
        Ok(Self {
            ticker: Ticker::new(&engine),
            engine,
            linkers: Mutex::default(),
        })
    }

    pub(crate) fn raw(&self) -> &wasmtime::Engine {
        &self.engine
    }

    /// Keeps deadlines going as long as an instance is open.
    ///
    /// Not for each call, which would be two atomic operations in a call that takes
    /// ten nanoseconds. An open kernel that nobody calls costs 250 wake-ups a second.
    pub(crate) fn hold(&self) -> Result<Held, Error> {
        self.ticker.hold().map_err(|error| Error::no_ticker(&error))
    }

    /// The linker that holds what `caps` grant, and nothing else.
    pub(crate) fn linker(&self, caps: CapSet) -> Result<Arc<Linker<Guest>>, Error> {
        let mut linkers = self.linkers.lock().unwrap_or_else(PoisonError::into_inner);
        linker_of(&mut linkers, &self.engine, caps)
    }

    /// The code of a module of the other engine, for this one.
    pub(crate) fn adopt(&self, module: &Module) -> Result<Module, Error> {
        let code = module.serialize().map_err(|error| Error::engine(&error))?;
        #[expect(
            unsafe_code,
            reason = "the one way to hand compiled code from one engine to another"
        )]
        // SAFETY: `code` is the unchanged output of `serialize` a moment ago, of code
        // that this process runs anyway. The engine checks that the settings match.
        let adopted = unsafe { Module::deserialize(&self.engine, &code) };
        adopted.map_err(|error| Error::engine(&error))
    }
}
