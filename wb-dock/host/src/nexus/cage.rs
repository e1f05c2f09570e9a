//! Runs outside of this process: what policy says must be contained better.

use std::sync::Arc;
use std::time::Duration;

use wb_dock::cap::{Cage, Failure, FailureKind};
use wb_dock::{Account, Engine, Grant, Invocation, Outcome, Services};
use wb_policy::{Shape, Tier};
use wb_registry::{Binding, Store as _};
use wb_tier::{Module, Runner};

use super::Nexus;
use crate::error::Error;
use cages::Cages;

pub(super) mod cages;

/// Workers run what is compiled on `engine`, and so kept in its code cache, but for what
/// strangers wrote.
#[cfg(target_os = "linux")]
fn set_up(tier: Tier, engine: Engine) -> Result<Arc<dyn Runner>, wb_tier::Error> {
    use wb_tier::{Container, Process, Vm};
    // Says whether this program can be its own worker, whatever it runs in.
    let process = Process::new()?;
    let worker = || {
        std::env::current_exe().map_err(|error| wb_tier::Error::Start {
            tier,
            message: error.to_string(),
        })
    };
    Ok(match tier {
        Tier::Instance | Tier::Process => Arc::new(process.compiled_on(engine)),
        Tier::Vm => Arc::new(Vm::new(&Vm::parts(&worker()?)?)?.compiled_on(engine)),
        Tier::Container => Arc::new(Container::new(&worker()?)?.compiled_on(engine)),
    })
}

#[cfg(not(target_os = "linux"))]
fn set_up(tier: Tier, _: Engine) -> Result<Arc<dyn Runner>, wb_tier::Error> {
    let missing = "workers are confined by means of Linux".to_owned();
    let remedy = "run it on Linux, or accept the tier `instance`".to_owned();
    let unavailable = wb_tier::Unavailable {
        tier,
        missing,
        remedy,
    };
    Err(unavailable.into())
}

/// A program, and the workers that it runs in.
#[derive(Clone)]
pub(super) struct Caged {
    cages: Cages,
    engine: Engine,
    tier: Tier,
    pub(super) module: Module,
}

impl Caged {
    /// Who runs it: workers of its tier, which is set up if it was not needed before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tier`](crate::ErrorKind::Tier) when it is not to be had.
    pub(super) fn runner(&self) -> Result<Arc<dyn Runner>, Error> {
        Ok(self.runner_within(None)?)
    }

    fn runner_within(&self, time: Option<Duration>) -> Result<Arc<dyn Runner>, wb_tier::Error> {
        let (tier, engine) = (self.tier, self.engine.clone());
        let runner = self.cages.get(tier, time, move || set_up(tier, engine));
        Ok(runner?)
    }
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
            cages: self.cages.clone(),
            engine: self.engine()?,
            tier,
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
        let runner = self.runner_within(Some(account.time_left()));
        let ran = runner
            .and_then(|runner| runner.run_on(account, &self.module, grant, services, invocation));
        match ran {
            Ok(outcome) => Ok(Ok(outcome)),
            Err(wb_tier::Error::Dock(error)) => Ok(Err(error)),
            Err(error) => Err(failure(self.tier, &error)),
        }
    }
}

/// What a guest is told. Why there is no worker, in the words of a runtime or an emulator,
/// is full of paths of this machine.
fn failure(tier: Tier, error: &wb_tier::Error) -> Failure {
    match error {
        wb_tier::Error::Unavailable(_) | wb_tier::Error::Start { .. } => {
            Failure::unavailable(format!("the tier `{tier}` is not to be had"))
        }
        error => Failure::new(FailureKind::Failed, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_not_told_of_the_machine() {
        let said = "open /tmp/wb-container-x/root: denied".to_owned();
        let unavailable = wb_tier::Unavailable {
            tier: Tier::Container,
            missing: said.clone(),
            remedy: said.clone(),
        };
        let start = wb_tier::Error::Start {
            tier: Tier::Container,
            message: said,
        };
        for error in [start, unavailable.into()] {
            let told = failure(Tier::Container, &error);
            assert_eq!(told.kind, FailureKind::Unavailable);
            assert_eq!(told.message, "the tier `container` is not to be had");
        }
    }
}
