//! Runs outside of this process: what policy says must be contained better.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wb_dock::{Invocation, Outcome};
use wb_policy::{Grant, Profile, Tier};
use wb_registry::{Binding, Store as _};
use wb_tier::{Module, Runner};

use super::Nexus;
use crate::error::{Error, ErrorKind};

/// The tiers that were asked for, each set up once.
#[derive(Clone, Default)]
pub(super) struct Cages(Arc<Mutex<BTreeMap<Tier, Arc<dyn Runner>>>>);

impl Cages {
    fn get(&self, tier: Tier) -> Result<Arc<dyn Runner>, Error> {
        let mut cages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cage) = cages.get(&tier) {
            return Ok(cage.clone());
        }
        let cage = set_up(tier)?;
        cages.insert(tier, cage.clone());
        Ok(cage)
    }
}

#[cfg(target_os = "linux")]
fn set_up(tier: Tier) -> Result<Arc<dyn Runner>, Error> {
    // Says whether this program can be its own worker, whatever it runs in.
    let process = wb_tier::Process::new()?;
    let worker = || std::env::current_exe().map_err(|error| Error::io("find", "wbx", error));
    Ok(match tier {
        Tier::Instance | Tier::Process => Arc::new(process),
        Tier::Vm => Arc::new(wb_tier::Vm::new(&wb_tier::Vm::parts(&worker()?)?)?),
        Tier::Container => Arc::new(wb_tier::Container::new(&worker()?)?),
    })
}

#[cfg(not(target_os = "linux"))]
fn set_up(tier: Tier) -> Result<Arc<dyn Runner>, Error> {
    let missing = "workers are confined by means of Linux".to_owned();
    let remedy = "run it on Linux, or accept the tier `instance`".to_owned();
    let unavailable = wb_tier::Unavailable {
        tier,
        missing,
        remedy,
    };
    Err(wb_tier::Error::from(unavailable).into())
}

impl Nexus {
    /// Runs the command of `binding` in `tier`, which is not this process.
    pub(super) fn run_caged(
        &self,
        (binding, tier): (&Binding, Tier),
        grant: &Grant,
        profile: &Profile,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        if binding.name.is_reserved() {
            // A compiler is compiled ahead of time, which a worker does not take on trust.
            let name = binding.name.to_string();
            return Err(ErrorKind::TierUnavailable { name, tier }.into());
        }
        let cage = self.cages.get(tier)?;
        let module = Module::new(self.store.get(&binding.digest)?);
        let services = self.services(grant, profile)?;
        Ok(cage.run(&module, grant, &services, invocation)?)
    }
}

impl fmt::Debug for Cages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cages").finish_non_exhaustive()
    }
}
