//! Components and kernels by name: typed values or bytes in, the same out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wb_dock::{Invocation, Outcome};
use wb_policy::{Profile, Shape, Tier, Usage, tier};
use wb_registry::{Binding, Store as _};

use super::Nexus;
use crate::error::{Error, ErrorKind};

/// The values that a function of a component is called with.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// WAVE text, separated by commas; the value comes back as WAVE.
    Wave(&'a str),
    /// An array of all values, or an object of them by the names of the parameters;
    /// the value comes back as JSON.
    Json(&'a Value),
    /// The one string that the function takes, as it is; the value comes back as it
    /// is if it is a string, else as JSON.
    Text(&'a str),
}

/// What came of a call of a component.
#[derive(Debug)]
pub struct Returned {
    /// The value: of WAVE text, that text.
    pub value: Value,
    /// What the instance wrote and used.
    pub outcome: Outcome,
}

/// What came of a call of a kernel.
#[derive(Debug)]
pub struct Processed {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What the instance used.
    pub usage: Usage,
    /// How long it took, from start to end.
    pub elapsed: Duration,
}

impl Nexus {
    /// Calls `function` of the component `name`, or the entry that its manifest
    /// declares, in an instance of its own.
    ///
    /// `values` is asked for the values once the function is known: whether it takes
    /// one string and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotRunnable`] for what is no component; [`ErrorKind::TierUnavailable`]:
    /// workers run commands only; those of [`Nexus::run`], and [`ErrorKind::Dock`] for
    /// a function that is not there or does not take these values.
    pub fn call<'v>(
        &self,
        (name, function): (&str, Option<&str>),
        values: impl FnOnce(bool) -> Result<Values<'v>, Error>,
        invocation: Invocation,
        profile: &Profile,
    ) -> Result<Returned, Error> {
        let binding = self.resolve(name)?;
        let grant = self.grant_typed(&binding, Shape::Component, profile)?;
        let wasm = self.store.get(&binding.digest)?;
        let program = self.engine()?.load_component(&wasm)?;
        let entry = binding.entry.as_deref().unwrap_or("run");
        let function = program.function(function.unwrap_or(entry))?.clone();
        let values = values(function.takes_text())?;
        let services = self.services(&grant, profile)?;
        let component = program.admit(&grant, &services)?;
        let mut instance = component.start(invocation)?;
        let function = function.full_name();
        let value = match values {
            Values::Wave(text) => Value::String(instance.call_wave(&function, text)?),
            Values::Json(values) => instance.call_json(&function, values)?,
            Values::Text(text) => instance.call_json(&function, &json!([text]))?,
        };
        let outcome = instance.finish();
        Ok(Returned { value, outcome })
    }

    /// Calls the kernel `name` once, with one frame.
    ///
    /// # Errors
    ///
    /// As for [`Nexus::call`]; [`ErrorKind::Dock`] with the kernel's own error as well.
    pub fn process(&self, name: &str, frame: &[u8], profile: &Profile) -> Result<Processed, Error> {
        let start = Instant::now();
        let binding = self.resolve(name)?;
        let grant = self.grant_typed(&binding, Shape::Kernel, profile)?;
        let program = self.load(&binding)?;
        let services = self.services(&grant, profile)?;
        let entry = binding.entry.as_deref().unwrap_or("process");
        let mut instance = program.admit_kernel(entry, &grant, &services)?.open(name)?;
        let bytes = instance.call(frame)?.to_vec();
        Ok(Processed {
            bytes,
            usage: instance.usage(),
            elapsed: start.elapsed(),
        })
    }

    fn grant_typed(
        &self,
        binding: &Binding,
        wanted: Shape,
        profile: &Profile,
    ) -> Result<wb_policy::Grant, Error> {
        let grant = self.grant(binding, wanted, profile)?;
        match tier(binding.shape, binding.trust, self.posture()?) {
            Tier::Instance => Ok(grant),
            tier => {
                let name = binding.name.to_string();
                Err(ErrorKind::TierUnavailable { name, tier }.into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
