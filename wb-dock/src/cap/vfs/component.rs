//! `workbooks:dock/vfs`.

use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::{Entry, Rows, Value};
use crate::component::typed::{Store, interface, told};
use crate::guest::Guest;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum WitValue {
    #[component(name = "null")]
    Null,
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "real")]
    Real(f64),
    #[component(name = "text")]
    Text(String),
    #[component(name = "blob")]
    Blob(Vec<u8>),
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct WitRows {
    columns: Vec<String>,
    rows: Vec<Vec<WitValue>>,
    changed: u64,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct WitEntry {
    name: String,
    directory: bool,
    size: u64,
}

impl From<WitValue> for Value {
    fn from(value: WitValue) -> Self {
        match value {
            WitValue::Null => Self::Null,
            WitValue::Integer(whole) => Self::Integer(whole),
            WitValue::Real(real) => Self::Real(real),
            WitValue::Text(text) => Self::Text(text),
            WitValue::Blob(blob) => Self::Blob(blob.into()),
        }
    }
}

impl From<Value> for WitValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(whole) => Self::Integer(whole),
            Value::Real(real) => Self::Real(real),
            Value::Text(text) => Self::Text(text),
            Value::Blob(blob) => Self::Blob(blob.into()),
        }
    }
}

impl From<Rows> for WitRows {
    fn from(rows: Rows) -> Self {
        let row = |row: Vec<Value>| row.into_iter().map(WitValue::from).collect();
        Self {
            columns: rows.columns,
            rows: rows.rows.into_iter().map(row).collect(),
            changed: rows.changed,
        }
    }
}

impl From<Entry> for WitEntry {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name,
            directory: entry.is_directory,
            size: entry.size,
        }
    }
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut vfs = linker.instance(&interface("vfs"))?;
    vfs.func_wrap(
        "query",
        |store: Store<'_>, (volume, sql, parameters): (String, String, Vec<WitValue>)| {
            let parameters: Vec<Value> = parameters.into_iter().map(Value::from).collect();
            let rows = super::query(&store.data().client, &volume, &sql, &parameters);
            told(rows.map(WitRows::from))
        },
    )?;
    vfs.func_wrap("read", |store: Store<'_>, (path,): (String,)| {
        told(super::read(&store.data().client, &path).map(Vec::from))
    })?;
    vfs.func_wrap(
        "write",
        |store: Store<'_>, (path, content): (String, Vec<u8>)| {
            told(super::write(&store.data().client, &path, &content))
        },
    )?;
    vfs.func_wrap("remove", |store: Store<'_>, (path,): (String,)| {
        told(super::remove(&store.data().client, &path))
    })?;
    vfs.func_wrap("list", |store: Store<'_>, (path,): (String,)| {
        let entries = super::list(&store.data().client, &path);
        told(entries.map(|entries| entries.into_iter().map(WitEntry::from).collect::<Vec<_>>()))
    })
}
