use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::Cap;

use super::{Failure, Principal};
use crate::client::{Call, Client, Refusal, check_name, check_size};
use crate::guest::Guest;
use crate::import::{Answer, answer};

pub(crate) mod component;

/// Keys and values that outlive a run.
///
/// A key is 1 to 512 bytes of UTF-8 and a value at most 1 MiB: larger ones do not
/// reach the service. The grant's scope names the keys in reach.
///
/// # Examples
///
/// Services are plain values: a host that keeps its keys elsewhere implements the trait.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, Mutex, MutexGuard};
///
/// use bytes::Bytes;
/// use wb_dock::cap::{Failure, Kv, Principal};
/// use wb_dock::{Grant, Services, Session};
/// use wb_policy::Budget;
///
/// /// Keys in memory, by tenant: nothing else keeps tenants apart.
/// #[derive(Default)]
/// struct InMemory(Mutex<BTreeMap<(String, String), Bytes>>);
///
/// impl InMemory {
///     fn held(&self) -> MutexGuard<'_, BTreeMap<(String, String), Bytes>> {
///         self.0.lock().unwrap()
///     }
/// }
///
/// fn named(who: &Principal<'_>, key: &str) -> (String, String) {
///     (who.session().tenant.clone(), key.to_owned())
/// }
///
/// impl Kv for InMemory {
///     fn get(&self, who: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure> {
///         Ok(self.held().get(&named(who, key)).cloned())
///     }
///
///     fn put(&self, who: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure> {
///         let mut held = self.held();
///         if held.len() >= 1_000 {
///             return Err(Failure::limit("there are 1000 keys, which is the limit"));
///         }
///         held.insert(named(who, key), value);
///         Ok(())
///     }
///
///     fn delete(&self, who: &Principal<'_>, key: &str) -> Result<bool, Failure> {
///         Ok(self.held().remove(&named(who, key)).is_some())
///     }
///
///     fn list(&self, who: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure> {
///         let held = self.held();
///         let own = held.keys().filter(|held| held.0 == who.session().tenant);
///         Ok(own.map(|held| held.1.clone()).filter(|key| key.starts_with(prefix)).collect())
///     }
/// }
///
/// let store = Arc::new(InMemory::default());
/// let services = Services::default().kv(store.clone()); // what guests are admitted with
///
/// // The host asks for itself, too.
/// let (session, grant) = (Session::default(), Grant::none());
/// let who = Principal::new(&session, "host", &grant, Budget::new("host", grant.limits()));
/// store.put(&who, "colour", "blue".into())?;
/// assert_eq!(store.list(&who, "co")?, ["colour"]);
/// # Ok::<(), wb_dock::cap::Failure>(())
/// ```
pub trait Kv: Send + Sync {
    /// The value of `key`, or nothing.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Unavailable`](super::FailureKind::Unavailable) when the store cannot be
    /// read, [`FailureKind::TimedOut`](super::FailureKind::TimedOut) when it does not answer
    /// within [`Principal::time_left`].
    fn get(&self, who: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure>;

    /// Sets the value of `key`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) when the tenant has as many keys or
    /// bytes as it may, and as for [`Kv::get`].
    fn put(&self, who: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure>;

    /// Removes `key`; false when there was none.
    ///
    /// # Errors
    ///
    /// As for [`Kv::get`].
    fn delete(&self, who: &Principal<'_>, key: &str) -> Result<bool, Failure>;

    /// The keys that start with `prefix`, in order of their bytes, at most 10,000.
    ///
    /// # Errors
    ///
    /// As for [`Kv::get`].
    fn list(&self, who: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure>;
}

/// Longest key, in bytes.
const MAX_KEY: usize = 512;
/// Largest value, in bytes.
const MAX_VALUE: usize = 1 << 20;

/// Opens a call about `key`.
fn call<'c>(client: &'c Client, key: &str) -> Result<(Call<'c>, &'c dyn Kv), Refusal> {
    let call = client.call(Cap::Kv)?;
    check_name("the key", key, MAX_KEY)?;
    Call::in_reach(&call.scopes().kv, key, format_args!("the key `{key}`"))?;
    let kv = call.service(|services| &services.kv)?;
    Ok((call, kv))
}

pub(crate) fn get(client: &Client, key: &str) -> Result<Option<Bytes>, Refusal> {
    let (call, kv) = call(client, key)?;
    call.ask(key.len(), |who| kv.get(who, key))
}

pub(crate) fn put(client: &Client, key: &str, value: &[u8]) -> Result<(), Refusal> {
    let (call, kv) = call(client, key)?;
    check_size("the value", value.len(), MAX_VALUE)?;
    call.ask(key.len() + value.len(), |who| {
        kv.put(who, key, Bytes::copy_from_slice(value))
    })
}

pub(crate) fn delete(client: &Client, key: &str) -> Result<bool, Refusal> {
    let (call, kv) = call(client, key)?;
    call.ask(key.len(), |who| kv.delete(who, key))
}

/// The keys with `prefix` that are within reach.
pub(crate) fn list(client: &Client, prefix: &str) -> Result<Vec<String>, Refusal> {
    let call = client.call(Cap::Kv)?;
    check_size("the prefix", prefix.len(), MAX_KEY)?;
    let kv = call.service(|services| &services.kv)?;
    let scope = &call.scopes().kv;
    call.ask(prefix.len(), |who| {
        let mut keys = kv.list(who, prefix)?;
        keys.retain(|key| scope.permits(key));
        Ok(keys)
    })
}

/// The core module `wb:kv`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:kv",
        "get",
        |mut caller: Caller<'_, Guest>, key: u32, key_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the key", (key, key_len)),
                |client, key| Ok(Answer::optional(get(client, key)?)),
            )
        },
    )?;
    linker.func_wrap(
        "wb:kv",
        "put",
        |mut caller: Caller<'_, Guest>, key: u32, key_len: u32, value: u32, value_len: u32| {
            answer(
                &mut caller,
                |memory| {
                    let key = memory.text("the key", (key, key_len))?;
                    Ok((key, memory.bytes((value, value_len))?))
                },
                |client, (key, value)| {
                    put(client, key, value)?;
                    Ok(Answer::of(0))
                },
            )
        },
    )?;
    linker.func_wrap(
        "wb:kv",
        "delete",
        |mut caller: Caller<'_, Guest>, key: u32, key_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the key", (key, key_len)),
                |client, key| Ok(Answer::of(delete(client, key)?.into())),
            )
        },
    )?;
    linker.func_wrap(
        "wb:kv",
        "list",
        |mut caller: Caller<'_, Guest>, prefix: u32, prefix_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the prefix", (prefix, prefix_len)),
                |client, prefix| Ok(Answer::strings(&list(client, prefix)?)),
            )
        },
    )?;
    Ok(())
}
