//! Machine code by function, for programs that are mostly another program.
//!
//! Every command of the js lane is one and the same runtime with another script in
//! its data. Cranelift knows a function by a hash of what it compiles, so the
//! second such command takes from here all but what is new in it.
//!
//! Functions come and go in packs, one file for each program that brought new ones:
//! a file for every function would be thousands.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{Buf, BufMut, Bytes};

/// First bytes of a pack; changes with its format: key and value by turns, the
/// length of each before it as a little-endian `u32`.
const MAGIC: &[u8] = b"wb-functions-1\n";

/// Programs above this size leave nothing here: they are compilers, installed once,
/// and would push out everything else.
pub(super) const LARGEST_PROGRAM: usize = 8 << 20;

type Found = BTreeMap<Bytes, Bytes>;

/// The functions at hand, and those that were compiled since.
#[derive(Default)]
pub(super) struct Functions {
    /// What the packs hold; read before the first compilation.
    known: OnceLock<Found>,
    fresh: Mutex<Found>,
    /// How many were found since the last pack.
    hits: AtomicUsize,
}

impl Functions {
    /// Reads the packs, the first time.
    pub(super) fn open(&self, packs: impl FnOnce() -> Vec<Bytes>) {
        self.known.get_or_init(|| {
            let mut known = Found::new();
            for pack in packs() {
                read(pack, &mut known);
            }
            known
        });
    }

    /// What was compiled since the last time, as a pack. Nothing when most was found:
    /// the few functions in which such programs differ are of no use to the next.
    pub(super) fn take_fresh(&self) -> Option<Vec<u8>> {
        let fresh = std::mem::take(&mut *self.lock());
        let hits = self.hits.swap(0, Relaxed);
        if fresh.is_empty() || fresh.len() < hits / 4 {
            return None;
        }
        let mut pack = MAGIC.to_vec();
        for part in fresh.iter().flat_map(|(key, code)| [key, code]) {
            pack.put_u32_le(part.len() as u32);
            pack.put_slice(part);
        }
        Some(pack)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Found> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what `pack` holds. One of another format holds nothing.
fn read(mut pack: Bytes, into: &mut Found) {
    fn part(pack: &mut Bytes) -> Option<Bytes> {
        let length = pack.try_get_u32_le().ok()? as usize;
        (length <= pack.len()).then(|| pack.split_to(length))
    }
    if !pack.starts_with(MAGIC) {
        return;
    }
    pack.advance(MAGIC.len());
    while let (Some(key), Some(code)) = (part(&mut pack), part(&mut pack)) {
        into.insert(key, code);
    }
}

/// [`Functions`] as the compiler sees them.
pub(super) struct Shelf(pub(super) Arc<Functions>);

impl wasmtime::CacheStore for Shelf {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let known = self.0.known.get().and_then(|known| known.get(key));
        if let Some(code) = known {
            self.0.hits.fetch_add(1, Relaxed);
            return Some(Cow::Borrowed(code));
        }
        let code = self.0.lock().get(key)?.to_vec();
        Some(Cow::Owned(code))
    }

    fn insert(&self, key: &[u8], code: Vec<u8>) -> bool {
        self.0
            .lock()
            .insert(Bytes::copy_from_slice(key), code.into());
        true
    }
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::CacheStore as _;

    use super::*;

    #[test]
    fn a_pack_reads_back_and_a_torn_one_as_far_as_it_goes() {
        let functions = Arc::new(Functions::default());
        let shelf = Shelf(Arc::clone(&functions));
        for (key, code) in [("a", "one"), ("b", ""), ("c", "three")] {
            shelf.insert(key.as_bytes(), code.as_bytes().to_vec());
        }
        assert_eq!(shelf.get(b"a").as_deref(), Some(&b"one"[..]));
        let pack = functions.take_fresh().unwrap();
        assert!(functions.take_fresh().is_none());

        for end in 0..=pack.len() {
            let again = Arc::new(Functions::default());
            again.open(|| vec![Bytes::copy_from_slice(&pack[..end])]);
            let shelf = Shelf(again);
            let whole = end == pack.len();
            assert_eq!(shelf.get(b"c").is_some(), whole, "{end}");
            if let Some(code) = shelf.get(b"a") {
                assert_eq!(&*code, b"one");
            }
        }
    }
}
