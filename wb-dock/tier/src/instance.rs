use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use wb_dock::{
    Account, Command, ComponentProgram, Engine, ErrorKind, Grant, Invocation, Outcome, Program,
    Services,
};
use wb_policy::Tier;

use crate::runner::{want_command, want_component, want_kernel};
use crate::{Call, Contract, Error, Module, Runner, Values};

/// Runs guests in this process: the tier that is always there. It keeps the code of every
/// program that it ran, so that each is loaded once.
#[derive(Debug)]
pub struct Instance {
    engine: Engine,
    programs: Mutex<BTreeMap<[u8; 32], Program>>,
    components: Mutex<BTreeMap<[u8; 32], ComponentProgram>>,
}

impl Instance {
    /// Runs on `engine`.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            programs: Mutex::default(),
            components: Mutex::default(),
        }
    }

    fn load(&self, module: &Module) -> Result<Program, Error> {
        loaded(&self.programs, module, |wasm| self.engine.load(wasm))
    }

    fn load_component(&self, module: &Module) -> Result<ComponentProgram, Error> {
        loaded(&self.components, module, |wasm| {
            self.engine.load_component(wasm)
        })
    }

    fn command(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
    ) -> Result<Command, Error> {
        want_command(module)?;
        Ok(self.load(module)?.admit(grant, services)?)
    }
}

/// The program of `module`, loaded unless it was before.
fn loaded<P: Clone>(
    held: &Mutex<BTreeMap<[u8; 32], P>>,
    module: &Module,
    load: impl FnOnce(&[u8]) -> Result<P, wb_dock::Error>,
) -> Result<P, Error> {
    let held = || held.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(program) = held().get(&module.digest()) {
        return Ok(program.clone());
    }
    // Two threads may load one program twice; neither waits for the other.
    let program = load(module.wasm())?;
    held().insert(module.digest(), program.clone());
    Ok(program)
}

impl Runner for Instance {
    fn tier(&self) -> Tier {
        Tier::Instance
    }

    fn admit(&self, module: &Module, grant: &Grant, services: &Services) -> Result<(), Error> {
        match module.contract() {
            Contract::Command => drop(self.command(module, grant, services)?),
            Contract::Component => drop(self.load_component(module)?.admit(grant, services)?),
            Contract::Kernel(entry) => {
                drop(self.load(module)?.admit_kernel(entry, grant, services)?);
            }
        }
        Ok(())
    }

    fn run(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        Ok(self.command(module, grant, services)?.run(invocation)?)
    }

    fn run_on(
        &self,
        account: Account,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        let command = self.command(module, grant, services)?;
        Ok(command.run_on(account, invocation)?)
    }

    fn call(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
        call: &Call,
    ) -> Result<(String, Outcome), Error> {
        want_component(module)?;
        let component = self.load_component(module)?.admit(grant, services)?;
        let mut instance = component.start(invocation)?;
        let value = call.make(&mut instance)?;
        Ok((value, instance.finish()))
    }

    fn process(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        name: &str,
        frame: Bytes,
    ) -> Result<(Bytes, Outcome), Error> {
        let entry = want_kernel(module)?;
        let kernel = self.load(module)?.admit_kernel(entry, grant, services)?;
        let mut instance = kernel.open(name)?;
        let result = Bytes::copy_from_slice(instance.call(&frame)?);
        let mut outcome = Outcome::default();
        outcome.usage = instance.usage();
        Ok((result, outcome))
    }
}

impl Call {
    /// Makes the call, in this process: the value as text, in the form of the values.
    ///
    /// # Errors
    ///
    /// Those of [`Instance::call_json`](wb_dock::Instance::call_json);
    /// [`ErrorKind::BadCall`](wb_dock::ErrorKind::BadCall) for values that are no JSON.
    pub fn make(&self, instance: &mut wb_dock::Instance) -> Result<String, wb_dock::Error> {
        match &self.values {
            Values::Wave(text) => instance.call_wave(&self.function, text),
            Values::Json(text) => {
                let values = serde_json::from_str(text).map_err(|error| ErrorKind::BadCall {
                    function: self.function.clone(),
                    reason: format!("its values are no JSON: {error}"),
                })?;
                let value = instance.call_json(&self.function, &values)?;
                Ok(value.to_string())
            }
        }
    }
}
