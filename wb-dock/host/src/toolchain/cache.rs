//! Results of build steps on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use wb_build::{StepCache, StepRecord};
use wb_manifest::Digest;

use crate::atomic::{self, Durability, Mode};

/// The step cache of a nexus: records by the hash of their step, outputs by
/// their own digest.
///
/// Everything in it can be deleted at any time. The driver checks what it reads,
/// so a damaged file is made again and replaced.
#[derive(Clone, Debug)]
pub struct DiskStepCache {
    root: PathBuf,
}

impl DiskStepCache {
    /// The cache in `root`, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn record(&self, key: &Digest) -> PathBuf {
        self.root.join("steps").join(format!("{key}.json"))
    }

    fn output(&self, digest: &Digest) -> PathBuf {
        self.root.join("outputs").join(digest.to_string())
    }
}

impl StepCache for DiskStepCache {
    fn lookup(&self, key: &Digest) -> Option<StepRecord> {
        let bytes = fs::read(self.record(key)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn read(&self, digest: &Digest) -> Option<Bytes> {
        fs::read(self.output(digest)).ok().map(Bytes::from)
    }

    fn store(&self, key: &Digest, record: &StepRecord, outputs: &BTreeMap<String, Bytes>) {
        let write = |path: PathBuf, bytes: &[u8]| {
            atomic::write(&path, bytes, Mode::Private, Durability::Cache).is_ok()
        };
        // The record comes last: it promises the outputs.
        let whole = outputs.iter().all(|(path, bytes)| {
            record
                .outputs
                .get(path)
                .is_none_or(|digest| write(self.output(digest), bytes))
        });
        if whole && let Ok(text) = serde_json::to_vec(record) {
            write(self.record(key), &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_found_and_a_damaged_record_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DiskStepCache::at(dir.path().join("cache"));
        let key = Digest::of(b"step");
        let bytes = Bytes::from_static(b"object");
        let record = StepRecord {
            outputs: BTreeMap::from([("/o/x".to_owned(), Digest::of(&bytes))]),
            diagnostics: Vec::new(),
        };
        assert_eq!(cache.lookup(&key), None);
        cache.store(
            &key,
            &record,
            &BTreeMap::from([("/o/x".to_owned(), bytes.clone())]),
        );
        assert_eq!(cache.lookup(&key), Some(record));
        assert_eq!(cache.read(&Digest::of(&bytes)), Some(bytes));

        fs::write(cache.record(&key), b"{ half").unwrap();
        assert_eq!(cache.lookup(&key), None);
    }
}
