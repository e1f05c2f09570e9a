//! Commands by name: the seam where a host has them found, and how a guest runs one.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::{Cap, Grant};

use super::child::{Child, Ran, Request, lending_fuel};
use super::{Failure, Principal};
use crate::client::{Account, Client, Refusal};
use crate::error::Error;
use crate::guest::Guest;
use crate::import::{answer, strings};
use crate::outcome::Outcome;
use crate::program::Program;
use crate::services::Services;
use crate::shape::{ArgMode, Invocation};

pub(crate) mod component;

/// Finds the commands that guests run by name.
///
/// Asked on the stack of the guest, of which the host has 1 MiB. Asked once for
/// every nested run, so a changed table holds from the next run on
/// while a run under way finishes on the code it started with.
pub trait Commands: Send + Sync {
    /// The command called `name`, or nothing if there is none.
    ///
    /// # Errors
    ///
    /// Words for the guest when there is one that must not or cannot run; it gets them as
    /// [`FailureKind::Refused`](super::FailureKind::Refused).
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String>;
}

/// Runs commands somewhere else than in this process, for a guest that is confined
/// here alone. Whoever answers finds the command, and checks what the guest may run.
///
/// What the command used is spent here with [`Principal::spend`].
pub trait Elsewhere: Send + Sync {
    /// Runs the command `name` for a guest that asks by `cap`: `commands` or `exec`.
    ///
    /// # Errors
    ///
    /// When it was not started: [`FailureKind::NotFound`](super::FailureKind::NotFound),
    /// [`FailureKind::Refused`](super::FailureKind::Refused),
    /// [`FailureKind::TooDeep`](super::FailureKind::TooDeep) when more than 8 runs would be
    /// nested, [`FailureKind::Unavailable`](super::FailureKind::Unavailable). How a command that
    /// was started went wrong is in [`Ran::result`].
    fn run(
        &self,
        who: &Principal<'_>,
        cap: Cap,
        name: &str,
        args: Vec<String>,
        env: Vec<(String, String)>,
        stdin: Bytes,
    ) -> Result<Ran, Failure>;

    /// Runs the command `name` once for each input, of which there are at most 1,024, and
    /// returns the results in the same order.
    ///
    /// # Errors
    ///
    /// When none was started, as for [`Elsewhere::run`].
    fn run_many(
        &self,
        who: &Principal<'_>,
        name: &str,
        inputs: &[Bytes],
    ) -> Result<Vec<Ran>, Failure>;
}

/// Runs one command in a stronger cage than this process, for a guest that started it.
pub trait Cage: Send + Sync {
    /// Runs it once on `account`, from start to exit, under `grant`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Unavailable`](super::FailureKind::Unavailable) when the cage is not to be
    /// had, [`FailureKind::Failed`](super::FailureKind::Failed) when it broke; what went wrong
    /// with the run itself is inside.
    fn run(
        &self,
        account: Account,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Result<Outcome, Error>, Failure>;
}

/// Where a command runs.
#[derive(Clone)]
#[non_exhaustive]
pub enum Code {
    /// In this process.
    Here(Program),
    /// In a cage of its own. Whether it may have its imports is found out there.
    Caged(Arc<dyn Cage>),
}

impl From<Program> for Code {
    fn from(program: Program) -> Self {
        Self::Here(program)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(program) => f.debug_tuple("Here").field(program).finish(),
            Self::Caged(_) => f.debug_tuple("Caged").finish_non_exhaustive(),
        }
    }
}

/// A command that a guest may run.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its code, in this process or in a cage.
    pub code: Code,
    /// What it may do. It spends from the budget of whoever started it, too.
    pub grant: Grant,
    /// How it takes its arguments.
    pub arg_mode: ArgMode,
}

/// Runs the command `name`. That it failed is in the result, beside what it wrote.
pub(crate) fn run(
    client: &Client,
    name: &str,
    args: Vec<String>,
    stdin: &[u8],
) -> Result<Ran, Refusal> {
    let call = client.call(Cap::Commands)?;
    let request = Request {
        args,
        env: Vec::new(),
        stdin: Bytes::copy_from_slice(stdin),
    };
    if let Some(elsewhere) = call.elsewhere() {
        return request.run_elsewhere(&call, elsewhere, Cap::Commands, name);
    }
    let child = Child::find(client, &call, name)?;
    Ok(child.run(&call, &client.account(), request)?)
}

/// The core module `wb:commands`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:commands",
        "run",
        |mut caller: Caller<'_, Guest>,
         name: u32,
         name_len: u32,
         args: u32,
         args_len: u32,
         stdin: u32,
         stdin_len: u32| {
            lending_fuel(&mut caller, |caller| {
                answer(
                    caller,
                    |memory| {
                        let name = memory.text("the name", (name, name_len))?;
                        let args = strings(memory.bytes((args, args_len))?)?;
                        Ok((name, args, memory.bytes((stdin, stdin_len))?))
                    },
                    |client, (name, args, stdin)| Ok(run(client, name, args, stdin)?.into()),
                )
            })
        },
    )?;
    Ok(())
}
