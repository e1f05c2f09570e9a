//! One command over many inputs, on as many threads as there are cores.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use wasmtime::{Caller, Linker};
use wb_policy::Cap;

use super::Failure;
use super::child::{Child, Ran, Request, lending_fuel};
use crate::client::{Account, Call, Client, Refusal};
use crate::guest::Guest;
use crate::import::{Answer, answer, count, items, status};
use crate::limits::Stop;

pub(crate) mod component;

/// Inputs of one call at most.
const MAX_INPUTS: usize = 1024;

/// Threads for one call at most.
const MAX_THREADS: usize = 64;

/// Native stack of a fan-out thread. Guests bring their own; this is for the host.
const THREAD_STACK: usize = 512 << 10;

/// Runs the command `name` once for each input; the results are in their order.
pub(crate) fn run_many(client: &Client, name: &str, inputs: &[Bytes]) -> Result<Vec<Ran>, Refusal> {
    let call = client.call(Cap::Parallel)?;
    if inputs.len() > MAX_INPUTS {
        let found = inputs.len();
        let message = format!("{found} inputs, at most {MAX_INPUTS} allowed");
        return Err(Failure::limit(message).into());
    }
    if let Some(elsewhere) = call.elsewhere() {
        let sent = inputs.iter().map(Bytes::len).sum();
        return call.ask(sent, |who| elsewhere.run_many(who, name, inputs));
    }
    let child = Child::find(client, &call, name)?;
    Ok(fan_out(&child, &call, &client.account(), inputs)?)
}

/// Runs the child once for each input, on as many threads as there are cores, and
/// returns the results in the order of the inputs.
///
/// A fan-out inside a fan-out stays on its thread: the cores are taken already.
fn fan_out(
    child: &Child,
    call: &Call<'_>,
    parent: &Account,
    items: &[Bytes],
) -> Result<Vec<Ran>, Stop> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if parent.alone {
        cores.min(items.len()).min(MAX_THREADS)
    } else {
        1
    };
    let next = AtomicUsize::new(0);
    let work = |parent: &Account| {
        let mut done = Vec::new();
        while let Some((index, stdin)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|stdin| (index, stdin.clone()))
        } {
            let request = Request {
                args: Vec::new(),
                env: Vec::new(),
                stdin,
            };
            match child.run(call, parent, request) {
                Ok(ran) => done.push((index, ran)),
                Err(stop) => {
                    // Nobody starts another once the budget is gone.
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(stop);
                }
            }
        }
        Ok(done)
    };
    let mut done = if threads <= 1 {
        work(parent)?
    } else {
        let shared = Account {
            meter: parent.meter.clone(),
            alone: false,
            share: threads as u64,
        };
        // The runs on this thread are in the time of the parent already.
        let elsewhere = || {
            let cpu = child.cpu_watch();
            let done = work(&shared);
            if let Some(cpu) = cpu {
                parent.meter.budget().count_cpu(cpu.elapsed());
            }
            done
        };
        // The calling thread works too; a thread that cannot be had is done without.
        let results = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .filter_map(|_| {
                    std::thread::Builder::new()
                        .stack_size(THREAD_STACK)
                        .spawn_scoped(scope, elsewhere)
                        .ok()
                })
                .collect();
            let mut results = vec![work(&shared)];
            results.extend(others.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }));
            results
        });
        let mut done = Vec::with_capacity(items.len());
        for result in results {
            done.extend(result?);
        }
        done
    };
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, ran)| ran).collect())
}

/// For each run: status, length and bytes of its output, of its standard error;
/// numbers are 32 bits, little-endian. The message of a run that failed ends its
/// standard error.
fn encode(ran: &[Ran]) -> Bytes {
    let mut out = BytesMut::new();
    for run in ran {
        let (status, message) = match &run.result {
            Ok(code) => (*code & 0xff, ""),
            Err(failure) => (status(failure.kind), failure.message.as_str()),
        };
        out.put_i32_le(status);
        out.put_u32_le(run.stdout.len() as u32);
        out.put_slice(&run.stdout);
        out.put_u32_le((run.stderr.len() + message.len()) as u32);
        out.put_slice(&run.stderr);
        out.put_slice(message.as_bytes());
    }
    out.freeze()
}

/// The core module `wb:parallel`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:parallel",
        "run_many",
        |mut caller: Caller<'_, Guest>, name: u32, name_len: u32, ptr: u32, len: u32| {
            lending_fuel(&mut caller, |caller| {
                answer(
                    caller,
                    |memory| {
                        let name = memory.text("the name", (name, name_len))?;
                        let block = memory.bytes((ptr, len))?;
                        Ok((name, items(Bytes::copy_from_slice(block))?))
                    },
                    |client, (name, inputs)| {
                        let ran = run_many(client, name, &inputs)?;
                        Ok(Answer::with_value(count(ran.len()), encode(&ran)))
                    },
                )
            })
        },
    )?;
    Ok(())
}
