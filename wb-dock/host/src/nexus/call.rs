//! Components and kernels by name: typed values or bytes in, the same out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use wb_dock::{Component, Function, Invocation, Outcome, Services, Signature};
use wb_policy::{Grant, Profile, Shape, Tier, Usage};
use wb_registry::{Binding, Store as _};
use wb_tier::Call;

use super::Nexus;
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

/// A function of a component that may be called.
#[derive(Debug)]
pub struct Callable<'n> {
    nexus: &'n Nexus,
    binding: Arc<Binding>,
    tier: Tier,
    grant: Grant,
    services: Services,
    functions: Vec<Signature>,
    function: Signature,
    /// It was admitted to this process; else a worker does it.
    here: Option<Component>,
}

impl Callable<'_> {
    /// The function: its name and its type.
    pub const fn function(&self) -> &Signature {
        &self.function
    }

    /// All functions of its component.
    pub fn functions(&self) -> impl Iterator<Item = &Signature> {
        self.functions.iter()
    }

    /// Calls it once, in an instance of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dock`](crate::ErrorKind::Dock) for values that it does not take, and
    /// with what happened in the sandbox; those of [`Nexus::run`] for its tier.
    pub fn call(&self, values: Values<'_>, invocation: Invocation) -> Result<Returned, Error> {
        let call = Call {
            function: self.function.full_name(),
            values: match values {
                Values::Wave(text) => wb_tier::Values::Wave(text.to_owned()),
                Values::Json(values) => wb_tier::Values::Json(values.to_string()),
                Values::Text(text) => wb_tier::Values::Json(json!([text]).to_string()),
            },
        };
        let (value, outcome) = if let Some(component) = &self.here {
            let mut instance = component.start(invocation)?;
            let value = call.make(&mut instance)?;
            (value, instance.finish())
        } else {
            let caged = self.nexus.caged(&self.binding, self.tier)?;
            let (module, services) = (&caged.module, &self.services);
            let runner = caged.runner()?;
            runner.call(module, &self.grant, services, invocation, &call)?
        };
        let is_err;
        let value = match call.values {
            wb_tier::Values::Wave(_) => {
                is_err = value.starts_with("err");
                Value::String(value)
            }
            wb_tier::Values::Json(_) => {
                let value: Value =
                    serde_json::from_str(&value).map_err(|error| wb_tier::Error::Protocol {
                        command: self.binding.name.to_string(),
                        message: format!("a value that is no JSON: {error}"),
                    })?;
                is_err = value.get("err").is_some();
                value
            }
        };
        Ok(Returned {
            value,
            is_err: is_err && self.function.gives_result(),
            outcome,
        })
    }
}

/// What came of a call of a component.
#[derive(Debug)]
pub struct Returned {
    /// The value: of WAVE text, that text.
    pub value: Value,
    /// Whether it is the `err` of a `result`.
    pub is_err: bool,
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
    /// A function of the component `name`, or the entry that its manifest declares, found
    /// and, where it is to run in this process, admitted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotRunnable`](crate::ErrorKind::NotRunnable) for what is no component;
    /// those of [`Nexus::run`], and [`ErrorKind::Dock`](crate::ErrorKind::Dock) for a
    /// function that is not there.
    pub fn callable(
        &self,
        name: &str,
        function: Option<&str>,
        profile: &Profile,
    ) -> Result<Callable<'_>, Error> {
        let binding = self.resolve(name)?;
        let (grant, tier) = self.grant(&binding, Shape::Component, profile)?;
        let wasm = self.store.get(&binding.digest)?;
        let entry = binding.entry.as_deref().unwrap_or("run");
        let services = self.services(&grant, profile)?;
        // What is to be contained better is not compiled here either.
        let program = match tier {
            Tier::Instance => Some(self.engine()?.load_component(&wasm)?),
            _ => None,
        };
        let functions = match &program {
            Some(program) => program.functions().map(Function::signature).collect(),
            None => self.engine()?.signatures(&wasm)?,
        };
        let function = Signature::find(&functions, function.unwrap_or(entry))?.clone();
        let here = program.map(|program| program.admit(&grant, &services));
        Ok(Callable {
            nexus: self,
            here: here.transpose()?,
            binding,
            tier,
            grant,
            services,
            functions,
            function,
        })
    }

    /// Calls the kernel `name` once, with one frame.
    ///
    /// # Errors
    ///
    /// As for [`Nexus::callable`]; [`ErrorKind::Dock`](crate::ErrorKind::Dock) with the kernel's own error as well.
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
            let caged = self.caged(&binding, tier)?;
            let frame = Bytes::copy_from_slice(frame);
            let runner = caged.runner()?;
            let (bytes, outcome) = runner.process(&caged.module, &grant, &services, name, frame)?;
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
