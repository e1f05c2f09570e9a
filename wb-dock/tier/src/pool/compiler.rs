use std::sync::{Mutex, PoisonError};

use wb_dock::{ComponentProgram, Engine, Error, Program};
use wb_policy::Trust;

use super::Guest;
use crate::{Contract, Module};

/// Programs whose code is kept. It is mapped from the engine's code cache, where there is
/// one.
const MOST_KEPT: usize = 64;

/// Compiles programs for workers: once, whoever runs them.
///
/// Not those of strangers: a compiler is a large thing to show to somebody who means to
/// break it, so theirs runs in the cage. The code goes from here to workers; none ever
/// comes from one.
pub(super) struct Compiler {
    engine: Engine,
    kept: Mutex<Vec<(Name, Compiled)>>,
}

/// A program, and whether it was read as a component.
type Name = ([u8; 32], bool);

#[derive(Clone)]
enum Compiled {
    Program(Program),
    Component(ComponentProgram),
}

impl Compiler {
    pub(super) fn new(engine: Engine) -> Self {
        Self {
            engine,
            kept: Mutex::default(),
        }
    }

    /// The machine code of the program; none if it is a stranger's, or a worker's engine
    /// would have another setting.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::load`] and of admission: what may not run needs no worker.
    pub(super) fn code(&self, guest: Guest<'_>, fuel: bool) -> Result<Option<Vec<u8>>, Error> {
        let (grant, services) = (guest.grant, guest.services);
        if grant.trust() != Trust::FirstParty || self.engine.counts_fuel() != fuel {
            return Ok(None);
        }
        let code = match (self.compiled(guest.module)?, guest.module.contract()) {
            (Compiled::Component(component), _) => {
                component.admit(grant, services)?;
                component.code()?
            }
            (Compiled::Program(program), Contract::Kernel(entry)) => {
                program.admit_kernel(entry, grant, services)?;
                program.code()?
            }
            (Compiled::Program(program), _) => {
                program.admit(grant, services)?;
                program.code()?
            }
        };
        Ok(Some(code))
    }

    fn compiled(&self, module: &Module) -> Result<Compiled, Error> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_component = *module.contract() == Contract::Component;
        let name = (module.digest(), is_component);
        if let Some((_, compiled)) = kept().iter().find(|(held, _)| *held == name) {
            return Ok(compiled.clone());
        }
        // Two threads may compile one program twice; neither waits for the other.
        let compiled = if is_component {
            Compiled::Component(self.engine.load_component(module.wasm())?)
        } else {
            Compiled::Program(self.engine.load(module.wasm())?)
        };
        let mut kept = kept();
        if kept.len() == MOST_KEPT {
            kept.remove(0);
        }
        kept.push((name, compiled.clone()));
        Ok(compiled)
    }
}
