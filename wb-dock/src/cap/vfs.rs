use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::Cap;

use super::{Failure, Principal};
use crate::client::{Call, Client, Received, Refusal, check_name, check_size};
use crate::guest::Guest;
use crate::import::{Answer, answer};

pub(crate) mod component;
pub(crate) mod json;

/// Files and tables of a tenant.
///
/// A path is `volume/path/to/file` with one of the volumes `workspace`, `memory`
/// (both outlive a run) and `tmp` (does not). It has been checked before it gets here:
/// relative, at most 1,024 bytes of UTF-8, no empty, `.` or `..` part, inside the grant's
/// scope. So have sizes: a file has at most 16 MiB, a statement 1 MiB, its parameters are
/// at most 32,766 with 16 MiB together.
pub trait Vfs: Send + Sync {
    /// Runs one SQL statement on the tables of `volume`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::BadRequest`](super::FailureKind::BadRequest) for wrong SQL,
    /// [`FailureKind::Refused`](super::FailureKind::Refused) for what guests must not do (attach, pragmas,
    /// functions that reach files), [`FailureKind::Limit`](super::FailureKind::Limit) for too many rows or bytes,
    /// [`FailureKind::TimedOut`](super::FailureKind::TimedOut).
    fn query(
        &self,
        who: &Principal<'_>,
        volume: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Rows, Failure>;

    /// The content of a file.
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`](super::FailureKind::NotFound) when there is no such file,
    /// [`FailureKind::Unavailable`](super::FailureKind::Unavailable) when the store cannot be
    /// read, [`FailureKind::TimedOut`](super::FailureKind::TimedOut) when it does not answer
    /// within [`Principal::time_left`].
    fn read(&self, who: &Principal<'_>, path: &str) -> Result<Bytes, Failure>;

    /// Makes or replaces a file; directories come into being with their first file.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) when the tenant's volume is full,
    /// [`FailureKind::BadRequest`](super::FailureKind::BadRequest) when `path` is a directory or
    /// leads through a file, and as for [`Vfs::read`] when the store does not answer.
    fn write(&self, who: &Principal<'_>, path: &str, content: Bytes) -> Result<(), Failure>;

    /// Removes a file; false when there was none.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::read`] when the store does not answer.
    fn remove(&self, who: &Principal<'_>, path: &str) -> Result<bool, Failure>;

    /// What is in a directory, by name, at most 10,000 entries.
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`](super::FailureKind::NotFound) when there is nothing below `path`,
    /// and as for [`Vfs::read`] when the store does not answer.
    fn list(&self, who: &Principal<'_>, path: &str) -> Result<Vec<Entry>, Failure>;
}

/// What a query returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The name of each column.
    pub columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
    /// How many rows the statement changed.
    pub changed: u64,
}

/// A value of SQL.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Bytes),
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the directory.
    pub name: String,
    /// Whether it is a directory itself.
    pub is_directory: bool,
    /// Bytes in the file; 0 for a directory.
    pub size: u64,
}

/// The volumes there are.
const VOLUMES: [&str; 3] = ["workspace", "memory", "tmp"];
/// Longest path, in bytes.
const MAX_PATH: usize = 1024;
/// Longest statement, in bytes.
const MAX_SQL: usize = 1 << 20;
/// Most parameters of a statement: as many as `SQLite` numbers.
const MAX_PARAMS: usize = 32_766;
/// Largest file, and all parameters together, in bytes.
const MAX_CONTENT: usize = 16 << 20;

impl Received for Value {
    fn bytes(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(blob) => blob.len(),
        }
    }
}

impl Received for Rows {
    fn bytes(&self) -> usize {
        self.columns.bytes() + self.rows.bytes()
    }
}

impl Received for Entry {
    fn bytes(&self) -> usize {
        self.name.len()
    }
}

/// Runs a statement. Tables know no paths, so the whole volume must be in reach.
pub(crate) fn query(
    client: &Client,
    volume: &str,
    sql: &str,
    params: &[Value],
) -> Result<Rows, Refusal> {
    let call = client.call(Cap::Vfs)?;
    check_volume(volume)?;
    let scope = &call.scopes().vfs;
    Call::in_reach(scope, volume, format_args!("the tables of `{volume}`"))?;
    check_name("the statement", sql, MAX_SQL)?;
    if params.len() > MAX_PARAMS {
        let found = params.len();
        let message = format!("the statement has {found} parameters, at most {MAX_PARAMS} allowed");
        return Err(Failure::limit(message).into());
    }
    let size = params.iter().map(Received::bytes).sum();
    check_size("the parameters", size, MAX_CONTENT)?;
    let vfs = call.service(|services| &services.vfs)?;
    call.ask(sql.len() + size, |who| vfs.query(who, volume, sql, params))
}

/// Opens a call about `path`.
fn call<'c>(client: &'c Client, path: &str) -> Result<(Call<'c>, &'c dyn Vfs), Refusal> {
    let call = client.call(Cap::Vfs)?;
    check_path(path)?;
    Call::in_reach(&call.scopes().vfs, path, format_args!("`{path}`"))?;
    let vfs = call.service(|services| &services.vfs)?;
    Ok((call, vfs))
}

pub(crate) fn read(client: &Client, path: &str) -> Result<Bytes, Refusal> {
    let (call, vfs) = call(client, path)?;
    call.ask(path.len(), |who| vfs.read(who, path))
}

pub(crate) fn write(client: &Client, path: &str, content: &[u8]) -> Result<(), Refusal> {
    let (call, vfs) = call(client, path)?;
    check_file(path)?;
    check_size("the content", content.len(), MAX_CONTENT)?;
    call.ask(path.len() + content.len(), |who| {
        vfs.write(who, path, Bytes::copy_from_slice(content))
    })
}

pub(crate) fn remove(client: &Client, path: &str) -> Result<bool, Refusal> {
    let (call, vfs) = call(client, path)?;
    check_file(path)?;
    call.ask(path.len(), |who| vfs.remove(who, path))
}

pub(crate) fn list(client: &Client, path: &str) -> Result<Vec<Entry>, Refusal> {
    let (call, vfs) = call(client, path)?;
    call.ask(path.len(), |who| vfs.list(who, path))
}

fn check_volume(volume: &str) -> Result<(), Failure> {
    if VOLUMES.contains(&volume) {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "no volume `{}`: there are workspace, memory and tmp",
        volume.escape_debug()
    )))
}

/// `volume`, or `volume/path/to/file` without a part that is empty, `.` or `..`.
fn check_path(path: &str) -> Result<(), Failure> {
    check_name("the path", path, MAX_PATH)?;
    let mut parts = path.split('/');
    check_volume(parts.next().unwrap_or_default())?;
    if parts.any(|part| matches!(part, "" | "." | "..")) {
        let path = path.escape_debug();
        let message = format!("the path `{path}` has a part that is empty, `.` or `..`");
        return Err(Failure::bad_request(message));
    }
    Ok(())
}

fn check_file(path: &str) -> Result<(), Failure> {
    if path.contains('/') {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "`{path}` is a volume, not a file"
    )))
}

/// The core module `wb:vfs`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:vfs",
        "query",
        |mut caller: Caller<'_, Guest>,
         volume: u32,
         volume_len: u32,
         sql: u32,
         sql_len: u32,
         params: u32,
         params_len: u32| {
            answer(
                &mut caller,
                |memory| {
                    let volume = memory.text("the volume", (volume, volume_len))?;
                    let sql = memory.text("the statement", (sql, sql_len))?;
                    let params = memory.bytes((params, params_len))?;
                    Ok((volume, sql, json::params(params)?))
                },
                |client, (volume, sql, params)| {
                    let rows = query(client, volume, sql, &params)?;
                    Ok(Answer::value(json::rows(&rows)))
                },
            )
        },
    )?;
    linker.func_wrap(
        "wb:vfs",
        "read",
        |mut caller: Caller<'_, Guest>, path: u32, path_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the path", (path, path_len)),
                |client, path| Ok(Answer::value(read(client, path)?)),
            )
        },
    )?;
    linker.func_wrap(
        "wb:vfs",
        "write",
        |mut caller: Caller<'_, Guest>, path: u32, path_len: u32, ptr: u32, len: u32| {
            answer(
                &mut caller,
                |memory| {
                    let path = memory.text("the path", (path, path_len))?;
                    Ok((path, memory.bytes((ptr, len))?))
                },
                |client, (path, content)| {
                    write(client, path, content)?;
                    Ok(Answer::of(0))
                },
            )
        },
    )?;
    linker.func_wrap(
        "wb:vfs",
        "remove",
        |mut caller: Caller<'_, Guest>, path: u32, path_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the path", (path, path_len)),
                |client, path| Ok(Answer::of(remove(client, path)?.into())),
            )
        },
    )?;
    linker.func_wrap(
        "wb:vfs",
        "list",
        |mut caller: Caller<'_, Guest>, path: u32, path_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the path", (path, path_len)),
                |client, path| Ok(Answer::value(json::entries(&list(client, path)?))),
            )
        },
    )?;
    Ok(())
}
