//! Runs that a guest starts: found by name, under the budget of who asks.
//! Behind `commands`, `exec` and `parallel`.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::{AsContext, AsContextMut, StoreContextMut};
use wb_policy::Cap;

use super::Failure;
use super::commands::{Cage, Code, Elsewhere, Resolved};
use crate::client::{Account, Call, Client, Received, Refusal};
use crate::error::{Error, ErrorKind};
use crate::guest::Guest;
use crate::import::Answer;
use crate::limits::Stop;
use crate::outcome::Outcome;
use crate::services::{CpuWatch, Services};
use crate::shape::{Command, Invocation};

/// How many runs may enclose one another around the innermost.
const MAX_DEPTH: usize = 8;

/// Makes a call that starts other runs, which burn the caller's fuel: what the
/// caller holds goes back for the time being, and what is left is taken again.
pub(crate) fn lending_fuel<S, R>(
    store: &mut S,
    call: impl FnOnce(&mut S) -> wasmtime::Result<R>,
) -> wasmtime::Result<R>
where
    S: AsContextMut<Data = Guest>,
{
    let budget = store.as_context().data().client.meter.budget().clone();
    // Where no limit is, nothing was taken either.
    let limited = budget.take_fuel(0).is_some();
    if limited {
        budget.return_fuel(store.as_context().get_fuel()?);
    }
    let result = call(store);
    if limited {
        let left = budget.take_fuel(u64::MAX).unwrap_or(u64::MAX);
        let mut store: StoreContextMut<'_, Guest> = store.as_context_mut();
        store.set_fuel(left)?;
    }
    result
}

/// What a command is run with.
pub(crate) struct Request {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) stdin: Bytes,
}

impl Request {
    /// Has the command run by somebody else, who finds it and charges what it uses.
    pub(crate) fn run_elsewhere(
        self,
        call: &Call<'_>,
        elsewhere: &dyn Elsewhere,
        cap: Cap,
        name: &str,
    ) -> Result<Ran, Refusal> {
        call.ask(self.len(), |who| {
            elsewhere.run(who, cap, name, self.args, self.env, self.stdin)
        })
    }

    fn len(&self) -> usize {
        let args = self.args.iter().map(String::len);
        let env = self
            .env
            .iter()
            .map(|(name, value)| name.len() + value.len());
        args.chain(env).sum::<usize>() + self.stdin.len()
    }
}

/// What came of one nested run.
#[derive(Debug)]
pub struct Ran {
    /// The exit code, or why there is none.
    pub result: Result<i32, Failure>,
    /// Standard output.
    pub stdout: Bytes,
    /// Standard error.
    pub stderr: Bytes,
}

impl Received for Ran {
    fn bytes(&self) -> usize {
        self.stdout.len() + self.stderr.len()
    }
}

impl From<Ran> for Answer {
    fn from(ran: Ran) -> Self {
        let answer = match ran.result {
            // A code below zero would read as an error of the call.
            Ok(code) => Self::of(code & 0xff),
            Err(failure) => Self::failed(failure),
        };
        answer.and_values(ran.stdout, ran.stderr)
    }
}

/// A command that the guest may run, ready to be started any number of times.
pub(crate) struct Child {
    name: String,
    place: Place,
    services: Arc<Services>,
    resolved: Resolved,
}

/// Where it runs.
enum Place {
    Here(Command),
    Caged(Arc<dyn Cage>),
}

impl Child {
    /// Finds and admits the command `name`.
    pub(crate) fn find(client: &Client, call: &Call<'_>, name: &str) -> Result<Self, Failure> {
        let scope = &call.scopes().commands;
        Call::in_reach(scope, name, format_args!("the command `{name}`"))?;
        if client.meter.budget().depth() >= MAX_DEPTH {
            let message = format!("`{name}` would be nested more than {MAX_DEPTH} deep");
            return Err(Failure::too_deep(message));
        }
        let commands = call.service(|services| &services.commands)?;
        let resolved = commands
            .resolve(name)
            .map_err(Failure::refused)?
            .ok_or_else(|| Failure::not_found(format!("no such command `{name}`")))?;
        let place = match &resolved.code {
            Code::Here(program) => {
                // No limit is passed over because it cannot be kept: the caller may be in
                // a worker whose engine counts, while the one here does not.
                let limits_fuel = client.meter.budget().take_fuel(0).is_some();
                if limits_fuel && !program.engine().counts_fuel() {
                    return Err(Failure::unavailable(format!(
                        "the fuel of `{name}` is limited, and this host has it on an engine that \
                         counts none"
                    )));
                }
                let admitted = program.admit_shared(&resolved.grant, &client.services);
                Place::Here(admitted.map_err(|error| failure(&error))?)
            }
            Code::Caged(cage) => Place::Caged(Arc::clone(cage)),
        };
        Ok(Self {
            name: name.to_owned(),
            place,
            services: Arc::clone(&client.services),
            resolved,
        })
    }

    /// Watches the processor time of this thread, if the host tells it.
    pub(crate) fn cpu_watch(&self) -> Option<CpuWatch<'_>> {
        self.services.cpu_watch()
    }

    /// Runs the command once, on the account of its parent.
    ///
    /// What the child spends, its parent spends; a parent whose time is over ends
    /// with its child.
    pub(crate) fn run(
        &self,
        call: &Call<'_>,
        parent: &Account,
        request: Request,
    ) -> Result<Ran, Stop> {
        let limits = self.resolved.grant.limits();
        let meter = parent.meter.child(&self.name, limits)?;
        let sent = request.len();
        let invocation = Invocation::new(&self.name)
            .args(request.args)
            .envs(request.env)
            .arg_mode(self.resolved.arg_mode)
            .stdin(request.stdin);
        let account = Account {
            meter,
            ..parent.clone()
        };
        let ran = match &self.place {
            Place::Here(command) => Ok(command.run_on(account, invocation)),
            Place::Caged(cage) => {
                cage.run(account, &self.resolved.grant, &self.services, invocation)
            }
        };
        let ran = ran.map_or_else(Ran::not_run, Ran::of);
        call.count(sent, ran.stdout.len() + ran.stderr.len());
        parent.meter.check_time()?;
        Ok(ran)
    }
}

/// What a guest is told when the command that it started went wrong.
fn failure(error: &Error) -> Failure {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::NotGranted { .. } | ErrorKind::NotProvided { .. } => Failure::refused(message),
        ErrorKind::Limit(_) => Failure::limit(message),
        ErrorKind::BadArgument { .. } => Failure::bad_request(message),
        _ => Failure::failed(message),
    }
}

impl Ran {
    fn not_run(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            stdout: Bytes::new(),
            stderr: Bytes::new(),
        }
    }

    fn of(ran: Result<Outcome, Error>) -> Self {
        match ran {
            Ok(outcome) => Self {
                result: Ok(outcome.exit_code),
                stdout: outcome.stdout,
                stderr: outcome.stderr,
            },
            Err(error) => {
                let failure = failure(&error);
                let (stdout, stderr) = error
                    .outcome()
                    .map(|outcome| (outcome.stdout.clone(), outcome.stderr.clone()))
                    .unwrap_or_default();
                Self {
                    result: Err(failure),
                    stdout,
                    stderr,
                }
            }
        }
    }
}
