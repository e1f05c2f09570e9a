use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use wasmtime::{Caller, Linker};

use super::nested::{Child, Ran, lending_fuel};
use super::{Status, args, length};
use crate::guest::{Account, Guest};
use crate::limits::Stop;
use crate::wasi::GuestMemory;

/// Threads for one call at most.
const MAX_THREADS: usize = 64;

/// Native stack of a fan-out thread. Guests bring their own; this is for the host.
const THREAD_STACK: usize = 512 << 10;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:parallel",
        "run_many",
        |mut caller: Caller<'_, Guest>, name_ptr: u32, name_len: u32, ptr: u32, len: u32| {
            lending_fuel(&mut caller, |caller| {
                let (memory, guest) = Guest::split(caller)?;
                Ok(run_many(guest, &memory, (name_ptr, name_len), (ptr, len))?)
            })
        },
    )?;
    Ok(())
}

fn run_many(
    guest: &mut Guest,
    memory: &GuestMemory<'_>,
    name: (u32, u32),
    inputs: (u32, u32),
) -> Result<i32, Stop> {
    args::begin(guest)?;
    let request = args::text(memory, name.0, name.1).and_then(|name| {
        let block = args::bytes(memory, inputs.0, inputs.1)?;
        Ok((name, args::items(Bytes::copy_from_slice(block))?))
    });
    let (name, items) = match request {
        Ok(request) => request,
        Err(wrong) => return Ok(guest.reply.fail(Status::BadRequest, wrong)),
    };
    let child = match Child::find(guest, &name) {
        Ok(child) => child,
        Err(failed) => return Ok(guest.reply.fail(failed.status, failed.message)),
    };
    let ran = fan_out(&child, &guest.account(), &items)?;
    guest.reply.set_value(encode(&ran));
    Ok(length(ran.len()))
}

/// Runs the child once for each input, on as many threads as there are cores, and
/// returns the results in the order of the inputs.
///
/// A fan-out inside a fan-out stays on its thread: the cores are taken already.
fn fan_out(child: &Child, parent: &Account, items: &[Bytes]) -> Result<Vec<Ran>, Stop> {
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
            match child.run(parent, Vec::new(), stdin) {
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
        // The calling thread works too; a thread that cannot be had is done without.
        let results = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .filter_map(|_| {
                    std::thread::Builder::new()
                        .stack_size(THREAD_STACK)
                        .spawn_scoped(scope, || work(&shared))
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
            Err(failed) => (failed.status as i32, failed.message.as_str()),
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
