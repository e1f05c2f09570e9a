use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::Cap;

use super::{Failure, Principal};
use crate::client::{Call, Client, Refusal, check_name, check_size};
use crate::guest::Guest;
use crate::import::{Answer, answer};

pub(crate) mod component;

/// Uses secrets on a guest's behalf. There is deliberately no way to read one.
///
/// A name is 1 to 256 bytes of UTF-8 and data at most 16 MiB: larger ones do not reach
/// the service. The grant's scope names the secrets in reach.
///
/// The template `{{secret:NAME}}` in a request's headers or body is filled where the
/// request leaves the host, by the service behind [`Net`](super::Net).
pub trait Secrets: Send + Sync {
    /// Whether the tenant has a secret called `name`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Unavailable`](super::FailureKind::Unavailable) when the store cannot be
    /// read.
    fn present(&self, who: &Principal<'_>, name: &str) -> Result<bool, Failure>;

    /// The Ed25519 signature of `data` by the key called `name`: 64 bytes (RFC 8032).
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`](super::FailureKind::NotFound) when there is none,
    /// [`FailureKind::BadRequest`](super::FailureKind::BadRequest) when it is not a signing key,
    /// and as for [`Secrets::present`].
    fn sign(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure>;

    /// The HMAC-SHA256 of `data` under the secret called `name`: 32 bytes (RFC 2104).
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`](super::FailureKind::NotFound) when there is none,
    /// [`FailureKind::BadRequest`](super::FailureKind::BadRequest) when it is a signing key,
    /// and as for [`Secrets::present`].
    fn hmac(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure>;
}

/// Longest name, in bytes.
const MAX_NAME: usize = 256;
/// Most data to sign, in bytes.
const MAX_DATA: usize = 16 << 20;

/// Opens a call about the secret `name`.
fn call<'c>(client: &'c Client, name: &str) -> Result<(Call<'c>, &'c dyn Secrets), Refusal> {
    let call = client.call(Cap::Secrets)?;
    check_name("the name", name, MAX_NAME)?;
    let scope = &call.scopes().secrets;
    Call::in_reach(scope, name, format_args!("the secret `{name}`"))?;
    let secrets = call.service(|services| &services.secrets)?;
    Ok((call, secrets))
}

pub(crate) fn present(client: &Client, name: &str) -> Result<bool, Refusal> {
    let (call, secrets) = call(client, name)?;
    call.ask(name.len(), |who| secrets.present(who, name))
}

pub(crate) fn sign(client: &Client, name: &str, data: &[u8]) -> Result<Bytes, Refusal> {
    let (call, secrets) = call(client, name)?;
    check_size("the data", data.len(), MAX_DATA)?;
    call.ask(name.len() + data.len(), |who| secrets.sign(who, name, data))
}

pub(crate) fn hmac(client: &Client, name: &str, data: &[u8]) -> Result<Bytes, Refusal> {
    let (call, secrets) = call(client, name)?;
    check_size("the data", data.len(), MAX_DATA)?;
    call.ask(name.len() + data.len(), |who| secrets.hmac(who, name, data))
}

/// The core module `wb:secrets`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:secrets",
        "present",
        |mut caller: Caller<'_, Guest>, name: u32, name_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the name", (name, name_len)),
                |client, name| Ok(Answer::of(present(client, name)?.into())),
            )
        },
    )?;
    link_digest(linker, "sign", sign)?;
    link_digest(linker, "hmac", hmac)
}

/// Links a function of a name and data.
fn link_digest(
    linker: &mut Linker<Guest>,
    function: &str,
    digest: fn(&Client, &str, &[u8]) -> Result<Bytes, Refusal>,
) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:secrets",
        function,
        move |mut caller: Caller<'_, Guest>, name: u32, name_len: u32, ptr: u32, len: u32| {
            answer(
                &mut caller,
                |memory| {
                    let name = memory.text("the name", (name, name_len))?;
                    Ok((name, memory.bytes((ptr, len))?))
                },
                |client, (name, data)| Ok(Answer::value(digest(client, name, data)?)),
            )
        },
    )?;
    Ok(())
}
