use bytes::Bytes;

use super::{Failure, Principal};

/// Files and tables of a tenant.
///
/// A path is `volume/path/to/file` with one of the volumes `workspace`, `memory`
/// (both outlive a run) and `tmp` (does not). It has been checked before it gets here:
/// relative, UTF-8, no empty, `.` or `..` part, inside the grant's scope.
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
    /// [`FailureKind::NotFound`](super::FailureKind::NotFound) when there is no such file.
    fn read(&self, who: &Principal<'_>, path: &str) -> Result<Bytes, Failure>;

    /// Makes or replaces a file; directories come into being with their first file.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) when the tenant's volume is full.
    fn write(&self, who: &Principal<'_>, path: &str, content: Bytes) -> Result<(), Failure>;

    /// Removes a file; false when there was none.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    fn remove(&self, who: &Principal<'_>, path: &str) -> Result<bool, Failure>;

    /// What is in a directory, by name, at most 10,000 entries.
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`](super::FailureKind::NotFound) when there is nothing below `path`.
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
