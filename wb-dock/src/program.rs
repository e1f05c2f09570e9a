use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{InstancePre, Module, ModuleExport};
use wb_policy::{CapSet, Grant, Import, Profiles, denied_imports};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::guest::Guest;
use crate::services::Services;
use crate::shape::Command;

mod prescan;

pub use prescan::CompileLimits;
pub(crate) use prescan::check;

/// A compiled module, not yet allowed anything.
///
/// Cloning shares the code.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    engine: Engine,
    module: Module,
    digest: [u8; 32],
    start: Option<ModuleExport>,
    memory: Option<ModuleExport>,
    /// Linked for each set of capabilities it was admitted with.
    linked: Mutex<Vec<(CapSet, InstancePre<Guest>)>>,
}

impl Program {
    pub(crate) fn new(engine: &Engine, module: Module, digest: [u8; 32]) -> Self {
        let start = module.get_export_index("_start");
        let memory = module.get_export_index("memory");
        Self(Arc::new(Inner {
            engine: engine.clone(),
            module,
            digest,
            start,
            memory,
            linked: Mutex::default(),
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
    /// capability it needs and the smallest profile that grants it.
    /// [`ErrorKind::NotACommand`] if there is nothing to start.
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
        if grant.limits().fuel.is_some() && !self.0.engine.counts_fuel() {
            return Err(ErrorKind::Engine {
                message: "the grant limits fuel, which this engine does not count".into(),
            }
            .into());
        }
        let linked = self.linked(grant)?;
        Command::new(self.clone(), linked, grant, services)
    }

    fn linked(&self, grant: &Grant) -> Result<InstancePre<Guest>, Error> {
        let caps = grant.caps();
        let held = |linked: &[(CapSet, InstancePre<Guest>)]| {
            let (_, pre) = linked.iter().find(|(held, _)| *held == caps)?;
            Some(pre.clone())
        };
        if let Some(pre) = held(&self.0.linked.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(pre);
        }
        let imports = self
            .imports()
            .map(|(module, name)| Import::Core { module, name });
        let denied = denied_imports(imports, grant, &Profiles::built_in());
        if !denied.is_empty() {
            return Err(ErrorKind::NotGranted { denied }.into());
        }
        let pre = self
            .0
            .engine
            .linker(caps)?
            .instantiate_pre(&self.0.module)
            .map_err(|error| Error::engine(&error))?;
        let mut linked = self.0.linked.lock().unwrap_or_else(PoisonError::into_inner);
        if held(&linked).is_none() {
            linked.push((caps, pre.clone()));
        }
        Ok(pre)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn start(&self) -> Option<&ModuleExport> {
        self.0.start.as_ref()
    }

    pub(crate) fn memory(&self) -> Option<&ModuleExport> {
        self.0.memory.as_ref()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}
