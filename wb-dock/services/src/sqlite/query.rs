use std::time::Instant;

use bytes::Bytes;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Batch, Statement};
use wb_dock::cap::{Failure, Principal, Rows, Value};

use super::guest::MAX_SQL;
use super::{Lease, failure, statement};

/// The most rows of a result.
const MAX_ROWS: usize = 10_000;

/// The most memory of a result, in bytes.
const MAX_RESULT: usize = 16 << 20;

/// How many instructions of SQLite's machine run between two looks at the clock:
/// some ten microseconds.
const INSTRUCTIONS: i32 = 1000;

/// Runs the SQL of a guest on a connection that is confined.
pub(crate) fn query(
    mut lease: Lease<'_>,
    who: &Principal<'_>,
    sql: &str,
    params: &[Value],
) -> Result<Rows, Failure> {
    if sql.len() > MAX_SQL as usize {
        let found = sql.len();
        return Err(Failure::limit(format!(
            "the statement has {found} bytes, wanted at most {MAX_SQL}"
        )));
    }
    if sql.contains('\0') {
        return Err(Failure::bad_request("the statement has a NUL character"));
    }
    let sql = statement::only(sql).ok_or_else(one_statement)?;
    let deadline = Instant::now() + who.time_left();
    let late = move || Instant::now() >= deadline;
    lease
        .connection_mut()
        .progress_handler(INSTRUCTIONS, Some(late))
        .map_err(failure)?;
    let quota = lease.quota();
    run(&lease, sql, params).map_err(|failed| match failed {
        Failed::Sql(rusqlite::Error::SqliteFailure(error, _))
            if error.code == rusqlite::ErrorCode::DiskFull =>
        {
            Failure::limit(format!(
                "the volume is full: its tables may have {quota} bytes"
            ))
        }
        Failed::Sql(error) => failure(error),
        Failed::Other(failure) => failure,
    })
}

/// Why a statement gave no rows.
enum Failed {
    Sql(rusqlite::Error),
    Other(Failure),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

fn run(lease: &Lease<'_>, sql: &str, params: &[Value]) -> Result<Rows, Failed> {
    let mut batch = Batch::new(lease, sql);
    let statement = batch
        .next()?
        .ok_or_else(|| Failed::Other(one_statement()))?;
    // What follows may be no SQL, or name what the first statement would make.
    if !matches!(batch.next(), Ok(None)) {
        return Err(Failed::Other(one_statement()));
    }
    let before = lease.total_changes();
    let (columns, rows) = rows(lease, statement, params)?;
    let changed = match lease.total_changes() - before {
        0 => 0,
        // Without what triggers did, unless only they did something.
        all => match lease.changes() {
            0 => all,
            own => own,
        },
    };
    Ok(Rows {
        columns,
        rows,
        changed,
    })
}

type Table = (Vec<String>, Vec<Vec<Value>>);

fn rows(
    lease: &Lease<'_>,
    mut statement: Statement<'_>,
    params: &[Value],
) -> Result<Table, Failed> {
    let wanted = statement.parameter_count();
    if params.len() != wanted {
        let found = params.len();
        return Err(Failed::Other(Failure::bad_request(format!(
            "there are {found} parameters, the statement wants {wanted}"
        ))));
    }
    for (at, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, ToSqlOutput::Borrowed(bound(value)))?;
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut size: usize = columns.iter().map(String::len).sum();
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(columns.len());
        for at in 0..columns.len() {
            let value = row.get_ref(at)?;
            size += size_of::<Value>() + length(value);
            values.push(owned(value));
        }
        if found.len() == MAX_ROWS || size > MAX_RESULT {
            // An interrupted statement is rolled back: it is done as a whole or not at all.
            lease.get_interrupt_handle().interrupt();
            while let Ok(Some(_)) = rows.next() {}
            return Err(Failed::Other(Failure::limit(format!(
                "the result has more than {MAX_ROWS} rows or {MAX_RESULT} bytes"
            ))));
        }
        found.push(values);
    }
    drop(rows);
    Ok((columns, found))
}

fn bound(value: &Value) -> ValueRef<'_> {
    match value {
        Value::Null => ValueRef::Null,
        Value::Integer(n) => ValueRef::Integer(*n),
        Value::Real(x) => ValueRef::Real(*x),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(x) => Value::Real(x),
        // SQLite calls any bytes text if told so.
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(Bytes::copy_from_slice(text)),
        },
        ValueRef::Blob(bytes) => Value::Blob(Bytes::copy_from_slice(bytes)),
    }
}

const fn length(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        _ => 0,
    }
}

fn one_statement() -> Failure {
    Failure::bad_request("wanted exactly one statement")
}
