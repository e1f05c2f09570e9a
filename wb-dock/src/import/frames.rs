//! `wb:frames`: where a kernel in a graph finds its frame, and room for the next.
//!
//! Nothing is charged for these calls: they ask for a number, and a frame is
//! charged with the arena it lies in.

use wasmtime::{Caller, Linker};

use crate::guest::Guest;

const MODULE: &str = "wb:frames";

/// There is no frame: the kernel is not in a call.
const NOT_FOUND: i32 = -1;

/// The arena has no room, or lies where addresses read as errors.
const LIMIT: i32 = -6;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "input", |caller: Caller<'_, Guest>| {
        let frames = caller.data().frames.as_ref();
        let pointer = frames.and_then(|frames| Some(frames.pointer(frames.input?)));
        pointer.map_or(NOT_FOUND, address)
    })?;
    linker.func_wrap(MODULE, "input_len", |caller: Caller<'_, Guest>| {
        let frames = caller.data().frames.as_ref();
        let frame = frames.and_then(|frames| frames.input);
        frame.map_or(NOT_FOUND, |frame| address(frame.len))
    })?;
    linker.func_wrap(
        MODULE,
        "output",
        |mut caller: Caller<'_, Guest>, len: u32| {
            let frames = caller.data_mut().frames.as_mut();
            let pointer = frames.and_then(|frames| frames.new_output(len));
            pointer.map_or(LIMIT, address)
        },
    )?;
    Ok(())
}

fn address(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(LIMIT)
}
