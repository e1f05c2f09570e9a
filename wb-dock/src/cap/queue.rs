use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::Cap;

use super::{Failure, Principal};
use crate::client::{Call, Client, Refusal, check_name, check_size};
use crate::guest::Guest;
use crate::import::{Answer, answer};

pub(crate) mod component;

/// Messages from one program to another, in order, each delivered once.
///
/// A topic is 1 to 128 bytes of UTF-8, a message at most 256 KiB.
pub trait Queue: Send + Sync {
    /// Appends a message to `topic`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) when the topic is full,
    /// [`FailureKind::Unavailable`](super::FailureKind::Unavailable) when the queue cannot be
    /// reached, [`FailureKind::TimedOut`](super::FailureKind::TimedOut) when it does not answer
    /// within [`Principal::time_left`].
    fn publish(&self, who: &Principal<'_>, topic: &str, message: Bytes) -> Result<(), Failure>;

    /// Takes the oldest message of `topic`, or nothing; does not wait.
    ///
    /// # Errors
    ///
    /// As for [`Queue::publish`], but for the limit.
    fn poll(&self, who: &Principal<'_>, topic: &str) -> Result<Option<Bytes>, Failure>;
}

/// Longest topic, in bytes.
const MAX_TOPIC: usize = 128;
/// Largest message, in bytes.
const MAX_MESSAGE: usize = 256 << 10;

/// Opens a call about `topic`.
fn call<'c>(client: &'c Client, topic: &str) -> Result<(Call<'c>, &'c dyn Queue), Refusal> {
    let call = client.call(Cap::Queue)?;
    check_name("the topic", topic, MAX_TOPIC)?;
    let queue = call.service(|services| &services.queue)?;
    Ok((call, queue))
}

pub(crate) fn publish(client: &Client, topic: &str, message: &[u8]) -> Result<(), Refusal> {
    let (call, queue) = call(client, topic)?;
    check_size("the message", message.len(), MAX_MESSAGE)?;
    call.ask(topic.len() + message.len(), |who| {
        queue.publish(who, topic, Bytes::copy_from_slice(message))
    })
}

pub(crate) fn poll(client: &Client, topic: &str) -> Result<Option<Bytes>, Refusal> {
    let (call, queue) = call(client, topic)?;
    call.ask(topic.len(), |who| queue.poll(who, topic))
}

/// The core module `wb:queue`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:queue",
        "publish",
        |mut caller: Caller<'_, Guest>, topic: u32, topic_len: u32, ptr: u32, len: u32| {
            answer(
                &mut caller,
                |memory| {
                    let topic = memory.text("the topic", (topic, topic_len))?;
                    Ok((topic, memory.bytes((ptr, len))?))
                },
                |client, (topic, message)| {
                    publish(client, topic, message)?;
                    Ok(Answer::of(0))
                },
            )
        },
    )?;
    linker.func_wrap(
        "wb:queue",
        "poll",
        |mut caller: Caller<'_, Guest>, topic: u32, topic_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the topic", (topic, topic_len)),
                |client, topic| Ok(Answer::optional(poll(client, topic)?)),
            )
        },
    )?;
    Ok(())
}
