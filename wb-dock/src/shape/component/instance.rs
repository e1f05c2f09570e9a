use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use wasmtime::Store;
use wasmtime::component::Val;
use wb_policy::{Budget, Resource};

use super::{Component, Params, Results, TypedFunction, json, wave};
use crate::client::{Account, Client};
use crate::engine::{Held, Stack};
use crate::error::{Error, ErrorKind};
use crate::event::{Ended, Event, Step};
use crate::fs::FileSystem;
use crate::guest::Guest;
use crate::limits::Meter;
use crate::outcome::Outcome;
use crate::program::Function;
use crate::shape::Invocation;
use crate::shape::command::{Command, on_own_stack};
use crate::shape::store::{end_at_deadline, store};

/// An instance of a component, to be called any number of times.
///
/// What one call leaves in memory, the next one finds. All calls together spend from one
/// budget, but for the time, which each call has anew. An instance that
/// crashed, exited or ran into a limit cannot be called again.
pub struct Instance {
    component: Component,
    store: Store<Guest>,
    exports: wasmtime::component::Instance,
    budget: Budget,
    /// Tells instances apart: a function belongs to one.
    serial: u64,
    /// How fuel is counted, until it is settled; none where it is not.
    fuel: Option<Fuel>,
    state: State,
    /// Keeps deadlines going for as long as the instance lives, where each call is to
    /// cost next to nothing.
    ticking: Option<Held>,
}

#[derive(Clone, Copy)]
enum Fuel {
    /// What there was of a limited amount was taken at the start.
    Limited(u64),
    /// None was taken.
    Unlimited,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its time began when it was made.
    Fresh,
    /// It has been called.
    Used,
    /// It cannot be called again.
    Over,
}

impl Instance {
    pub(super) fn start(component: &Component, invocation: Invocation) -> Result<Self, Error> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let engine = component.program.engine();
        let (grant, services) = (&component.grant, &component.services);
        let budget = Budget::new(invocation.name.as_str(), grant.limits());
        let meter = Meter::start(budget.clone());
        let wasi = invocation.into_wasi(meter.clone(), services)?;
        let fuel = engine
            .counts_fuel()
            .then(|| budget.take_fuel(budget.remaining(Resource::Fuel)))
            .map(|taken| taken.map_or(Fuel::Unlimited, Fuel::Limited));
        let account = Account {
            meter,
            alone: true,
            share: 1,
        };
        let client = Client::new(Arc::clone(services), Arc::clone(grant), account);
        let (ticking, _live) = match engine.stack() {
            Stack::Caller => (Some(engine.hold()?), None),
            Stack::Own => (None, Some(engine.live()?)),
        };
        let given = fuel.map(|fuel| match fuel {
            Fuel::Limited(fuel) => fuel,
            Fuel::Unlimited => u64::MAX,
        });
        let mut store = store(engine.raw(), Guest::new(wasi, client), given)?;
        end_at_deadline(&mut store);
        let linked = &component.linked;
        let exports = match engine.stack() {
            Stack::Caller => linked.instantiate(&mut store),
            Stack::Own => on_own_stack(linked.instantiate_async(&mut store)),
        };
        let exports = exports.map_err(|error| failure(&error, &budget))?;
        Ok(Self {
            component: component.clone(),
            store,
            exports,
            budget,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            fuel,
            state: State::Fresh,
            ticking,
        })
    }

    /// Looks up a function and compares its type, for [`Instance::call`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchFunction`], and [`ErrorKind::BadCall`] when it has other
    /// parameters or results.
    pub fn typed<P: Params, R: Results>(
        &mut self,
        function: &str,
    ) -> Result<TypedFunction<P, R>, Error> {
        let function = self.component.program.function(function)?;
        let found = function_of(&self.exports, &mut self.store, function);
        let typed = found.typed::<P, R>(&self.store).map_err(|error| {
            let wit = function.wit();
            bad_call(function, format!("its type is `{wit}`: {error:#}"))
        })?;
        Ok(TypedFunction {
            function: typed,
            instance: self.serial,
        })
    }

    /// Calls a function that was looked up before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when a limit of the grant stopped it, [`ErrorKind::Trap`] when it
    /// crashed and [`ErrorKind::Exited`] when it ended itself; [`Error::outcome`] then has
    /// what it had written. [`ErrorKind::InstanceOver`] after any of these.
    ///
    /// # Panics
    ///
    /// When the function was looked up in another instance.
    ///
    /// # Examples
    ///
    /// ```
    /// # use wb_dock::{Engine, Grant, Invocation, Services};
    /// # let wasm = wat::parse_str(r#"(component
    /// #   (core module $m (func (export "add") (param i32 i32) (result i32)
    /// #     (i32.add (local.get 0) (local.get 1))))
    /// #   (core instance $i (instantiate $m))
    /// #   (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    /// #     (canon lift (core func $i "add"))))"#).unwrap();
    /// # let program = Engine::new()?.load_component(&wasm)?;
    /// # let component = program.admit(&Grant::none(), &Services::default())?;
    /// let mut adder = component.start(Invocation::new("adder"))?;
    /// let add = adder.typed::<(u32, u32), (u32,)>("add")?;
    /// let sum = (1..=100).try_fold(0, |sum, n| adder.call(&add, (sum, n)).map(|(sum,)| sum))?;
    /// assert_eq!(sum, 5050);
    /// # Ok::<(), wb_dock::Error>(())
    /// ```
    pub fn call<P: Params, R: Results>(
        &mut self,
        function: &TypedFunction<P, R>,
        params: P,
    ) -> Result<R, Error> {
        assert_eq!(
            function.instance, self.serial,
            "a function of another instance"
        );
        let function = function.function;
        self.enter(|store, stack| match stack {
            Stack::Caller => function.call(store, params),
            Stack::Own => on_own_stack(function.call_async(store, params)),
        })
    }

    /// Looks up a function and calls it with values of Rust.
    ///
    /// # Errors
    ///
    /// As for [`Instance::typed`] and [`Instance::call`].
    pub fn call_typed<P: Params, R: Results>(
        &mut self,
        function: &str,
        params: P,
    ) -> Result<R, Error> {
        let function = self.typed(function)?;
        self.call(&function, params)
    }

    /// Calls a function with values in WAVE text, separated by commas; returns its
    /// value in WAVE text, empty if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchFunction`]; [`ErrorKind::BadCall`] when the text is not of the
    /// types of the parameters, or a type has no text form (a handle); and as for
    /// [`Instance::call`].
    pub fn call_wave(&mut self, function: &str, args: &str) -> Result<String, Error> {
        let function = self.component.program.function(function)?.clone();
        let args = wave::read(&function, args).map_err(|reason| bad_call(&function, reason))?;
        match self.call_values(&function, &args)? {
            None => Ok(String::new()),
            Some(value) => wave::write(&value).map_err(|reason| bad_call(&function, reason)),
        }
    }

    /// Calls a function with values in JSON, and returns its value in JSON, `null` if
    /// there is none.
    ///
    /// `args` is an array of all values, or an object of them by the names of the parameters,
    /// where what is optional may be left out. The types of the component say what is read:
    ///
    /// | WIT | JSON |
    /// |---|---|
    /// | `bool`, `string`, integers | the same |
    /// | `f32`, `f64` | a number, or `"nan"`, `"inf"`, `"-inf"` |
    /// | `char` | a string of one character |
    /// | `list`, `tuple` | an array |
    /// | `record` | an object |
    /// | `variant` | `{"case": value}`, or `"case"` if it holds nothing |
    /// | `enum` | `"case"` |
    /// | `flags` | an array of the names that are set |
    /// | `option` | the value or `null`; in an `option<option<…>>`, `{"some": value}` or `null` |
    /// | `result` | `{"ok": value}` or `{"err": value}` |
    ///
    /// # Errors
    ///
    /// As for [`Instance::call_wave`].
    pub fn call_json(&mut self, function: &str, args: &Value) -> Result<Value, Error> {
        let function = self.component.program.function(function)?.clone();
        let args = json::read(&function, args).map_err(|reason| bad_call(&function, reason))?;
        match self.call_values(&function, &args)? {
            None => Ok(Value::Null),
            Some(value) => json::write(&value)
                .ok_or_else(|| bad_call(&function, "it returns a handle, which has no JSON form")),
        }
    }

    fn call_values(&mut self, function: &Function, args: &[Val]) -> Result<Option<Val>, Error> {
        let found = function_of(&self.exports, &mut self.store, function);
        let mut results = vec![Val::Bool(false); function.results().len()];
        let called = &mut results;
        self.enter(|store, stack| match stack {
            Stack::Caller => found.call(store, args, called),
            Stack::Own => on_own_stack(found.call_async(store, args, called)),
        })?;
        Ok(results.pop())
    }

    fn enter<T>(
        &mut self,
        call: impl FnOnce(&mut Store<Guest>, Stack) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        let name = || self.budget.by().to_string();
        match self.state {
            State::Over => return Err(ErrorKind::InstanceOver { command: name() }.into()),
            State::Used => self.store.data().wasi.meter.renew(),
            State::Fresh => self.state = State::Used,
        }
        let services = &self.component.services;
        services.record(&Event::Started {
            command: self.budget.by(),
            depth: 0,
        });
        let cpu = services.cpu_watch();
        let ended = {
            let engine = self.component.program.engine();
            let _live = match self.ticking {
                Some(_) => None,
                None => Some(engine.live()?),
            };
            call(&mut self.store, engine.stack())
        };
        if let Some(cpu) = cpu {
            self.budget.count_cpu(cpu.elapsed());
        }
        let ended = ended.map_err(|error| failure(&error, &self.budget));
        if services.recorder.is_some() {
            services.record(&Event::Finished(Step {
                command: self.budget.by(),
                depth: 0,
                ended: match ended.as_ref().map_err(Error::kind) {
                    Ok(_) => Ended::Exit(0),
                    Err(ErrorKind::Exited { code, .. }) => Ended::Exit(*code),
                    Err(ErrorKind::Limit(exceeded)) => Ended::Limit(exceeded.resource),
                    Err(_) => Ended::Trap,
                },
                elapsed: self.store.data().wasi.meter.elapsed(),
                usage: self.budget.usage(),
                caps: &self.budget.caps(),
            }));
        }
        ended.map_err(|error| {
            self.state = State::Over;
            let outcome = self.outcome();
            error.with_outcome(outcome)
        })
    }

    /// Ends the instance: what it had written and used. The time is that of the last call,
    /// or since the start if there was only one.
    pub fn finish(mut self) -> Outcome {
        self.outcome()
    }

    /// Takes what there is to tell out of the instance.
    fn outcome(&mut self) -> Outcome {
        self.settle_fuel();
        let wasi = &mut self.store.data_mut().wasi;
        let nothing = FileSystem::new(Vec::new(), &self.budget)
            .expect("without a mount there is nothing to charge");
        Outcome {
            exit_code: 0,
            stdout: std::mem::take(&mut wasi.stdout).into_bytes(),
            stderr: std::mem::take(&mut wasi.stderr).into_bytes(),
            usage: self.budget.usage(),
            caps: self.budget.caps(),
            cpu: self
                .component
                .services
                .cpu_watch()
                .map(|_| self.budget.cpu()),
            elapsed: wasi.meter.elapsed(),
            files: std::mem::replace(&mut wasi.fs, nothing).into_files(),
        }
    }

    fn settle_fuel(&mut self) {
        if let Some(fuel) = self.fuel.take() {
            let left = self.store.get_fuel().unwrap_or(0);
            match fuel {
                Fuel::Limited(_) => self.budget.return_fuel(left),
                // Within the limit of `u64`, which nothing reaches.
                Fuel::Unlimited => drop(self.budget.charge(Resource::Fuel, u64::MAX - left)),
            }
        }
    }
}

fn function_of(
    exports: &wasmtime::component::Instance,
    store: &mut Store<Guest>,
    function: &Function,
) -> wasmtime::component::Func {
    exports
        .get_func(store, function.index)
        .expect("the function was listed from the same component")
}

/// What ended the guest, as an error: an exit is one where a value was wanted.
fn failure(error: &wasmtime::Error, budget: &Budget) -> Error {
    Command::failure(error, budget).map_or_else(
        |error| error,
        |code| {
            let command = budget.by().to_string();
            ErrorKind::Exited { command, code }.into()
        },
    )
}

fn bad_call(function: &Function, reason: impl Into<String>) -> Error {
    ErrorKind::BadCall {
        function: function.full_name(),
        reason: reason.into(),
    }
    .into()
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("name", self.budget.by())
            .field("over", &(self.state == State::Over))
            .finish_non_exhaustive()
    }
}
