use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use wb_manifest::Digest;
use wb_registry::{Store, StoreError};

use crate::atomic::{self, Durability, Mode};
use crate::error::Error;

/// What an artifact's file may end in, by what is in it: modules, records of
/// how they were built, anything else.
const ENDINGS: [&str; 3] = ["wasm", "json", "blob"];

/// The first bytes of every wasm file (WebAssembly core specification, 5.5.16).
const WASM_MAGIC: &[u8] = b"\0asm";

/// A file changed this recently may change again without its times showing it:
/// file systems count in steps of up to some milliseconds.
const SETTLED: Duration = Duration::from_millis(50);

/// Artifacts as files named by their digest: `<sha256>.wasm`.
///
/// A file is written aside and renamed, read-only, and never changed. It is
/// hashed when it is read; a *stamp* beside it then records what the file
/// looked like, so that a cold start on the same file need not hash it again.
/// Whatever changes the file (size, times, inode) voids the stamp.
#[derive(Clone, Debug)]
pub struct DiskStore {
    dir: PathBuf,
}

impl DiskStore {
    /// The store in `dir`, which is made with its first artifact.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The file of `digest`, if it is there.
    pub fn path(&self, digest: &Digest) -> Option<PathBuf> {
        ENDINGS
            .into_iter()
            .map(|ending| self.dir.join(format!("{digest}.{ending}")))
            .find(|path| path.is_file())
    }

    /// Checks that the file of `digest` holds what it should, without handing it out.
    ///
    /// This costs two small reads for a file that was hashed before and is
    /// unchanged since.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn check(&self, digest: &Digest) -> Result<(), StoreError> {
        let (file, stamp) = self.open(digest)?;
        if self.is_stamped(digest, &stamp) {
            return Ok(());
        }
        self.hash(digest, file, &stamp).map(drop)
    }

    /// Hashes the file of `digest`, stamped or not.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn rehash(&self, digest: &Digest) -> Result<(), StoreError> {
        let (file, stamp) = self.open(digest)?;
        self.hash(digest, file, &stamp).map(drop)
    }

    /// Removes what killed writers left, and stamps without an artifact.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn sweep(&self) -> Result<usize, Error> {
        let fail = |error| Error::io("list", "build/commands", error);
        let mut removed = atomic::sweep(&self.dir).map_err(fail)?;
        let stamps = self.dir.join(".stamps");
        removed += atomic::sweep(&stamps).map_err(fail)?;
        for entry in fs::read_dir(stamps).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let digest = name.to_str().and_then(|name| name.parse::<Digest>().ok());
            if digest.is_some_and(|digest| self.path(&digest).is_none()) {
                removed += usize::from(fs::remove_file(entry.path()).is_ok());
            }
        }
        Ok(removed)
    }

    fn open(&self, digest: &Digest) -> Result<(File, Stamp), StoreError> {
        for ending in ENDINGS {
            match File::open(self.dir.join(format!("{digest}.{ending}"))) {
                Ok(file) => {
                    let stamp = Stamp::of(&file).map_err(|error| failed("read", digest, error))?;
                    return Ok((file, stamp));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("read", digest, error)),
            }
        }
        Err(StoreError::Missing(*digest))
    }

    /// Reads and hashes the file, and stamps it if it is what it should be.
    fn hash(&self, digest: &Digest, file: File, stamp: &Stamp) -> Result<Bytes, StoreError> {
        let bytes = read(file, stamp).map_err(|error| failed("read", digest, error))?;
        let bytes = wb_registry::check_artifact(digest, bytes)?;
        if stamp.is_settled() {
            // Only a shortcut: without it the next start hashes again.
            let path = self.stamp_path(digest);
            let text = stamp.text();
            let _ = atomic::write(&path, text.as_bytes(), Mode::Private, Durability::Cache);
        }
        Ok(bytes)
    }

    fn is_stamped(&self, digest: &Digest, stamp: &Stamp) -> bool {
        fs::read_to_string(self.stamp_path(digest)).is_ok_and(|text| text == stamp.text())
    }

    fn stamp_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(".stamps").join(digest.to_string())
    }
}

impl Store for DiskStore {
    fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        let ending = match bytes {
            wasm if wasm.starts_with(WASM_MAGIC) => ENDINGS[0],
            [b'{', ..] => ENDINGS[1],
            _ => ENDINGS[2],
        };
        // Written again also if it is there: the file may be damaged.
        if self.check(&digest).is_err() {
            let path = self.dir.join(format!("{digest}.{ending}"));
            atomic::write(&path, bytes, Mode::Sealed, Durability::Synced)
                .map_err(|error| failed("write", &digest, error))?;
        }
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Bytes, StoreError> {
        let (file, stamp) = self.open(digest)?;
        if self.is_stamped(digest, &stamp) {
            return read(file, &stamp).map_err(|error| failed("read", digest, error));
        }
        self.hash(digest, file, &stamp)
    }

    fn contains(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.path(digest).is_some())
    }

    fn remove(&self, digest: &Digest) -> Result<(), StoreError> {
        for path in std::iter::from_fn(|| self.path(digest)) {
            fs::remove_file(path).map_err(|error| failed("remove", digest, error))?;
        }
        // A stamp without its artifact does no harm.
        let _ = fs::remove_file(self.stamp_path(digest));
        Ok(())
    }

    fn list(&self) -> Result<Vec<Digest>, StoreError> {
        let fail = |error| StoreError::backend(Error::io("list", "build/commands", error));
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(fail)?,
        };
        let mut digests = Vec::new();
        for entry in entries {
            let name = entry.map_err(fail)?.file_name();
            let path = Path::new(&name);
            let ending = path.extension().and_then(|ending| ending.to_str());
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if ending.is_some_and(|ending| ENDINGS.contains(&ending))
                && let Some(Ok(digest)) = stem.map(str::parse)
            {
                digests.push(digest);
            }
        }
        digests.sort_unstable();
        digests.dedup();
        Ok(digests)
    }
}

fn read(mut file: File, stamp: &Stamp) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(stamp.size as usize);
    file.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

fn failed(action: &'static str, digest: &Digest, error: io::Error) -> StoreError {
    StoreError::backend(Error::io(action, format!("build/commands/{digest}"), error))
}

/// What a file looks like from outside.
struct Stamp {
    size: u64,
    /// Modification and change time, inode and device, where the system has them.
    identity: [i128; 4],
    changed: SystemTime,
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        let modified = meta.modified()?;
        #[cfg(unix)]
        let (identity, changed) = {
            use std::os::unix::fs::MetadataExt as _;
            let nanos = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
            // The change time cannot be set back by any program.
            let change = nanos(meta.ctime(), meta.ctime_nsec());
            let changed = u64::try_from(change).map_or(modified, |nanos| {
                SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
            });
            let modify = nanos(meta.mtime(), meta.mtime_nsec());
            let place = [i128::from(meta.ino()), i128::from(meta.dev())];
            ([modify, change, place[0], place[1]], changed)
        };
        #[cfg(not(unix))]
        let (identity, changed) = {
            let since = modified.duration_since(SystemTime::UNIX_EPOCH);
            let nanos = since.map_or(0, |since| since.as_nanos() as i128);
            ([nanos, 0, 0, 0], modified)
        };
        Ok(Self {
            size: meta.len(),
            identity,
            changed,
        })
    }

    /// Whether a change from now on is sure to show in the times.
    fn is_settled(&self) -> bool {
        let age = SystemTime::now().duration_since(self.changed);
        age.is_ok_and(|age| age > SETTLED)
    }

    fn text(&self) -> String {
        let [modify, change, inode, device] = self.identity;
        format!(
            "wb-stamp/1 {} {modify} {change} {inode} {device}\n",
            self.size
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, DiskStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = DiskStore::at(dir.path().join("build/commands"));
        (dir, store)
    }

    /// Changes a sealed file in place, as failing hardware would.
    fn damage(path: &Path, bytes: &[u8]) {
        fs::remove_file(path).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn settle() {
        std::thread::sleep(2 * SETTLED);
    }

    #[test]
    fn artifacts_lie_under_their_digest() {
        let (_dir, store) = store();
        assert_eq!(store.list().unwrap(), []);
        let wasm = store.put(b"\0asm\x01\0\0\0").unwrap();
        let record = store.put(b"{}").unwrap();
        let ending = |digest| {
            let path = store.path(digest).unwrap();
            path.extension().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(
            (ending(&wasm), ending(&record)),
            ("wasm".into(), "json".into())
        );
        assert_eq!(store.get(&record).unwrap(), "{}");
        let mut all = [wasm, record];
        all.sort_unstable();
        assert_eq!(store.list().unwrap(), all);
        store.remove(&wasm).unwrap();
        store.remove(&wasm).unwrap();
        assert_eq!(
            store.get(&wasm).unwrap_err().code(),
            "registry/artifact-missing"
        );
    }

    #[test]
    fn a_stamped_file_is_not_hashed_again_until_it_changes() {
        let (_dir, store) = store();
        let digest = store.put(b"\0asm first").unwrap();
        settle();
        store.check(&digest).unwrap();
        let stamp = store.stamp_path(&digest);
        assert!(stamp.is_file());
        store.get(&digest).unwrap();

        damage(&store.path(&digest).unwrap(), b"\0asm other");
        for _ in 0..2 {
            let error = store.get(&digest).unwrap_err();
            assert_eq!(error.code(), "registry/artifact-corrupt");
            assert!(store.check(&digest).is_err());
            settle();
        }
        // Building it again mends it.
        store.put(b"\0asm first").unwrap();
        assert_eq!(store.get(&digest).unwrap(), "\0asm first");
    }

    #[test]
    fn a_fresh_file_is_not_trusted_by_its_times() {
        let (_dir, store) = store();
        let digest = store.put(b"\0asm fresh").unwrap();
        store.get(&digest).unwrap();
        assert!(!store.stamp_path(&digest).exists());
    }

    #[test]
    fn a_truncated_file_is_corrupt() {
        let (_dir, store) = store();
        let digest = store.put(b"\0asm whole").unwrap();
        damage(&store.path(&digest).unwrap(), b"");
        assert_eq!(
            store.get(&digest).unwrap_err().code(),
            "registry/artifact-corrupt"
        );
    }

    #[test]
    fn leftovers_and_loose_stamps_are_swept() {
        let (_dir, store) = store();
        let digest = store.put(b"\0asm").unwrap();
        settle();
        store.check(&digest).unwrap();
        fs::remove_file(store.path(&digest).unwrap()).unwrap();
        assert_eq!(store.sweep().unwrap(), 1);
        assert!(!store.stamp_path(&digest).exists());
    }
}
