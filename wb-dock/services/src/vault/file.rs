//! The vault on disk: one JSON document, private to the user.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wb_policy::HostPattern;
use zeroize::{Zeroize, Zeroizing};

use super::secret::Content;
use super::{All, Owner, Secret, VaultError};

/// The version of the format.
const VERSION: u32 = 1;

/// The largest file that is read.
const MAX_FILE: u64 = 64 << 20;

/// Where a vault is kept.
pub(super) struct VaultFile {
    path: PathBuf,
}

/// Which state of the file was read; of one that is not there, the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(Option<(SystemTime, u64, u64)>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default)]
    host: BTreeMap<String, Entry>,
    #[serde(default)]
    tenants: BTreeMap<String, BTreeMap<String, Entry>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: Kind,
    /// Base64 of the value.
    value: Wiped,
    #[serde(default)]
    hosts: Vec<HostPattern>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Token,
    SigningKey,
}

/// Text that is wiped from memory when it is dropped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Wiped(String);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl VaultFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn stamp(&self) -> Result<Stamp, VaultError> {
        match fs::metadata(&self.path) {
            Ok(meta) => stamp(&meta),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Stamp::default()),
            Err(source) => Err(io_error("read", source)),
        }
    }

    /// What is in the file; nothing when there is none.
    pub(super) fn read(&self) -> Result<(Stamp, All), VaultError> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
            Err(source) => return Err(io_error("read", source)),
        };
        let failed = |source| io_error("read", source);
        let meta = file.metadata().map_err(failed)?;
        check_private(&meta)?;
        if meta.len() > MAX_FILE {
            let found = meta.len();
            return Err(VaultError::Corrupt(format!(
                "it has {found} bytes, wanted at most {MAX_FILE}"
            )));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(meta.len() as usize));
        file.read_to_end(&mut text).map_err(failed)?;
        Ok((stamp(&meta)?, decode(&text)?))
    }

    /// Replaces the file, in one step.
    pub(super) fn write(&self, secrets: &All) -> Result<Stamp, VaultError> {
        let failed = |source| io_error("write", source);
        let mut file = tempfile::Builder::new()
            .prefix(".wb-tmp-")
            .tempfile_in(self.dir())
            .map_err(failed)?;
        file.write_all(&encode(secrets)).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        let file = file.persist(&self.path).map_err(|e| failed(e.error))?;
        stamp(&file.metadata().map_err(failed)?)
    }

    /// Keeps other processes from changing the file until the lock is dropped.
    pub(super) fn lock(&self) -> Result<File, VaultError> {
        let failed = |source| io_error("lock", source);
        private_dir(self.dir()).map_err(failed)?;
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    fn dir(&self) -> &Path {
        match self.path.parent() {
            Some(dir) if dir != Path::new("") => dir,
            _ => Path::new("."),
        }
    }
}

fn decode(text: &[u8]) -> Result<All, VaultError> {
    let corrupt = |why: String| VaultError::Corrupt(why);
    // The words of serde_json would repeat what it found.
    let document: Document = serde_json::from_slice(text).map_err(|error| {
        corrupt(format!(
            "no vault at line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    if document.version != VERSION {
        let found = document.version;
        return Err(corrupt(format!("version {found}, wanted {VERSION}")));
    }
    let read = |entries: BTreeMap<String, Entry>| -> Result<BTreeMap<String, Secret>, VaultError> {
        entries
            .into_iter()
            .map(|(name, entry)| {
                let secret = entry.secret();
                let secret =
                    secret.ok_or_else(|| corrupt(format!("the value of `{name}` is none")))?;
                Ok((name, secret))
            })
            .collect()
    };
    let mut all = All::from([(Owner::Host, read(document.host)?)]);
    for (tenant, entries) in document.tenants {
        all.insert(Owner::Tenant(tenant), read(entries)?);
    }
    Ok(all)
}

fn encode(secrets: &All) -> Zeroizing<Vec<u8>> {
    let mut document = Document {
        version: VERSION,
        host: BTreeMap::new(),
        tenants: BTreeMap::new(),
    };
    for (owner, own) in secrets {
        let entries = own
            .iter()
            .map(|(name, secret)| (name.clone(), entry(secret)));
        match owner {
            Owner::Host => document.host = entries.collect(),
            Owner::Tenant(tenant) => {
                document.tenants.insert(tenant.clone(), entries.collect());
            }
        }
    }
    let text = serde_json::to_vec_pretty(&document).expect("maps of texts can be written");
    Zeroizing::new(text)
}

fn entry(secret: &Secret) -> Entry {
    let (kind, value) = match &secret.content {
        Content::Token(value) => (Kind::Token, value.as_slice()),
        Content::SigningKey(seed) => (Kind::SigningKey, seed.as_slice()),
    };
    Entry {
        kind,
        value: Wiped(STANDARD.encode(value)),
        hosts: secret.hosts.clone(),
    }
}

impl Entry {
    fn secret(mut self) -> Option<Secret> {
        let value = Zeroizing::new(STANDARD.decode(&self.value.0).ok()?);
        let content = match self.kind {
            Kind::Token => Content::Token(value),
            Kind::SigningKey => {
                Content::SigningKey(Zeroizing::new(value.as_slice().try_into().ok()?))
            }
        };
        let hosts = std::mem::take(&mut self.hosts);
        let secret = Secret { content, hosts };
        secret.check().is_ok().then_some(secret)
    }
}

fn io_error(action: &'static str, source: io::Error) -> VaultError {
    VaultError::Io { action, source }
}

fn stamp(meta: &fs::Metadata) -> Result<Stamp, VaultError> {
    let modified = meta.modified().map_err(|e| io_error("read", e))?;
    // Each write is a new file: the inode tells two writes of one instant apart.
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(meta);
    #[cfg(not(unix))]
    let inode = 0;
    Ok(Stamp(Some((modified, meta.len(), inode))))
}

#[cfg(unix)]
fn check_private(meta: &fs::Metadata) -> Result<(), VaultError> {
    let mode = std::os::unix::fs::MetadataExt::mode(meta) & 0o777;
    let open = mode & 0o077;
    if open == 0 {
        Ok(())
    } else {
        Err(VaultError::Exposed(mode))
    }
}

#[cfg(not(unix))]
fn check_private(_: &fs::Metadata) -> Result<(), VaultError> {
    Ok(())
}

/// Makes `dir` if it is not there, closed to others.
fn private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
