use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use wasmtime::{ExternType, InstancePre, Module, ModuleExport};
use wb_policy::{Cap, CapSet, Grant, Import, Profiles, core_import, denied_imports};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::guest::Guest;
use crate::services::Services;
use crate::shape::{Command, Kernel};

mod component;
mod prescan;
mod signature;

pub use component::{ComponentProgram, Function};
pub use prescan::CompileLimits;
pub(crate) use prescan::{check, check_component};
pub use signature::Signature;
pub(crate) use signature::signatures;

/// A compiled module, not yet allowed anything.
///
/// Cloning shares the code.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    engine: Engine,
    module: Module,
    digest: [u8; 32],
    /// The capabilities behind its imports.
    needs: CapSet,
    start: Option<ModuleExport>,
    memory: Option<ModuleExport>,
    /// Linked for each set of capabilities it was admitted with.
    linked: Mutex<Vec<(CapSet, InstancePre<Guest>)>>,
    /// The same code for the engine of kernels, once it was admitted as one.
    kernel: OnceLock<Module>,
}

impl Program {
    pub(crate) fn new(engine: &Engine, module: Module, digest: [u8; 32]) -> Self {
        let is_start = |ty: &ExternType| {
            let function = ty.func();
            function.is_some_and(|ty| ty.params().len() == 0 && ty.results().len() == 0)
        };
        let start = module.get_export("_start").filter(is_start);
        let start = start.and_then(|_| module.get_export_index("_start"));
        let memory = module
            .get_export("memory")
            .filter(|ty| ty.memory().is_some());
        let memory = memory.and_then(|_| module.get_export_index("memory"));
        let needs = module
            .imports()
            .flat_map(|import| core_import(import.module(), import.name()).caps().to_vec())
            .collect();
        Self(Arc::new(Inner {
            engine: engine.clone(),
            needs,
            module,
            digest,
            start,
            memory,
            linked: Mutex::default(),
            kernel: OnceLock::new(),
        }))
    }

    /// The SHA-256 of the wasm bytes.
    pub fn digest(&self) -> [u8; 32] {
        self.0.digest
    }

    /// Module and name of everything the program imports.
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .module
            .imports()
            .map(|import| (import.module(), import.name()))
    }

    /// Links this program to exactly the imports in `grant`.
    ///
    /// An import outside the grant is not refused when called; it is not there,
    /// so this fails before any guest code runs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotGranted`] names each import that is not covered, the
    /// capability it needs and the smallest profile that grants it;
    /// [`ErrorKind::NotProvided`] a granted capability that `services` left empty;
    /// [`ErrorKind::ImportType`] an import that has another type than the Dock's.
    /// [`ErrorKind::NotACommand`] if there is nothing to start: no export `_start` without
    /// parameters and results, or no `memory` beside imports. [`ErrorKind::Engine`] if the
    /// grant limits fuel and the engine does not [count](crate::EngineBuilder::fuel) it.
    ///
    /// # Examples
    ///
    /// ```
    /// use wb_dock::{Engine, Grant, Services};
    ///
    /// # let wasm = wat::parse_str(r#"(module
    /// #   (import "wb:commands" "run" (func (param i32 i32 i32 i32 i32 i32) (result i32)))
    /// #   (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
    /// let program = Engine::new()?.load(&wasm)?;
    /// let error = program.admit(&Grant::none(), &Services::default()).unwrap_err();
    /// assert_eq!(error.code(), "dock/not-granted");
    /// # Ok::<(), wb_dock::Error>(())
    /// ```
    pub fn admit(&self, grant: &Grant, services: &Services) -> Result<Command, Error> {
        self.admit_shared(grant, &Arc::new(services.clone()))
    }

    /// Admits a program for a run inside another, which has the same services.
    pub(crate) fn admit_shared(
        &self,
        grant: &Grant,
        services: &Arc<Services>,
    ) -> Result<Command, Error> {
        self.check_fuel(grant)?;
        let linked = self.linked(grant, services)?;
        Command::new(self.clone(), linked, grant, services)
    }

    /// Links this program to exactly the imports in `grant`, as a kernel whose export
    /// `entry` is called for each frame.
    ///
    /// # Errors
    ///
    /// As for [`Program::admit`], but [`ErrorKind::NotAKernel`] for exports that are
    /// missing or of another type.
    ///
    /// # Examples
    ///
    /// ```
    /// use wb_dock::{Engine, Grant, Services};
    ///
    /// # let wasm = wat::parse_str(r#"(module
    /// #   (memory (export "memory") 1)
    /// #   (func (export "in_ptr") (result i32) (i32.const 1024))
    /// #   (func (export "out_ptr") (result i32) (i32.const 1024))
    /// #   (func (export "process") (param i32) (result i32) (local.get 0)))"#).unwrap();
    /// let program = Engine::new()?.load(&wasm)?;
    /// let kernel = program.admit_kernel("process", &Grant::none(), &Services::default())?;
    /// let mut copies = kernel.open("copies")?; // instantiated here, once
    /// for frame in [&b"one"[..], b"two"] {
    ///     assert_eq!(copies.call(frame)?, frame);
    /// }
    /// # Ok::<(), wb_dock::Error>(())
    /// ```
    pub fn admit_kernel(
        &self,
        entry: &str,
        grant: &Grant,
        services: &Services,
    ) -> Result<Kernel, Error> {
        self.check_fuel(grant)?;
        self.check_granted(grant, services)?;
        // The arena of frames comes with the kernel and needs no service.
        self.check_provided(services.provided().with(Cap::Frames))?;
        let kernels = self.0.engine.kernels()?;
        let module = if let Some(module) = self.0.kernel.get() {
            module
        } else {
            let adopted = kernels.adopt(&self.0.module)?;
            self.0.kernel.get_or_init(|| adopted)
        };
        let linked = kernels
            .linker(grant.caps())?
            .instantiate_pre(module)
            .map_err(|error| ErrorKind::ImportType {
                message: format!("{error:#}"),
            })?;
        Kernel::new(self.clone(), linked, entry, grant, services)
    }

    fn check_fuel(&self, grant: &Grant) -> Result<(), Error> {
        if grant.limits().fuel.is_some() && !self.0.engine.counts_fuel() {
            return Err(ErrorKind::Engine {
                message: "the grant limits fuel, which this engine does not count".into(),
            }
            .into());
        }
        Ok(())
    }

    /// The program linked to what `grant` covers, the second wall; linked once for
    /// each set of capabilities.
    pub(crate) fn linked(
        &self,
        grant: &Grant,
        services: &Services,
    ) -> Result<InstancePre<Guest>, Error> {
        let caps = grant.caps();
        let held = self
            .lock()
            .iter()
            .find(|(held, _)| *held == caps)
            .map(|(_, linked)| linked.clone());
        if held.is_none() {
            self.check_granted(grant, services)?;
        }
        self.check_provided(services.provided())?;
        if let Some(linked) = held {
            return Ok(linked);
        }
        let linked = self
            .0
            .engine
            .linker(caps)?
            .instantiate_pre(&self.0.module)
            .map_err(|error| ErrorKind::ImportType {
                message: format!("{error:#}"),
            })?;
        // Two threads may both have linked it; either result will do.
        self.lock().push((caps, linked.clone()));
        Ok(linked)
    }

    /// The first wall: our own list, which can name every import that is refused.
    fn check_granted(&self, grant: &Grant, services: &Services) -> Result<(), Error> {
        let imports = self
            .imports()
            .map(|(module, name)| Import::Core { module, name });
        let denied = match &services.profiles {
            Some(profiles) => denied_imports(imports, grant, profiles),
            None => denied_imports(imports, grant, &Profiles::built_in()),
        };
        if denied.is_empty() {
            return Ok(());
        }
        Err(ErrorKind::NotGranted { denied }.into())
    }

    /// Whether the host has something behind every import.
    fn check_provided(&self, provided: CapSet) -> Result<(), Error> {
        let missing = self.0.needs.difference(provided);
        let Some(cap) = missing.iter().next() else {
            return Ok(());
        };
        let import = self
            .imports()
            .find(|(module, name)| core_import(module, name).caps().contains(&cap))
            .map(|(module, name)| Import::Core { module, name }.to_string())
            .unwrap_or_default();
        Err(ErrorKind::NotProvided { cap, import }.into())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(CapSet, InstancePre<Guest>)>> {
        self.0.linked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn module(&self) -> &Module {
        &self.0.module
    }

    /// The export `_start`, if it is a function of nothing to nothing.
    pub(crate) fn start(&self) -> Option<&ModuleExport> {
        self.0.start.as_ref()
    }

    /// The export `memory`, if it is one.
    pub(crate) fn memory(&self) -> Option<&ModuleExport> {
        self.0.memory.as_ref()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}
