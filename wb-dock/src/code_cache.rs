//! Compiled code on disk, one file a program, mapped rather than read.
//!
//! Machine code that is loaded runs with the rights of this process, so a file is
//! used only if nobody else could have written it (directory and files belong to
//! this user and are closed to others) and its bytes are those that were written:
//! their SHA-256 stands in a stamp beside it, together with size, times and inode
//! of the file at the moment of checking. As long as these are the same, and the
//! machine has not been restarted since, the file is not hashed again. Whatever
//! does not fit is discarded and compiled anew.
#![expect(
    clippy::disallowed_methods,
    reason = "the one part of the dock that is about files; behind a feature of its own"
)]

use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, Module};

use functions::{Functions, LARGEST_PROGRAM, Shelf};

mod functions;

/// First word of a stamp; changes with its format.
const STAMP_VERSION: &str = "wb-code-1";

/// Where the packs of functions are, below the directory of the engine.
const FUNCTIONS: &str = "functions";

/// Most bytes that packs of functions take together. The oldest go first.
const PACKS: u64 = 64 << 20;

/// A directory of compiled code for one engine configuration.
pub(crate) struct CodeCache {
    dir: PathBuf,
    boot: String,
    functions: Arc<Functions>,
    compilers: Compilers,
}

/// What compiles for the cache, made when first needed: setting up a compiler takes
/// longer than a short run, and most find their code here.
#[derive(Default)]
struct Compilers {
    /// Takes functions from the packs and leaves new ones.
    incremental: OnceLock<Engine>,
    plain: OnceLock<Engine>,
}

impl CodeCache {
    /// Opens the part of `root` that belongs to `engine`.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` when it is open to other users. A directory that cannot
    /// be made or written is no error: every look-up misses.
    pub(crate) fn open(root: &Path, engine: &Engine) -> io::Result<Self> {
        let cache = Self {
            dir: root.join(fingerprint(engine)),
            // Empty where there is none: then every load hashes.
            boot: fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|id| id.trim().to_owned())
                .unwrap_or_default(),
            functions: Arc::default(),
            compilers: Compilers::default(),
        };
        // A cache that cannot be kept is done without; one that is not ours is not.
        let _ = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&cache.dir);
        if let Ok(found) = fs::symlink_metadata(&cache.dir)
            && !(found.is_dir() && is_private(&found))
        {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(cache)
    }

    /// The code of the program with this digest, if it is here and in order.
    pub(crate) fn load<C: Code>(&self, engine: &Engine, digest: &[u8; 32]) -> Option<C> {
        let (code, stamp) = self.paths(digest);
        let file = File::open(&code).ok()?;
        let loaded = self
            .verify(&file, &stamp)
            .ok()
            .filter(|genuine| *genuine)
            .and_then(|_| C::map(engine, &code, file));
        if loaded.is_none() {
            // The stamp first: code without one is never used.
            let _ = fs::remove_file(&stamp);
            let _ = fs::remove_file(&code);
        }
        loaded
    }

    /// Compiles `wasm` by the settings in `config`, keeps the code and loads it.
    ///
    /// # Errors
    ///
    /// Those of the compiler. A full disk costs the next run its time, not this one
    /// its result.
    pub(crate) fn compile<C: Code>(
        &self,
        engine: &Engine,
        config: impl FnOnce() -> Config,
        wasm: &[u8],
        digest: &[u8; 32],
    ) -> wasmtime::Result<C> {
        let code = if wasm.len() > LARGEST_PROGRAM {
            C::precompile(made(&self.compilers.plain, || Ok(config()))?, wasm)?
        } else {
            self.functions.open(|| self.packs());
            let compiler = made(&self.compilers.incremental, || {
                let mut config = config();
                config
                    .enable_incremental_compilation(Arc::new(Shelf(Arc::clone(&self.functions))))?;
                Ok(config)
            })?;
            let code = C::precompile(compiler, wasm)?;
            if let Some(pack) = self.functions.take_fresh() {
                let _ = self.store_pack(&pack);
            }
            code
        };
        match self.store(engine, digest, &code) {
            Ok(Some(loaded)) => Ok(loaded),
            _ => C::of_bytes(engine, &code),
        }
    }

    /// Keeps `code`, and returns it mapped from the file.
    ///
    /// # Errors
    ///
    /// Those of the file system; nothing half-written stays behind.
    fn store<C: Code>(
        &self,
        engine: &Engine,
        digest: &[u8; 32],
        code: &[u8],
    ) -> io::Result<Option<C>> {
        self.sweep();
        let (path, stamp) = self.paths(digest);
        self.write_aside(&path, code)?;
        let file = File::open(&path)?;
        // A stamp is about one file: if another process has replaced ours in the
        // meantime, the next load finds that out and hashes.
        self.write_stamp(&stamp, &Sha256::digest(code).into(), &file.metadata()?)?;
        Ok(C::map(engine, &path, file))
    }

    /// The content of every pack that is genuine.
    fn packs(&self) -> Vec<Bytes> {
        let mut packs = Vec::new();
        for (path, _) in self.packs_by_age() {
            let content = File::open(&path).and_then(|file| {
                let stamp = path.with_extension("stamp");
                let mut content = Vec::new();
                if self.verify(&file, &stamp)? {
                    (&file).rewind()?;
                    (&file).read_to_end(&mut content)?;
                }
                Ok(content)
            });
            packs.extend(content.ok().map(Bytes::from));
        }
        packs
    }

    fn store_pack(&self, pack: &[u8]) -> io::Result<()> {
        let sha: [u8; 32] = Sha256::digest(pack).into();
        let packs = self.dir.join(FUNCTIONS);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&packs)?;
        let path = packs.join(format!("{}.pack", hex(&sha)));
        self.write_aside(&path, pack)?;
        let found = fs::metadata(&path)?;
        self.write_stamp(&path.with_extension("stamp"), &sha, &found)?;
        let mut total = 0;
        for (path, size) in self.packs_by_age().into_iter().rev() {
            total += size;
            if total > PACKS {
                fs::remove_file(path.with_extension("stamp"))?;
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The packs and their sizes, oldest first.
    fn packs_by_age(&self) -> Vec<(PathBuf, u64)> {
        let mut packs = Vec::new();
        let entries = fs::read_dir(self.dir.join(FUNCTIONS));
        for entry in entries.into_iter().flatten().flatten() {
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "pack")
                && let Ok(found) = entry.metadata()
            {
                let age = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                packs.push((age, path, found.len()));
            }
        }
        packs.sort();
        packs
            .into_iter()
            .map(|(_, path, size)| (path, size))
            .collect()
    }

    fn paths(&self, digest: &[u8; 32]) -> (PathBuf, PathBuf) {
        let name = hex(digest);
        (
            self.dir.join(format!("{name}.cwasm")),
            self.dir.join(format!("{name}.stamp")),
        )
    }

    /// Whether `file` holds the bytes that were stored.
    fn verify(&self, file: &File, stamp_path: &Path) -> io::Result<bool> {
        let found = file.metadata()?;
        let stamp_file = File::open(stamp_path)?;
        if !is_private(&found) || !is_private(&stamp_file.metadata()?) {
            return Ok(false);
        }
        let mut stamp = String::new();
        stamp_file.take(1024).read_to_string(&mut stamp)?;
        let mut words = stamp.splitn(3, ' ');
        let (Some(STAMP_VERSION), Some(sha), Some(state)) =
            (words.next(), words.next(), words.next())
        else {
            return Ok(false);
        };
        if !self.boot.is_empty() && state == self.state(&found) {
            return Ok(true);
        }
        let mut sum = Sha256::new();
        let mut reader = file;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                read => sum.update(&buffer[..read]),
            }
        }
        let found_sha: [u8; 32] = sum.finalize().into();
        if hex(&found_sha) != sha {
            return Ok(false);
        }
        // A disk that takes no new stamp only costs the next load its time.
        let _ = self.write_stamp(stamp_path, &found_sha, &found);
        Ok(true)
    }

    /// What changes when a file is written to or replaced. The time of change is
    /// the kernel's own and cannot be set back.
    fn state(&self, found: &Metadata) -> String {
        format!(
            "{} {}.{} {}.{} {}:{} {}\n",
            found.size(),
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
            found.dev(),
            found.ino(),
            self.boot,
        )
    }

    fn write_stamp(&self, path: &Path, sha: &[u8; 32], found: &Metadata) -> io::Result<()> {
        let stamp = format!("{STAMP_VERSION} {} {}", hex(sha), self.state(found));
        self.write_aside(path, stamp.as_bytes())
    }

    /// Removes what processes that were killed had not finished. Done before a
    /// program is stored, when there is time: compiling it took longer.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let owner = name
                .to_str()
                .and_then(|name| name.strip_prefix('.')?.strip_suffix(".new"))
                .and_then(|name| name.split_once('-')?.0.parse::<u32>().ok());
            if let Some(owner) = owner
                && Path::new("/proc/self").exists()
                && !Path::new("/proc").join(owner.to_string()).exists()
            {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Writes a file under another name and moves it to `path` when it is whole.
    fn write_aside(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let aside = self
            .dir
            .join(format!(".{}-{serial}.new", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&aside, path));
        if written.is_err() {
            let _ = fs::remove_file(&aside);
        }
        written
    }
}

/// The compiler in `cell`, made by `config` the first time.
fn made(
    cell: &OnceLock<Engine>,
    config: impl FnOnce() -> wasmtime::Result<Config>,
) -> wasmtime::Result<&Engine> {
    if let Some(compiler) = cell.get() {
        return Ok(compiler);
    }
    let compiler = Engine::new(&config()?)?;
    Ok(cell.get_or_init(|| compiler))
}

/// What compiled code can be of: a module or a component.
pub(crate) trait Code: Sized {
    /// Compiles `wasm` to what [`Code::of_bytes`] takes.
    fn precompile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Vec<u8>>;

    /// Compiles `wasm` for this process alone.
    fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Self>;

    /// Makes it of code that nobody could keep on disk: the unchanged output of
    /// [`Code::precompile`], a moment ago.
    fn of_bytes(engine: &Engine, code: &[u8]) -> wasmtime::Result<Self>;

    /// Maps the verified file at `path`, open as `file`.
    fn map(engine: &Engine, path: &Path, file: File) -> Option<Self>;
}

impl Code for Module {
    fn precompile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Vec<u8>> {
        engine.precompile_module(wasm)
    }

    fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Self> {
        Self::new(engine, wasm)
    }

    fn of_bytes(engine: &Engine, code: &[u8]) -> wasmtime::Result<Self> {
        #[expect(
            unsafe_code,
            reason = "the bytes come from a compiler of the same settings a moment ago"
        )]
        // SAFETY: `code` is the unchanged output of `precompile_module`.
        unsafe {
            Self::deserialize(engine, code)
        }
    }

    fn map(engine: &Engine, _path: &Path, file: File) -> Option<Self> {
        #[expect(
            unsafe_code,
            reason = "loading compiled code is what a cache of compiled code is for"
        )]
        // SAFETY: the file is open to this user alone and holds what was written here,
        // which is the output of `precompile_module`. It is mapped privately and is
        // replaced, never written in place. The engine checks version and settings.
        unsafe { Self::deserialize_open_file(engine, file) }.ok()
    }
}

impl Code for Component {
    fn precompile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Vec<u8>> {
        engine.precompile_component(wasm)
    }

    fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Self> {
        Self::new(engine, wasm)
    }

    fn of_bytes(engine: &Engine, code: &[u8]) -> wasmtime::Result<Self> {
        #[expect(
            unsafe_code,
            reason = "the bytes come from a compiler of the same settings a moment ago"
        )]
        // SAFETY: `code` is the unchanged output of `precompile_component`.
        unsafe {
            Self::deserialize(engine, code)
        }
    }

    fn map(engine: &Engine, path: &Path, _file: File) -> Option<Self> {
        #[expect(
            unsafe_code,
            reason = "loading compiled code is what a cache of compiled code is for"
        )]
        // SAFETY: as for modules. The engine opens a component by its path: in a
        // directory that is private to this user, where files are only ever replaced by
        // others that were written here under the same digest.
        unsafe { Self::deserialize_file(engine, path) }.ok()
    }
}

/// Whether a file belongs to this user and is closed to all others.
fn is_private(found: &Metadata) -> bool {
    let others = found.mode() & 0o077;
    others == 0 && found.uid() == rustix::process::geteuid().as_raw()
}

/// A name for everything that compiled code depends on besides the program and the
/// processor, whose features the engine compares when it loads code.
fn fingerprint(engine: &Engine) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut sha = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut sha);
    let hash: [u8; 32] = sha.0.finalize().into();
    hex(&hash)[..16].to_owned()
}

fn hex(bytes: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
