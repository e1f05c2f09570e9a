use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::InstancePre;
use wb_policy::Grant;

use super::Invocation;
use crate::error::Error;
use crate::guest::Guest;
use crate::outcome::Outcome;
use crate::program::ComponentProgram;
use crate::services::Services;

mod instance;
mod json;
mod typed;
mod wave;

pub use instance::Instance;
pub use typed::{Params, Results, TypedFunction};

/// A component that was admitted: functions to be called with typed values.
///
/// Each of the calls here has a fresh instance, so that nothing passes from one to
/// the next; [`Component::start`] gives an instance to call more than once.
/// Cloning shares the program; calls on several threads do not wait for each other.
///
/// | Values | Calls |
/// |---|---|
/// | of Rust, as the type of a tuple | [`call_typed`](Component::call_typed) |
/// | as [WAVE](https://github.com/bytecodealliance/wasm-tools/tree/main/crates/wasm-wave) text | [`call_wave`](Component::call_wave) |
/// | as JSON | [`call_json`](Component::call_json) |
///
/// A function is named as [`ComponentProgram::function`] says.
#[derive(Clone)]
pub struct Component {
    program: ComponentProgram,
    linked: InstancePre<Guest>,
    grant: Arc<Grant>,
    services: Arc<Services>,
}

/// What came of a call with an instance of its own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Called<T> {
    /// What the function returned. A `result` of WIT that is an error is a value too.
    pub value: T,
    /// What the instance had written and used; its exit code is 0.
    pub outcome: Outcome,
}

impl Component {
    pub(crate) fn new(
        program: ComponentProgram,
        linked: InstancePre<Guest>,
        grant: &Grant,
        services: &Services,
    ) -> Self {
        Self {
            program,
            linked,
            grant: Arc::new(grant.clone()),
            services: Arc::new(services.clone()),
        }
    }

    /// The program behind the component.
    pub fn program(&self) -> &ComponentProgram {
        &self.program
    }

    /// Makes an instance: under the name, with the arguments, environment, files and
    /// streams of `invocation`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`](crate::ErrorKind::Limit), [`ErrorKind::Trap`](crate::ErrorKind::Trap)
    /// and [`ErrorKind::Exited`](crate::ErrorKind::Exited) for what it does while it starts;
    /// [`ErrorKind::BadArgument`](crate::ErrorKind::BadArgument),
    /// [`ErrorKind::BadPath`](crate::ErrorKind::BadPath) and
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) when it was not started, as for
    /// [`Command::run`](crate::Command::run).
    pub fn start(&self, invocation: Invocation) -> Result<Instance, Error> {
        Instance::start(self, invocation)
    }

    /// Calls a function with values of Rust.
    ///
    /// # Errors
    ///
    /// As for [`Instance::call_typed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use wb_dock::{Engine, Grant, Services};
    /// # let wasm = wat::parse_str(r#"(component
    /// #   (core module $m (func (export "add") (param i32 i32) (result i32)
    /// #     (i32.add (local.get 0) (local.get 1))))
    /// #   (core instance $i (instantiate $m))
    /// #   (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    /// #     (canon lift (core func $i "add"))))"#).unwrap();
    /// # let program = Engine::new()?.load_component(&wasm)?;
    /// let adder = program.admit(&Grant::none(), &Services::default())?;
    /// let (sum,) = adder.call_typed::<(u32, u32), (u32,)>("add", (2, 3))?.value;
    /// assert_eq!(sum, 5);
    /// # Ok::<(), wb_dock::Error>(())
    /// ```
    pub fn call_typed<P: Params, R: Results>(
        &self,
        function: &str,
        params: P,
    ) -> Result<Called<R>, Error> {
        self.call_once(function, |instance| instance.call_typed(function, params))
    }

    /// Calls a function with values in WAVE text, separated by commas; returns its
    /// value in WAVE text, empty if there is none.
    ///
    /// # Errors
    ///
    /// As for [`Instance::call_wave`].
    pub fn call_wave(&self, function: &str, args: &str) -> Result<Called<String>, Error> {
        self.call_once(function, |instance| instance.call_wave(function, args))
    }

    /// Calls a function with values in JSON, and returns its value in JSON, `null` if
    /// there is none. [`Instance::call_json`] says how types and JSON correspond.
    ///
    /// # Errors
    ///
    /// As for [`Instance::call_json`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use wb_dock::{Engine, Grant, Services};
    /// # let wasm = wat::parse_str(r#"(component
    /// #   (core module $m (func (export "add") (param i32 i32) (result i32)
    /// #     (i32.add (local.get 0) (local.get 1))))
    /// #   (core instance $i (instantiate $m))
    /// #   (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    /// #     (canon lift (core func $i "add"))))"#).unwrap();
    /// # let program = Engine::new()?.load_component(&wasm)?;
    /// let adder = program.admit(&Grant::none(), &Services::default())?;
    /// let sum = adder.call_json("add", &serde_json::json!({"a": 2, "b": 3}))?.value;
    /// assert_eq!(sum, 5);
    /// # Ok::<(), wb_dock::Error>(())
    /// ```
    pub fn call_json(&self, function: &str, args: &Value) -> Result<Called<Value>, Error> {
        self.call_once(function, |instance| instance.call_json(function, args))
    }

    fn call_once<T>(
        &self,
        function: &str,
        call: impl FnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<Called<T>, Error> {
        self.program.function(function)?;
        let mut instance = self.start(Invocation::new(function))?;
        let value = call(&mut instance)?;
        let outcome = instance.finish();
        Ok(Called { value, outcome })
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("caps", &self.grant.caps())
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
