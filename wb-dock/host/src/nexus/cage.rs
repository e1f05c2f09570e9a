//! Runs outside of this process: what policy says must be contained better.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wb_dock::cap::{Cage, Failure, FailureKind};
use wb_dock::{Account, Engine, Grant, Invocation, Outcome, Services};
use wb_policy::{Shape, Tier};
use wb_registry::{Binding, Store as _};
use wb_tier::{Module, Runner};

use super::Nexus;
use crate::error::Error;

/// The tiers that were asked for, each set up once.
#[derive(Clone, Default)]
pub(super) struct Cages(Arc<Mutex<BTreeMap<Tier, Arc<dyn Runner>>>>);

impl Cages {
    fn get(&self, tier: Tier, engine: &Engine) -> Result<Arc<dyn Runner>, Error> {
        let mut cages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cage) = cages.get(&tier) {
            return Ok(cage.clone());
        }
        let cage = set_up(tier, engine)?;
        cages.insert(tier, cage.clone());
        Ok(cage)
    }
}

/// Workers run what is compiled on `engine`, and so kept in its code cache.
#[cfg(target_os = "linux")]
fn set_up(tier: Tier, engine: &Engine) -> Result<Arc<dyn Runner>, Error> {
    use wb_tier::{Container, Process, Vm};
    // Says whether this program can be its own worker, whatever it runs in.
    let process = Process::new()?;
    let worker = || std::env::current_exe().map_err(|error| Error::io("find", "wbx", error));
    let engine = engine.clone();
    Ok(match tier {
        Tier::Instance | Tier::Process => Arc::new(process.compiled_on(engine)),
        Tier::Vm => Arc::new(Vm::new(&Vm::parts(&worker()?)?)?.compiled_on(engine)),
        Tier::Container => Arc::new(Container::new(&worker()?)?.compiled_on(engine)),
    })
}

#[cfg(not(target_os = "linux"))]
fn set_up(tier: Tier, _: &Engine) -> Result<Arc<dyn Runner>, Error> {
    let missing = "workers are confined by means of Linux".to_owned();
    let remedy = "run it on Linux, or accept the tier `instance`".to_owned();
    let unavailable = wb_tier::Unavailable {
        tier,
        missing,
        remedy,
    };
    Err(wb_tier::Error::from(unavailable).into())
}

/// A program, and the workers that it runs in.
#[derive(Clone)]
pub(super) struct Caged {
    pub(super) runner: Arc<dyn Runner>,
    pub(super) module: Module,
}

impl Nexus {
    /// The program of `binding` in workers of `tier`.
    pub(super) fn caged(&self, binding: &Binding, tier: Tier) -> Result<Caged, Error> {
        let wasm = if binding.name.is_reserved() {
            self.wasm_of_built_in(binding.name.as_str())?
        } else {
            self.store.get(&binding.digest)?
        };
        Ok(Caged {
            runner: self.cages.get(tier, &self.engine()?)?,
            module: match binding.shape {
                Shape::Component => Module::component(wasm),
                Shape::Kernel => Module::kernel(wasm, super::call::entry_of_kernel(binding)),
                _ => Module::new(wasm),
            },
        })
    }
}

/// For commands that another run starts.
impl Cage for Caged {
    fn run(
        &self,
        account: Account,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Result<Outcome, wb_dock::Error>, Failure> {
        let ran = self
            .runner
            .run_on(account, &self.module, grant, services, invocation);
        match ran {
            Ok(outcome) => Ok(Ok(outcome)),
            Err(wb_tier::Error::Dock(error)) => Ok(Err(error)),
            Err(error) => {
                let kind = match &error {
                    wb_tier::Error::Unavailable(_) | wb_tier::Error::Start { .. } => {
                        FailureKind::Unavailable
                    }
                    _ => FailureKind::Failed,
                };
                Err(Failure::new(kind, error.to_string()))
            }
        }
    }
}

impl fmt::Debug for Cages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cages").finish_non_exhaustive()
    }
}
