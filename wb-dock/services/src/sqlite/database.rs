use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use sha2::{Digest as _, Sha256};
use wb_dock::Session;
use wb_dock::cap::{Failure, Principal};

use super::{failure, guest};

/// The version of the tables below.
const VERSION: i32 = 1;

/// Bytes of a page, SQLite's default.
const PAGE: u64 = 4096;

/// Connections to files that are kept open while nobody uses them.
const MAX_IDLE: usize = 64;

/// Sessions of one tenant whose `tmp` is kept; a file and a table database each.
const MAX_TMP: usize = 16 * 2;

/// What one database is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Keys,
    Messages,
    Files(Volume),
    Tables(Volume),
}

/// A volume of the file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Volume {
    Workspace,
    Memory,
    Tmp { session: String },
}

/// Which database: nothing else tells two tenants apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    tenant: String,
    part: Part,
}

/// All databases, and the connections to them that nobody uses.
pub(super) struct Databases {
    /// Where databases are files; otherwise all are in memory.
    root: Option<PathBuf>,
    quota: u64,
    /// Connections to files, the one used last at the end.
    idle: Mutex<VecDeque<(Name, Connection)>>,
    private: Mutex<Private>,
    returned: Condvar,
}

/// Databases that are one connection: with it they would be gone.
#[derive(Default)]
struct Private {
    /// Nothing while it is leased.
    connections: BTreeMap<Name, (Option<Connection>, u64)>,
    /// Counts leases, to know which was used last.
    clock: u64,
}

/// A connection for one user at a time.
pub(crate) struct Lease<'d> {
    databases: &'d Databases,
    name: Name,
    connection: Option<Connection>,
}

impl Databases {
    pub(super) fn on_disk(root: &Path, quota: u64) -> io::Result<Self> {
        private_dir(root)?;
        // SQLite is told to follow no symbolic link, so there must be none in the root.
        let root = Some(fs::canonicalize(root)?);
        Ok(Self {
            root,
            ..Self::in_memory(quota)
        })
    }

    pub(super) fn in_memory(quota: u64) -> Self {
        Self {
            root: None,
            quota,
            idle: Mutex::default(),
            private: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    pub(super) fn set_quota(&mut self, quota: u64) {
        self.quota = quota;
    }

    pub(super) fn forget(&self, session: &Session) {
        let gone = |name: &Name| {
            name.tenant == session.tenant && name.part.session() == Some(session.id.as_str())
        };
        lock(&self.private)
            .connections
            .retain(|name, (connection, _)| connection.is_none() || !gone(name));
    }

    pub(super) fn lease(&self, who: &Principal<'_>, part: Part) -> Result<Lease<'_>, Failure> {
        let deadline = Instant::now() + who.time_left();
        let name = Name {
            tenant: who.session().tenant.clone(),
            part,
        };
        let connection = match &self.root {
            Some(root) if name.part.session().is_none() => self.file(root, &name, deadline)?,
            _ => self.private(&name, deadline)?,
        };
        let lease = Lease {
            databases: self,
            name,
            connection: Some(connection),
        };
        lease.busy_timeout(left(deadline)?).map_err(failure)?;
        Ok(lease)
    }

    /// A connection to a file: any number of them may be in use.
    fn file(&self, root: &Path, name: &Name, deadline: Instant) -> Result<Connection, Failure> {
        let mut idle = lock(&self.idle);
        if let Some(at) = idle.iter().rposition(|(of, _)| of == name) {
            let (_, connection) = idle.remove(at).expect("it was just found");
            return Ok(connection);
        }
        drop(idle);
        let dir = root.join(directory(&name.tenant));
        private_dir(&dir).map_err(|error| {
            Failure::unavailable(format!("cannot make the store: {}", error.kind()))
        })?;
        let path = dir.join(name.part.file_name());
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let open = || {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(deadline.saturating_duration_since(Instant::now()))?;
            // Fails at once, not at the time-out, when another process is at it.
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
            Ok(connection)
        };
        loop {
            match open() {
                Ok(connection) => return self.set_up(connection, &name.part),
                Err(error) if is_busy(&error) => {
                    std::thread::sleep(left(deadline)?.min(Duration::from_millis(2)));
                }
                Err(error) => return Err(failure(error)),
            }
        }
    }

    /// The connection that is the database; waits while another has it.
    fn private(&self, name: &Name, deadline: Instant) -> Result<Connection, Failure> {
        let mut private = lock(&self.private);
        private.clock += 1;
        let now = private.clock;
        loop {
            match private.connections.get_mut(name) {
                None => break,
                Some((connection, used)) => {
                    if let Some(connection) = connection.take() {
                        *used = now;
                        return Ok(connection);
                    }
                }
            }
            let waited = self.returned.wait_timeout(private, left(deadline)?);
            private = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        private.make_room(name);
        // No path: `tmp` is a nameless file that the system removes with the process.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let path = if self.root.is_some() { "" } else { ":memory:" };
        let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
        let connection = self.set_up(connection, &name.part)?;
        private.connections.insert(name.clone(), (None, now));
        Ok(connection)
    }

    fn set_up(&self, mut connection: Connection, part: &Part) -> Result<Connection, Failure> {
        guest::restrain(&connection, self.quota / PAGE).map_err(failure)?;
        if let Some(schema) = part.schema() {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Deferred)
                .map_err(failure)?;
            let version: i32 = transaction
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .map_err(failure)?;
            drop(transaction);
            match version {
                0 => {
                    let sql = format!(
                        "BEGIN IMMEDIATE; {schema}; PRAGMA user_version = {VERSION}; COMMIT"
                    );
                    connection.execute_batch(&sql).map_err(failure)?;
                }
                VERSION => {}
                newer => {
                    return Err(Failure::unavailable(format!(
                        "the store has version {newer}, wanted {VERSION}"
                    )));
                }
            }
        } else {
            guest::confine(&mut connection).map_err(failure)?;
        }
        Ok(connection)
    }

    fn give_back(&self, name: &Name, connection: Connection) {
        let file = self.root.is_some() && name.part.session().is_none();
        if !file {
            if let Some((place, _)) = lock(&self.private).connections.get_mut(name) {
                *place = Some(connection);
            }
            self.returned.notify_all();
            return;
        }
        let mut idle = lock(&self.idle);
        idle.push_back((name.clone(), connection));
        let closed = (idle.len() > MAX_IDLE).then(|| idle.pop_front());
        drop(idle); // closing may write, for which nobody should wait
        drop(closed);
    }
}

impl Private {
    /// Makes room for another `tmp` of the tenant.
    fn make_room(&mut self, name: &Name) {
        if name.part.session().is_none() {
            return;
        }
        let of_tenant =
            |other: &&Name| other.tenant == name.tenant && other.part.session().is_some();
        if self.connections.keys().filter(of_tenant).count() < MAX_TMP {
            return;
        }
        let oldest = self
            .connections
            .iter()
            .filter(|(other, (connection, _))| of_tenant(other) && connection.is_some())
            .min_by_key(|(_, (_, used))| *used)
            .map(|(other, _)| other.clone());
        if let Some(oldest) = oldest {
            self.connections.remove(&oldest);
        }
    }
}

impl Deref for Lease<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("it is there until the drop")
    }
}

impl Lease<'_> {
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("it is there until the drop")
    }

    /// The most bytes of the database.
    pub(crate) fn quota(&self) -> u64 {
        self.databases.quota
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.databases.give_back(&self.name, connection);
        }
    }
}

impl Part {
    fn session(&self) -> Option<&str> {
        match self {
            Self::Files(Volume::Tmp { session }) | Self::Tables(Volume::Tmp { session }) => {
                Some(session)
            }
            _ => None,
        }
    }

    fn file_name(&self) -> &'static str {
        match self {
            Self::Keys => "kv.sqlite",
            Self::Messages => "queue.sqlite",
            Self::Files(Volume::Workspace) => "workspace-files.sqlite",
            Self::Files(Volume::Memory) => "memory-files.sqlite",
            Self::Tables(Volume::Workspace) => "workspace.sqlite",
            Self::Tables(Volume::Memory) => "memory.sqlite",
            Self::Files(Volume::Tmp { .. }) | Self::Tables(Volume::Tmp { .. }) => {
                unreachable!("`tmp` has no file")
            }
        }
    }

    /// Our own tables; a database for the tables of guests has none.
    fn schema(&self) -> Option<&'static str> {
        match self {
            Self::Keys => Some(
                "CREATE TABLE IF NOT EXISTS kv (
                   key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT",
            ),
            Self::Messages => Some(
                "CREATE TABLE IF NOT EXISTS queue (
                   id INTEGER PRIMARY KEY, topic TEXT NOT NULL, message BLOB NOT NULL) STRICT;
                 CREATE INDEX IF NOT EXISTS queue_topic ON queue (topic, id)",
            ),
            // The size stands before the content, so that a listing reads no content.
            Self::Files(_) => Some(
                "CREATE TABLE IF NOT EXISTS files (
                   path TEXT NOT NULL PRIMARY KEY, size INTEGER NOT NULL, content BLOB NOT NULL) STRICT",
            ),
            Self::Tables(_) => None,
        }
    }
}

/// The directory of a tenant: any name becomes a harmless one, and no two the same.
fn directory(tenant: &str) -> String {
    use std::fmt::Write as _;
    let mut name = String::with_capacity(64);
    for byte in Sha256::digest(tenant) {
        write!(name, "{byte:02x}").expect("a string takes everything");
    }
    name
}

fn private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn left(deadline: Instant) -> Result<Duration, Failure> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Failure::timed_out("no time was left to wait for the store"));
    }
    Ok(left)
}

/// What a lock guards is changed by single calls, so a panic leaves no half of it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
