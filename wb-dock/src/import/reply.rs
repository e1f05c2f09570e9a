use bytes::Bytes;
use wasmtime::{Caller, Linker};

use crate::cap::{Failure, FailureKind};
use crate::guest::Guest;

/// Why a call failed, in words.
const MESSAGE: usize = 0;
/// The value of a call, or the standard output of a command.
const VALUE: usize = 1;
/// The second value, or the standard error of a command.
const SECOND: usize = 2;

/// What a call answers: a number at once, the rest when the guest fetches it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    number: i32,
    streams: [Bytes; 3],
}

impl Answer {
    /// Nothing but a number.
    pub(crate) fn of(number: i32) -> Self {
        Self {
            number,
            ..Self::default()
        }
    }

    /// A number and a value.
    pub(crate) fn with_value(number: i32, value: impl Into<Bytes>) -> Self {
        let mut answer = Self::of(number);
        answer.streams[VALUE] = value.into();
        answer
    }

    /// A value, and its length as the number.
    pub(crate) fn value(value: impl Into<Bytes>) -> Self {
        let value = value.into();
        Self::with_value(count(value.len()), value)
    }

    /// 1 and a value, or 0.
    pub(crate) fn optional(value: Option<Bytes>) -> Self {
        value.map_or(Self::of(0), |value| Self::with_value(1, value))
    }

    /// The number of something that is open.
    pub(crate) fn handle(handle: u32) -> Self {
        Self::of(count(handle as usize))
    }

    /// How many strings, and as the value the strings with a NUL after each.
    pub(crate) fn strings(strings: &[String]) -> Self {
        let mut value = Vec::with_capacity(strings.iter().map(|s| s.len() + 1).sum());
        for string in strings {
            value.extend_from_slice(string.as_bytes());
            value.push(0);
        }
        Self::with_value(count(strings.len()), value)
    }

    /// A status below zero, and why.
    pub(crate) fn failed(failure: Failure) -> Self {
        let mut answer = Self::of(status(failure.kind));
        answer.streams[MESSAGE] = failure.message.into();
        answer
    }

    /// The answer with both values.
    pub(crate) fn and_values(mut self, value: Bytes, second: Bytes) -> Self {
        self.streams[VALUE] = value;
        self.streams[SECOND] = second;
        self
    }

    pub(crate) fn number(&self) -> i32 {
        self.number
    }
}

/// A length or a count as a call returns it. Nothing larger than a budget gets
/// here, but if it did, it would read as the largest there is and not as an error.
pub(crate) fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// How core modules see a failure.
pub(crate) fn status(kind: FailureKind) -> i32 {
    match kind {
        FailureKind::NotFound => -1,
        FailureKind::TooDeep => -2,
        FailureKind::Refused => -3,
        FailureKind::BadRequest => -4,
        FailureKind::Failed => -5,
        FailureKind::Limit => -6,
        FailureKind::Unavailable => -7,
        FailureKind::TimedOut => -8,
    }
}

/// What the functions of `wb:reply` answer to a stream or place that is not there.
const BAD_REQUEST: i32 = -4;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:reply",
        "len",
        |caller: Caller<'_, Guest>, stream: u32| {
            let streams = &caller.data().reply.streams;
            let bytes = streams.get(stream as usize);
            bytes.map_or(BAD_REQUEST, |bytes| count(bytes.len()))
        },
    )?;
    linker.func_wrap(
        "wb:reply",
        "read",
        |mut caller: Caller<'_, Guest>, stream: u32, offset: u32, ptr: u32, len: u32| {
            let (mut memory, guest) = Guest::split(&mut caller)?;
            let streams = &guest.reply.streams;
            let copied = streams.get(stream as usize).and_then(|bytes| {
                let rest = bytes.get(offset as usize..)?;
                let copied = rest.len().min(len as usize);
                memory.write(ptr, &rest[..copied]).ok()?;
                Some(count(copied))
            });
            wasmtime::Result::Ok(copied.unwrap_or(BAD_REQUEST))
        },
    )?;
    Ok(())
}
