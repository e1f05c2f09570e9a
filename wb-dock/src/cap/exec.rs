//! Commands by name, run as a program would run them: with an environment.

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::Cap;

use super::Failure;
use super::child::{Child, Ran, Request, lending_fuel};
use crate::client::{Client, Refusal};
use crate::guest::Guest;
use crate::import::{answer, strings};

pub(crate) mod component;

/// Runs the command `name`. That it failed is in the result, beside what it wrote.
pub(crate) fn run(
    client: &Client,
    name: &str,
    args: Vec<String>,
    env: Vec<(String, String)>,
    stdin: &[u8],
) -> Result<Ran, Refusal> {
    let call = client.call(Cap::Exec)?;
    let request = Request {
        args,
        env,
        stdin: Bytes::copy_from_slice(stdin),
    };
    if let Some(elsewhere) = call.elsewhere() {
        return request.run_elsewhere(&call, elsewhere, Cap::Exec, name);
    }
    let child = Child::find(client, &call, name)?;
    Ok(child.run(&call, &client.account(), request)?)
}

/// Reads `NAME=value`.
fn variable(entry: &str) -> Result<(String, String), Failure> {
    match entry.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Failure::bad_request(format!(
            "`{}` in the environment, wanted `NAME=value`",
            entry.escape_debug()
        ))),
    }
}

/// The core module `wb:exec`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:exec",
        "run",
        |mut caller: Caller<'_, Guest>,
         name: u32,
         name_len: u32,
         args: u32,
         args_len: u32,
         env: u32,
         env_len: u32,
         stdin: u32,
         stdin_len: u32| {
            lending_fuel(&mut caller, |caller| {
                answer(
                    caller,
                    |memory| {
                        let name = memory.text("the name", (name, name_len))?;
                        let args = strings(memory.bytes((args, args_len))?)?;
                        let env = strings(memory.bytes((env, env_len))?)?;
                        let env = env
                            .iter()
                            .map(|entry| variable(entry))
                            .collect::<Result<_, _>>()?;
                        Ok((name, args, env, memory.bytes((stdin, stdin_len))?))
                    },
                    |client, (name, args, env, stdin)| {
                        Ok(run(client, name, args, env, stdin)?.into())
                    },
                )
            })
        },
    )?;
    Ok(())
}
