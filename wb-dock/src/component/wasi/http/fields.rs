use bytes::Bytes;
use wasmtime::component::Resource;
use wb_policy::MemoryReservation;

use super::super::bindings::wasi::http::types::{HeaderError, HostFields};
use crate::cap::net::{field_bytes, is_field_name, is_field_value};
use crate::guest::Guest;
use crate::limits::Stop;

/// Header fields in order, names in lower case, charged to the memory of the guest.
#[derive(Debug)]
pub struct Fields {
    entries: Vec<(String, Bytes)>,
    is_mutable: bool,
    held: MemoryReservation,
}

/// Fields that frame the message, name its target or speak to a proxy: the host's to write.
const FORBIDDEN: [&str; 9] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Bytes of an entry besides name and value.
const ENTRY: usize = size_of::<(String, Bytes)>();

fn weight(entries: &[(String, Bytes)]) -> u64 {
    (field_bytes(entries) + entries.len() * ENTRY) as u64
}

impl Fields {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn entries(&self) -> &[(String, Bytes)] {
        &self.entries
    }

    pub(super) fn frozen(mut self) -> Self {
        self.is_mutable = false;
        self
    }

    /// The values called `name`.
    pub(super) fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f Bytes> {
        let named = move |entry: &&(String, Bytes)| entry.0.eq_ignore_ascii_case(name);
        self.entries.iter().filter(named).map(|(_, value)| value)
    }
}

fn checked_name(name: &str) -> Result<String, HeaderError> {
    let name = name.to_ascii_lowercase();
    if !is_field_name(&name) {
        return Err(HeaderError::InvalidSyntax);
    }
    if FORBIDDEN.contains(&name.as_str()) {
        return Err(HeaderError::Forbidden);
    }
    Ok(name)
}

fn checked_value(value: Vec<u8>) -> Result<Bytes, HeaderError> {
    if is_field_value(&value) {
        return Ok(value.into());
    }
    Err(HeaderError::InvalidSyntax)
}

impl Guest {
    pub(super) fn new_fields(
        &mut self,
        entries: Vec<(String, Bytes)>,
        is_mutable: bool,
    ) -> wasmtime::Result<Resource<Fields>> {
        let budget = self.wasi.meter.budget();
        let held = budget.reserve_memory(weight(&entries));
        let fields = Fields {
            held: held.map_err(Stop::Limit)?,
            entries,
            is_mutable,
        };
        self.hand(fields)
    }

    fn change_fields(
        &mut self,
        fields: &Resource<Fields>,
        change: impl FnOnce(&mut Vec<(String, Bytes)>) -> Result<(), HeaderError>,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        let fields = self.table.get_mut(fields)?;
        if !fields.is_mutable {
            return Ok(Err(HeaderError::Immutable));
        }
        let changed = change(&mut fields.entries);
        let more = weight(&fields.entries).saturating_sub(fields.held.bytes());
        fields.held.grow(more).map_err(Stop::Limit)?;
        Ok(changed)
    }
}

impl HostFields for Guest {
    fn new(&mut self) -> wasmtime::Result<Resource<Fields>> {
        self.new_fields(Vec::new(), true)
    }

    fn from_list(
        &mut self,
        entries: Vec<(String, Vec<u8>)>,
    ) -> wasmtime::Result<Result<Resource<Fields>, HeaderError>> {
        let checked = entries
            .into_iter()
            .map(|(name, value)| Ok((checked_name(&name)?, checked_value(value)?)));
        match checked.collect() {
            Ok(entries) => self.new_fields(entries, true).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    fn get(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<Vec<Vec<u8>>> {
        let values = self.table.get(&fields)?;
        Ok(values.values(&name).map(|value| value.to_vec()).collect())
    }

    fn has(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<bool> {
        Ok(self.table.get(&fields)?.values(&name).next().is_some())
    }

    fn set(
        &mut self,
        fields: Resource<Fields>,
        name: String,
        values: Vec<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        self.change_fields(&fields, |entries| {
            let name = checked_name(&name)?;
            let values = values.into_iter().map(checked_value);
            let values = values.collect::<Result<Vec<_>, _>>()?;
            entries.retain(|(found, _)| *found != name);
            entries.extend(values.into_iter().map(|value| (name.clone(), value)));
            Ok(())
        })
    }

    fn delete(
        &mut self,
        fields: Resource<Fields>,
        name: String,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        self.change_fields(&fields, |entries| {
            let name = checked_name(&name)?;
            entries.retain(|(found, _)| *found != name);
            Ok(())
        })
    }

    fn append(
        &mut self,
        fields: Resource<Fields>,
        name: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        self.change_fields(&fields, |entries| {
            entries.push((checked_name(&name)?, checked_value(value)?));
            Ok(())
        })
    }

    fn entries(&mut self, fields: Resource<Fields>) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        let entries = self.table.get(&fields)?.entries.iter();
        Ok(entries
            .map(|(name, value)| (name.clone(), value.to_vec()))
            .collect())
    }

    fn clone(&mut self, fields: Resource<Fields>) -> wasmtime::Result<Resource<Fields>> {
        let entries = self.table.get(&fields)?.entries.clone();
        self.new_fields(entries, true)
    }

    fn drop(&mut self, fields: Resource<Fields>) -> wasmtime::Result<()> {
        self.table.delete(fields)?;
        Ok(())
    }
}
