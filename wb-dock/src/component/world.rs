//! The functions of the worlds `workbooks:engine`: text in, text out, and what failed
//! told in the text.

use bytes::Bytes;
use serde_json::{Value, json};
use wasmtime::component::{Linker, Val};
use wb_policy::{Cap, CapSet};

use super::typed::Store;
use crate::cap::child::{Ran, lending_fuel};
use crate::cap::{Failure, Prompt, browse, commands, llm, parallel, session, vfs};
use crate::client::Refusal;
use crate::guest::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>, caps: CapSet) -> wasmtime::Result<()> {
    let mut root = linker.root();
    root.func_wrap("session-info", |store: Store<'_>, ()| {
        Ok((session::info(&store.data().client)?,))
    })?;
    if caps.contains(Cap::Vfs) {
        root.func_wrap("vfs-query", |store: Store<'_>, (sql,): (String,)| {
            let rows = vfs::query(&store.data().client, "workspace", &sql, &[]);
            text(rows.map(|rows| json!(rows.rows).to_string()), error_object)
        })?;
    }
    if caps.contains(Cap::Commands) {
        // With or without arguments: the program says at its import which of them it means,
        // and that it means nothing else was checked when it was admitted.
        root.func_new("run-command", |mut store, _, params, results| {
            let (name, input, args) = match params {
                [Val::String(name), Val::String(input)] => (name, input, &[][..]),
                [Val::String(name), Val::String(input), Val::List(args)] => {
                    (name, input, &args[..])
                }
                _ => wasmtime::bail!("the type of `run-command` was checked at admission"),
            };
            let args = args.iter().filter_map(|arg| match arg {
                Val::String(arg) => Some(arg.clone()),
                _ => None,
            });
            let args = args.collect();
            let (told,) = lending_fuel(&mut store, |store| {
                let ran = commands::run(&store.data().client, name, args, input.as_bytes());
                text(ran.and_then(|ran| Ok(stdout(ran)?)), error_object)
            })?;
            results[0] = Val::String(told);
            Ok(())
        })?;
    }
    if caps.contains(Cap::Parallel) {
        root.func_wrap(
            "run-command-many",
            |mut store: Store<'_>, (name, inputs): (String, String)| {
                lending_fuel(&mut store, |store| {
                    let client = &store.data().client;
                    let ran = match inputs_of(&inputs) {
                        Ok(inputs) => parallel::run_many(client, &name, &inputs),
                        // Not even asked, but a call all the same.
                        Err(failure) => match client.ambient_call() {
                            Ok(()) => Err(failure.into()),
                            Err(stop) => Err(stop.into()),
                        },
                    };
                    text(ran.map(|ran| outcomes(ran).to_string()), error_object)
                })
            },
        )?;
    }
    if caps.contains(Cap::Llm) {
        root.func_wrap("llm-complete", |store: Store<'_>, (prompt,): (String,)| {
            let client = &store.data().client;
            let answer = match Prompt::read(&prompt) {
                Ok(prompt) => llm::complete(client, &prompt),
                Err(failure) => match client.ambient_call() {
                    Ok(()) => Err(failure.into()),
                    Err(stop) => Err(stop.into()),
                },
            };
            text(answer, |failure| format!("error: {}", failure.message))
        })?;
    }
    if caps.contains(Cap::Browse) {
        root.func_wrap("browse-fetch", |store: Store<'_>, (url,): (String,)| {
            let page = browse::fetch(&store.data().client, &url);
            text(page.map(|page| json!(page).to_string()), error_object)
        })?;
    }
    Ok(())
}

/// What an operation answered, or what failed in the words of `told`.
fn text(
    answer: Result<String, Refusal>,
    told: impl FnOnce(Failure) -> String,
) -> wasmtime::Result<(String,)> {
    match answer {
        Ok(text) => Ok((text,)),
        Err(Refusal::Failed(failure)) => Ok((told(failure),)),
        Err(Refusal::Stop(stop)) => Err(stop.into()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "in the place of a closure")]
fn error_object(failure: Failure) -> String {
    json!({ "error": failure.message }).to_string()
}

/// The standard output of a run that came to its end.
fn stdout(ran: Ran) -> Result<String, Failure> {
    ran.result?;
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

fn inputs_of(json: &str) -> Result<Vec<Bytes>, Failure> {
    let inputs: Vec<String> = serde_json::from_str(json).map_err(|error| {
        Failure::bad_request(format!("the inputs are no JSON array of strings: {error}"))
    })?;
    Ok(inputs.into_iter().map(Bytes::from).collect())
}

fn outcomes(ran: Vec<Ran>) -> Value {
    let outcomes = ran.into_iter().map(|ran| match stdout(ran) {
        Ok(text) => json!({ "ok": text }),
        Err(failure) => json!({ "error": failure.message }),
    });
    Value::Array(outcomes.collect())
}
