use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest as _, Sha256};
use wasmtime::{
    Collector, Config, Enabled, InstanceAllocationStrategy, Linker, OptLevel,
    PoolingAllocationConfig, component,
};
use wb_policy::CapSet;

use crate::component as dock_component;
use crate::error::{Error, ErrorKind};
use crate::guest::Guest;
use crate::import;
use crate::program::{self, CompileLimits, ComponentProgram, Program, Signature};
use ticker::Ticker;

#[cfg(all(feature = "code-cache", unix))]
use crate::code_cache::Code;

#[cfg(not(all(feature = "code-cache", unix)))]
mod code;
mod kernels;
mod machine_code;
mod ticker;

#[cfg(not(all(feature = "code-cache", unix)))]
use code::Code;

pub(crate) use kernels::KernelEngine;
pub(crate) use ticker::{Held, Live};

/// Native stack that a guest may use. Deeper recursion is a trap.
///
/// As much as a native program has. The JavaScript engine of the js lane counts on
/// it to turn deep recursion into an exception of its own first.
const GUEST_STACK: usize = 8 << 20;

/// The same for what runs on the stack of whoever calls: what any thread can spare.
const CALLERS_STACK: usize = 512 << 10;

/// Stack for host functions on top: guests run on stacks of their own, so that
/// nesting and the caller's thread make no difference to how deep they can go.
const HOST_STACK: usize = 1 << 20;

/// Bytes of linear memory that an instance slot keeps for the next guest. Most
/// commands stay below, and start without a page fault.
const KEEP_RESIDENT: usize = 256 << 10;

/// Bytes of an instance besides memories and tables. Large compilers have tens of
/// thousands of functions in tables, each with its entry here.
const INSTANCE_SIZE: usize = 64 << 20;

/// Tables of one module. Most have one, or none.
const TABLES: u32 = 8;

/// Core instances, and memories, of one component. One made by the usual tools has four
/// instances and one memory; a composition has as many times more as it has parts.
const COMPONENT_PARTS: u32 = 64;

/// Elements of one table, with pooling or without. They take 256 MiB, which is all that the
/// largest of the built-in profiles has, so that a table ends by the memory limit in both.
pub(crate) const TABLE_ELEMENTS: usize = 1 << 25;

/// Compiles programs and runs them.
///
/// Cloning shares the engine. One per process is usual: it holds the code of
/// all programs and, with pooling, the memory of all guests.
///
/// # Examples
///
/// ```
/// use wb_dock::{Engine, Grant, Invocation, Services};
///
/// let engine = Engine::new()?;
/// # let wasm = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
/// let command = engine.load(&wasm)?.admit(&Grant::none(), &Services::default())?;
/// let outcome = command.run(Invocation::new("hello").arg("world").stdin("text"))?;
/// assert!(outcome.is_success());
/// # Ok::<(), wb_dock::Error>(())
/// ```
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    /// Runs code. It compiles only where there is no code cache, which has
    /// compilers of its own.
    engine: wasmtime::Engine,
    settings: EngineBuilder,
    #[cfg(all(feature = "code-cache", unix))]
    code_cache: Option<crate::code_cache::CodeCache>,
    ticker: Ticker,
    /// One for each set of capabilities that a program was admitted with.
    linkers: Mutex<Linkers>,
    /// The same for components.
    component_linkers: Mutex<Vec<(CapSet, Arc<component::Linker<Guest>>)>>,
    /// Made for the first kernel.
    kernels: OnceLock<KernelEngine>,
}

type Linkers = Vec<(CapSet, Arc<Linker<Guest>>)>;

impl Engine {
    /// An engine with the settings for one-shot use.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Engine`] when the machine is not supported.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Settings for an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Compiles a core module, within the compile limits of the engine.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] names the limit that the module is beyond, and is found in
    /// time linear in its size before anything is compiled; [`ErrorKind::Malformed`] says
    /// what is wrong and where, also of a component. What is in the code cache is not
    /// looked at again.
    pub fn load(&self, wasm: &[u8]) -> Result<Program, Error> {
        self.load_with(wasm, &self.0.settings.compile_limits)
    }

    /// Compiles a core module within other limits, for code of another standing:
    /// a compiler of one's own is larger than what a stranger may bring.
    ///
    /// # Errors
    ///
    /// As for [`Engine::load`].
    pub fn load_with(&self, wasm: &[u8], limits: &CompileLimits) -> Result<Program, Error> {
        let digest = Sha256::digest(wasm).into();
        if let Some(module) = self.cached(&digest) {
            return Ok(Program::new(self, module, digest));
        }
        program::check(wasm, limits)?;
        let module = self.compile(wasm, &digest);
        let module = module.map_err(|error| malformed(&error, "core module"))?;
        Ok(Program::new(self, module, digest))
    }

    /// Compiles a component, within the compile limits of the engine.
    ///
    /// # Errors
    ///
    /// As for [`Engine::load`]; the limits hold for all modules inside together, but
    /// for those on one memory or one table.
    ///
    /// # Examples
    ///
    /// ```
    /// use wb_dock::{Engine, Grant, Services};
    ///
    /// # let wasm = wat::parse_str(r#"(component
    /// #   (core module $m (func (export "add") (param i32 i32) (result i32)
    /// #     (i32.add (local.get 0) (local.get 1))))
    /// #   (core instance $i (instantiate $m))
    /// #   (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    /// #     (canon lift (core func $i "add"))))"#).unwrap();
    /// let program = Engine::new()?.load_component(&wasm)?;
    /// let component = program.admit(&Grant::none(), &Services::default())?;
    /// assert_eq!(component.call_wave("add", "2, 3")?.value, "5");
    /// # Ok::<(), wb_dock::Error>(())
    /// ```
    pub fn load_component(&self, wasm: &[u8]) -> Result<ComponentProgram, Error> {
        let digest = Sha256::digest(wasm).into();
        if let Some(component) = self.cached(&digest) {
            return Ok(ComponentProgram::new(self, component, digest));
        }
        program::check_component(wasm, &self.0.settings.compile_limits)?;
        let component = self.compile(wasm, &digest);
        let component = component.map_err(|error| malformed(&error, "component"))?;
        Ok(ComponentProgram::new(self, component, digest))
    }

    /// The functions that a component exports, in its own order, without compiling it: for
    /// a component that is called in a process of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] and [`ErrorKind::Malformed`] as for
    /// [`Engine::load_component`]; what is wrong with a body shows when it is compiled.
    pub fn signatures(&self, wasm: &[u8]) -> Result<Vec<Signature>, Error> {
        program::check_component(wasm, &self.0.settings.compile_limits)?;
        program::signatures(wasm)
    }

    /// The program whose wasm bytes have this SHA-256, if its code is in the code cache: the
    /// bytes are not needed.
    pub fn load_cached(&self, digest: [u8; 32]) -> Option<Program> {
        let module = self.cached(&digest)?;
        Some(Program::new(self, module, digest))
    }

    #[cfg(all(feature = "code-cache", unix))]
    fn cached<C: Code>(&self, digest: &[u8; 32]) -> Option<C> {
        self.0.code_cache.as_ref()?.load(self.raw(), digest)
    }

    #[cfg(not(all(feature = "code-cache", unix)))]
    #[expect(clippy::unused_self, reason = "the cache is compiled out")]
    fn cached<C: Code>(&self, _digest: &[u8; 32]) -> Option<C> {
        None
    }

    #[cfg(all(feature = "code-cache", unix))]
    fn compile<C: Code>(&self, wasm: &[u8], digest: &[u8; 32]) -> wasmtime::Result<C> {
        let Some(cache) = &self.0.code_cache else {
            return C::compile(self.raw(), wasm);
        };
        cache.compile(self.raw(), || self.0.settings.config(), wasm, digest)
    }

    #[cfg(not(all(feature = "code-cache", unix)))]
    fn compile<C: Code>(&self, wasm: &[u8], _digest: &[u8; 32]) -> wasmtime::Result<C> {
        C::compile(self.raw(), wasm)
    }

    pub(crate) fn raw(&self) -> &wasmtime::Engine {
        &self.0.engine
    }

    /// Whether it counts fuel: a setting that compiled code depends on.
    pub fn counts_fuel(&self) -> bool {
        self.0.settings.counts_fuel
    }

    /// What components of this engine are called on.
    pub(crate) fn stack(&self) -> Stack {
        self.0.settings.stack
    }

    /// Keeps deadlines going until the guard is dropped.
    pub(crate) fn live(&self) -> Result<Live<'_>, Error> {
        self.0
            .ticker
            .run()
            .map_err(|error| Error::no_ticker(&error))
    }

    /// The same for an instance that stays open from one call to the next.
    pub(crate) fn hold(&self) -> Result<Held, Error> {
        self.0
            .ticker
            .hold()
            .map_err(|error| Error::no_ticker(&error))
    }

    /// The engine that kernels run on.
    pub(crate) fn kernels(&self) -> Result<&KernelEngine, Error> {
        if self.0.kernels.get().is_none() {
            // Two threads may both make one; the first is kept.
            let _ = self.0.kernels.set(KernelEngine::new(self.counts_fuel())?);
        }
        Ok(self.0.kernels.get().expect("it was set above"))
    }

    /// The linker that holds what `caps` grant, and nothing else.
    pub(crate) fn linker(&self, caps: CapSet) -> Result<Arc<Linker<Guest>>, Error> {
        let mut linkers = self
            .0
            .linkers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        linker_of(&mut linkers, self.raw(), caps)
    }

    /// The same for components.
    pub(crate) fn component_linker(
        &self,
        caps: CapSet,
    ) -> Result<Arc<component::Linker<Guest>>, Error> {
        let linkers = &self.0.component_linkers;
        let mut linkers = linkers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, linker)) = linkers.iter().find(|(held, _)| *held == caps) {
            return Ok(Arc::clone(linker));
        }
        let linker = dock_component::linker(self.raw(), caps);
        let linker = Arc::new(linker.map_err(|error| Error::engine(&error))?);
        linkers.push((caps, Arc::clone(&linker)));
        Ok(linker)
    }
}

fn malformed(error: &wasmtime::Error, wanted: &str) -> Error {
    ErrorKind::Malformed {
        message: format!("{error:#}; a {wanted} was wanted"),
    }
    .into()
}

/// The linker for `caps`, made for the first program that is admitted with them.
fn linker_of(
    linkers: &mut Linkers,
    engine: &wasmtime::Engine,
    caps: CapSet,
) -> Result<Arc<Linker<Guest>>, Error> {
    if let Some((_, linker)) = linkers.iter().find(|(held, _)| *held == caps) {
        return Ok(Arc::clone(linker));
    }
    let linker = import::linker(engine, caps).map_err(|error| Error::engine(&error))?;
    let linker = Arc::new(linker);
    linkers.push((caps, Arc::clone(&linker)));
    Ok(linker)
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// What a component is called on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Stack {
    /// A stack of its own.
    #[default]
    Own,
    /// The stack of whoever calls.
    Caller,
}

/// Settings for an [`Engine`].
///
/// Default: memory on demand, no fuel, compile limits for code of strangers.
#[derive(Clone, Debug, Default)]
pub struct EngineBuilder {
    pool: Option<u32>,
    counts_fuel: bool,
    stack: Stack,
    #[cfg(all(feature = "code-cache", unix))]
    code_cache: Option<std::path::PathBuf>,
    compile_limits: CompileLimits,
}

impl EngineBuilder {
    /// Reserves room for `instances` guests at a time, nested ones included.
    ///
    /// For servers: a run then starts in microseconds. Reserving costs a few
    /// milliseconds once, and 5 GiB of address space an instance. One more guest
    /// than there is room for is [`ErrorKind::Busy`], not a wait. Kernels take no room of
    /// it.
    #[must_use]
    pub fn pooling(mut self, instances: u32) -> Self {
        self.pool = Some(instances);
        self
    }

    /// Counts fuel, so that limits on it hold: a grant that limits it is not admitted
    /// without. Costs guests speed.
    #[must_use]
    pub fn fuel(mut self, counts: bool) -> Self {
        self.counts_fuel = counts;
        self
    }

    /// Calls components on the stack of whoever calls them, of which they need up to
    /// 1 MiB, where a stack of their own makes a short call take twice as long. As with
    /// kernels, an open instance that nobody calls costs 250 wake-ups a second.
    ///
    /// The guests of such an engine, commands too, have 512 KiB of stack instead of
    /// 8 MiB. Deeper recursion is a trap, as it always is.
    #[must_use]
    pub fn callers_stack(mut self) -> Self {
        self.stack = Stack::Caller;
        self
    }

    /// Keeps compiled code in `directory`, which must belong to this user and be
    /// closed to others; it is made if it is not there. Several processes may share
    /// it. A disk that is full or read-only costs time and nothing else.
    #[cfg(all(feature = "code-cache", unix))]
    #[must_use]
    pub fn code_cache(mut self, directory: impl Into<std::path::PathBuf>) -> Self {
        self.code_cache = Some(directory.into());
        self
    }

    /// What [`Engine::load`] and [`Engine::load_component`] accept.
    #[must_use]
    pub fn compile_limits(mut self, limits: CompileLimits) -> Self {
        self.compile_limits = limits;
        self
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Engine`] when the machine is not supported, or has not the
    /// address space for the pool; or when other users can write to the code cache.
    pub fn build(self) -> Result<Engine, Error> {
        let mut config = self.config();
        if let Some(instances) = self.pool {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
        }
        #[cfg(all(feature = "code-cache", unix))]
        config.enable_compiler(self.code_cache.is_none());
        let engine = wasmtime::Engine::new(&config).map_err(|error| Error::engine(&error))?;
        #[cfg(all(feature = "code-cache", unix))]
        let code_cache = self
            .code_cache
            .as_ref()
            .map(|directory| crate::code_cache::CodeCache::open(directory, &engine))
            .transpose()
            .map_err(|_| ErrorKind::Engine {
                message: "the directory of the code cache is not private to this user".into(),
            })?;
        let ticker = Ticker::new(&engine);
        Ok(Engine(Arc::new(Inner {
            engine,
            #[cfg(all(feature = "code-cache", unix))]
            code_cache,
            ticker,
            linkers: Mutex::default(),
            kernels: OnceLock::new(),
            settings: self,
            component_linkers: Mutex::default(),
        })))
    }

    /// What compiled code depends on.
    fn config(&self) -> Config {
        let stack = match self.stack {
            Stack::Own => GUEST_STACK,
            Stack::Caller => CALLERS_STACK,
        };
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::Speed)
            .epoch_interruption(true)
            .consume_fuel(self.counts_fuel)
            .max_wasm_stack(stack)
            .async_stack_size(stack + HOST_STACK)
            // setjmp of the C lane is made of exceptions, and some programs throw
            // millions of them: they must be collected.
            .wasm_exceptions(true)
            .collector(Collector::Copying)
            .wasm_memory64(false)
            // The engine's own code between the parts of a component has the memories of
            // both. A guest's module has one: see `CompileLimits::memories`.
            .wasm_multi_memory(true)
            // The same bytes on every machine.
            .relaxed_simd_deterministic(true)
            .wasm_backtrace_max_frames(None)
            // Nothing reads backtraces, and the map to make them is a tenth of the code.
            .generate_address_map(false);
        config
    }
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(instances)
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .max_tables_per_module(TABLES)
        .total_gc_heaps(instances)
        .total_stacks(instances)
        .max_memory_size(4 << 30)
        .max_core_instance_size(INSTANCE_SIZE)
        .total_component_instances(instances)
        .max_core_instances_per_component(COMPONENT_PARTS)
        .max_memories_per_component(COMPONENT_PARTS)
        .max_tables_per_component(COMPONENT_PARTS * TABLES)
        .max_component_instance_size(INSTANCE_SIZE)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(64 << 10)
        // Without the scan, resetting memory costs in proportion to what is kept.
        .pagemap_scan(Enabled::Auto);
    pool
}
