use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use wb_manifest::Digest;

use crate::diagnose::Diagnostic;

/// What a cache keeps about a step that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StepRecord {
    /// Digests of the outputs, by guest path.
    pub outputs: BTreeMap<String, Digest>,
    /// What the compiler said: a warning is shown again when the step is not.
    pub diagnostics: Vec<Diagnostic>,
}

/// Results of steps by the hash of the step.
///
/// A cache may forget anything at any time, and may hold bytes that rotted:
/// the driver checks what it reads and makes again what is not there. So no
/// call reports an error, and a failed `store` costs time only.
pub trait StepCache: Sync {
    /// The record of a step.
    fn lookup(&self, key: &Digest) -> Option<StepRecord>;

    /// The bytes of this digest.
    fn read(&self, digest: &Digest) -> Option<Bytes>;

    /// Keeps a record and the outputs it names, by guest path.
    fn store(&self, key: &Digest, record: &StepRecord, outputs: &BTreeMap<String, Bytes>);
}

/// A cache in memory, for tests and for builds that must leave no trace.
#[derive(Debug, Default)]
pub struct MemoryCache(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    records: BTreeMap<Digest, StepRecord>,
    contents: BTreeMap<Digest, Bytes>,
}

impl MemoryCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StepCache for MemoryCache {
    fn lookup(&self, key: &Digest) -> Option<StepRecord> {
        self.inner().records.get(key).cloned()
    }

    fn read(&self, digest: &Digest) -> Option<Bytes> {
        self.inner().contents.get(digest).cloned()
    }

    fn store(&self, key: &Digest, record: &StepRecord, outputs: &BTreeMap<String, Bytes>) {
        let mut inner = self.inner();
        for (path, bytes) in outputs {
            if let Some(digest) = record.outputs.get(path) {
                inner.contents.insert(*digest, bytes.clone());
            }
        }
        inner.records.insert(*key, record.clone());
    }
}

/// A cache that keeps nothing: every step runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl StepCache for NoCache {
    fn lookup(&self, _: &Digest) -> Option<StepRecord> {
        None
    }

    fn read(&self, _: &Digest) -> Option<Bytes> {
        None
    }

    fn store(&self, _: &Digest, _: &StepRecord, _: &BTreeMap<String, Bytes>) {}
}
