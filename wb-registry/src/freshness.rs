use serde::Deserialize;
use wb_manifest::{Digest, Tree};

use crate::{Binding, Store};

/// Whether an artifact was built from certain sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It was.
    Fresh,
    /// It was built from others.
    Stale,
    /// No record says what it was built from, as of what was installed.
    Unknown,
}

/// What is asked of the record of a build; the rest is for whoever repeats it.
#[derive(Deserialize)]
struct Record {
    source: Digest,
}

impl Freshness {
    /// Compares the record of how `binding`'s artifact was built with `sources`,
    /// the tree as the build saw it.
    pub fn of(binding: &Binding, sources: &Tree, artifacts: &dyn Store) -> Self {
        let record = binding.provenance.as_ref();
        let record = record.and_then(|digest| artifacts.get(digest).ok());
        match record.and_then(|text| serde_json::from_slice::<Record>(&text).ok()) {
            None => Self::Unknown,
            Some(record) if record.source == sources.digest() => Self::Fresh,
            Some(_) => Self::Stale,
        }
    }
}
