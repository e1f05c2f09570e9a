use bytes::Bytes;
use wasmtime::{Caller, Linker};

use super::{Status, length};
use crate::guest::Guest;

/// Why a call failed, in words.
const MESSAGE: usize = 0;
/// The value of a call, or the standard output of a command.
const VALUE: usize = 1;
/// The standard error of a command.
const STDERR: usize = 2;

/// What the last Dock call left for the guest to fetch.
#[derive(Debug, Default)]
pub(crate) struct Reply([Bytes; 3]);

impl Reply {
    /// Forgets the last call.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Fails the call, with a message for the guest.
    pub(super) fn fail(&mut self, status: Status, message: impl Into<String>) -> i32 {
        self.0[MESSAGE] = message.into().into();
        status as i32
    }

    pub(super) fn set_value(&mut self, value: Bytes) {
        self.0[VALUE] = value;
    }

    pub(super) fn set_output(&mut self, stdout: Bytes, stderr: Bytes) {
        self.0[VALUE] = stdout;
        self.0[STDERR] = stderr;
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:reply",
        "len",
        |caller: Caller<'_, Guest>, stream: u32| {
            caller
                .data()
                .reply
                .0
                .get(stream as usize)
                .map_or(Status::BadRequest as i32, |bytes| length(bytes.len()))
        },
    )?;
    linker.func_wrap(
        "wb:reply",
        "read",
        |mut caller: Caller<'_, Guest>, stream: u32, offset: u32, ptr: u32, len: u32| {
            let (mut memory, guest) = Guest::split(&mut caller)?;
            let copied = guest.reply.0.get(stream as usize).and_then(|bytes| {
                let rest = bytes.get(offset as usize..)?;
                let count = rest.len().min(len as usize);
                memory.write(ptr, &rest[..count]).ok()?;
                Some(length(count))
            });
            wasmtime::Result::Ok(copied.unwrap_or(Status::BadRequest as i32))
        },
    )?;
    Ok(())
}
