//! Runs that a guest starts: found by name, under the budget of who asks.

use bytes::Bytes;
use wasmtime::Caller;

use super::Status;
use crate::error::ErrorKind;
use crate::guest::{Account, Guest};
use crate::limits::Stop;
use crate::services::Resolved;
use crate::shape::{Command, Invocation};

/// How many runs may enclose one another around the innermost.
const MAX_DEPTH: usize = 8;

/// Makes a call that starts other runs, which burn the caller's fuel: what the
/// caller holds goes back for the time being, and what is left is taken again.
pub(super) fn lending_fuel<R>(
    caller: &mut Caller<'_, Guest>,
    call: impl FnOnce(&mut Caller<'_, Guest>) -> wasmtime::Result<R>,
) -> wasmtime::Result<R> {
    let budget = caller.data().wasi.meter.budget().clone();
    // Where no limit is, nothing was taken either.
    let limited = budget.take_fuel(0).is_some();
    if limited {
        budget.return_fuel(caller.get_fuel()?);
    }
    let result = call(caller);
    if limited {
        let left = budget.take_fuel(u64::MAX).unwrap_or(u64::MAX);
        caller.set_fuel(left)?;
    }
    result
}

/// A failed call: what the guest gets, and why.
pub(super) struct Failed {
    pub(super) status: Status,
    pub(super) message: String,
}

impl Failed {
    pub(super) fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

/// What came of one nested run.
pub(super) struct Ran {
    /// The exit code, or why there is none.
    pub(super) result: Result<i32, Failed>,
    pub(super) stdout: Bytes,
    pub(super) stderr: Bytes,
}

/// A command that the guest may run, ready to be started any number of times.
pub(super) struct Child {
    name: String,
    command: Command,
    resolved: Resolved,
}

impl Child {
    /// Finds and admits the command `name`.
    pub(super) fn find(guest: &Guest, name: &str) -> Result<Self, Failed> {
        if !guest.grant.scopes().commands.permits(name) {
            let message = format!("the grant does not reach the command `{name}`");
            return Err(Failed::new(Status::Refused, message));
        }
        if guest.wasi.meter.budget().depth() >= MAX_DEPTH {
            let message = format!("`{name}` would be nested more than {MAX_DEPTH} deep");
            return Err(Failed::new(Status::TooDeep, message));
        }
        let commands = guest.services.commands.as_ref();
        let resolved = commands
            .map_or(Ok(None), |commands| commands.resolve(name))
            .map_err(|message| Failed::new(Status::Refused, message))?
            .ok_or_else(|| {
                Failed::new(Status::NoSuchCommand, format!("no such command `{name}`"))
            })?;
        let admitted = resolved
            .program
            .admit_shared(&resolved.grant, &guest.services);
        let command = admitted.map_err(|error| {
            let status = match error.kind() {
                ErrorKind::NotGranted { .. } | ErrorKind::NotProvided { .. } => Status::Refused,
                _ => Status::ChildFailed,
            };
            Failed::new(status, error.to_string())
        })?;
        Ok(Self {
            name: name.to_owned(),
            command,
            resolved,
        })
    }

    /// Runs the command once.
    ///
    /// What the child spends, its parent spends; a parent whose time is over ends
    /// with its child.
    pub(super) fn run(
        &self,
        parent: &Account,
        args: Vec<String>,
        stdin: Bytes,
    ) -> Result<Ran, Stop> {
        let meter = parent
            .meter
            .child(&self.name, self.resolved.grant.limits())?;
        let invocation = Invocation::new(&self.name)
            .args(args)
            .arg_mode(self.resolved.arg_mode)
            .stdin(stdin);
        let account = Account {
            meter,
            ..parent.clone()
        };
        let ran = self.command.run_metered(invocation, account);
        parent.meter.check_time()?;
        Ok(match ran {
            Ok(outcome) => Ran {
                result: Ok(outcome.exit_code),
                stdout: outcome.stdout,
                stderr: outcome.stderr,
            },
            Err(error) => {
                let status = match error.kind() {
                    ErrorKind::Limit(_) => Status::ChildLimit,
                    ErrorKind::BadArgument { .. } => Status::BadRequest,
                    _ => Status::ChildFailed,
                };
                let (stdout, stderr) = error
                    .outcome()
                    .map(|outcome| (outcome.stdout.clone(), outcome.stderr.clone()))
                    .unwrap_or_default();
                Ran {
                    result: Err(Failed::new(status, error.to_string())),
                    stdout,
                    stderr,
                }
            }
        })
    }
}
