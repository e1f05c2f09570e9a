use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use wb_dock::{Engine, Grant, Invocation, Outcome, Program, Services};
use wb_policy::Tier;

use crate::{Error, Module, Runner};

/// Runs guests in this process: the tier that is always there.
#[derive(Debug)]
pub struct Instance {
    engine: Engine,
    programs: Mutex<BTreeMap<[u8; 32], Program>>,
}

impl Instance {
    /// Runs on `engine`.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            programs: Mutex::default(),
        }
    }

    fn load(&self, module: &Module) -> Result<Program, Error> {
        let programs = || self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs().get(&module.digest()) {
            return Ok(program.clone());
        }
        // Two threads may load one program twice; neither waits for the other.
        let program = self.engine.load(module.wasm())?;
        programs().insert(module.digest(), program.clone());
        Ok(program)
    }
}

impl Runner for Instance {
    fn tier(&self) -> Tier {
        Tier::Instance
    }

    fn run(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        let command = self.load(module)?.admit(grant, services)?;
        Ok(command.run(invocation)?)
    }
}
