//! Components and kernels by name: typed values or bytes in, the same out.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use wb_dock::{Invocation, Outcome};
use wb_policy::{Profile, Shape, Tier, Usage};
use wb_registry::{Binding, Store as _};
use wb_tier::Call;

use super::Nexus;
use super::cage::Caged;
use crate::error::Error;

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
    pub bytes: Bytes,
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
    /// [`ErrorKind::NotRunnable`] for what is no component; those of [`Nexus::run`], and
    /// [`ErrorKind::Dock`] for a function that is not there or does not take these values.
    pub fn call<'v>(
        &self,
        (name, function): (&str, Option<&str>),
        values: impl FnOnce(bool) -> Result<Values<'v>, Error>,
        invocation: Invocation,
        profile: &Profile,
    ) -> Result<Returned, Error> {
        let binding = self.resolve(name)?;
        let (grant, tier) = self.grant(&binding, Shape::Component, profile)?;
        let wasm = self.store.get(&binding.digest)?;
        let program = self.engine()?.load_component(&wasm)?;
        let entry = binding.entry.as_deref().unwrap_or("run");
        let function = program.function(function.unwrap_or(entry))?.clone();
        let values = values(function.takes_text())?;
        let services = self.services(&grant, profile)?;
        let call = Call {
            function: function.full_name(),
            values: match values {
                Values::Wave(text) => wb_tier::Values::Wave(text.to_owned()),
                Values::Json(values) => wb_tier::Values::Json(values.to_string()),
                Values::Text(text) => wb_tier::Values::Json(json!([text]).to_string()),
            },
        };
        let (value, outcome) = if tier == Tier::Instance {
            let mut instance = program.admit(&grant, &services)?.start(invocation)?;
            let value = call.make(&mut instance)?;
            (value, instance.finish())
        } else {
            let Caged { runner, module } = self.caged(&binding, tier)?;
            runner.call(&module, &grant, &services, invocation, &call)?
        };
        let value = match call.values {
            wb_tier::Values::Wave(_) => Value::String(value),
            wb_tier::Values::Json(_) => {
                serde_json::from_str(&value).map_err(|error| wb_tier::Error::Protocol {
                    command: name.to_owned(),
                    message: format!("a value that is no JSON: {error}"),
                })?
            }
        };
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
        let (grant, tier) = self.grant(&binding, Shape::Kernel, profile)?;
        let services = self.services(&grant, profile)?;
        let (bytes, usage) = if tier == Tier::Instance {
            let program = self.load(&binding)?;
            let kernel = program.admit_kernel(entry_of_kernel(&binding), &grant, &services)?;
            let mut instance = kernel.open(name)?;
            let bytes = Bytes::copy_from_slice(instance.call(frame)?);
            (bytes, instance.usage())
        } else {
            let Caged { runner, module } = self.caged(&binding, tier)?;
            let frame = Bytes::copy_from_slice(frame);
            let (bytes, outcome) = runner.process(&module, &grant, &services, name, frame)?;
            (bytes, outcome.usage)
        };
        Ok(Processed {
            bytes,
            usage,
            elapsed: start.elapsed(),
        })
    }
}

/// The export of a kernel that is called.
pub(super) fn entry_of_kernel(binding: &Binding) -> &str {
    binding.entry.as_deref().unwrap_or("process")
}

#[cfg(test)]
mod tests;
