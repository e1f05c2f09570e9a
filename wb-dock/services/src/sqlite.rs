//! Files, tables, keys and queues on SQLite.

mod authorizer;
mod database;
mod failure;
mod functions;
mod guest;
mod query;
mod statement;

use std::fmt;
use std::io;
use std::path::Path;

use wb_dock::Session;
use wb_dock::cap::{Failure, Principal};

use self::database::Databases;
pub(crate) use self::database::{Lease, Part, Volume};
pub(crate) use self::failure::failure;
pub(crate) use self::query::query;

/// What [`Sqlite`] lets a tenant keep in each database, unless said otherwise: 256 MiB.
const QUOTA: u64 = 256 << 20;

/// The services behind `vfs`, `kv` and `queue`: SQLite databases, apart for each tenant.
///
/// A tenant has a database for its keys, one for its queues, and two for each volume:
/// one for the files, one for the tables that guests make with SQL. So no SQL of a
/// guest has another volume, a file or a key in reach, whatever it says.
///
/// On disk they use a write-ahead log: any number of threads and processes may work on
/// one directory, and a process that is killed leaves each database as it was after its last
/// finished call. The power failing may undo the last calls and damages nothing. The
/// directory must be on a local disk.
///
/// The volume `tmp` belongs to one session and this value: it is gone with either.
///
/// Guest SQL is one statement a call, and neither attaches, sets pragmas, opens a
/// transaction, makes temporary tables, nor loads code. It reads the host's clock and randomness,
/// as with `datetime('now')` and `random()`. Limits, with [`FailureKind::Limit`](wb_dock::cap::FailureKind::Limit)
/// beyond: a statement 1 MiB, a row 1 MiB, a result 10,000 rows and 16 MiB, an
/// expression 100 levels, 256 columns, 999 parameters; all statements of the process
/// together 256 MiB of memory. A statement stops at the time limit of its run; only a sort
/// may take a moment longer, as it cannot be interrupted.
///
/// Also limited: a tenant has 10,000 keys, 1,000 messages wait in a topic, a file has 64 MiB, and
/// each database 256 MiB unless [`quota`](Self::quota) says otherwise. A store that others write
/// to until the run's time is over is [`FailureKind::TimedOut`](wb_dock::cap::FailureKind::TimedOut),
/// one that is damaged or gone [`FailureKind::Unavailable`](wb_dock::cap::FailureKind::Unavailable).
///
/// # Examples
///
/// ```
/// use wb_dock::cap::{Kv, Principal};
/// use wb_dock::{Grant, Session};
/// use wb_services::Sqlite;
///
/// let store = Sqlite::in_memory();
/// let session = Session { id: "s1".into(), tenant: "ada".into() };
/// let grant = Grant::none();
/// let who = Principal::new(&session, "notes", &grant, wb_policy::Budget::new("notes", grant.limits()));
/// store.put(&who, "colour", "blue".into())?;
/// assert_eq!(store.get(&who, "colour")?.as_deref(), Some(&b"blue"[..]));
/// # Ok::<(), wb_dock::cap::Failure>(())
/// ```
pub struct Sqlite {
    databases: Databases,
}

impl Sqlite {
    /// Databases below the directory `dir`, which is made if need be, private to the user.
    ///
    /// # Errors
    ///
    /// The [`io::Error`] of the system when the directory cannot be made or found.
    pub fn open(dir: impl AsRef<Path>) -> io::Result<Self> {
        let databases = Databases::on_disk(dir.as_ref(), QUOTA)?;
        Ok(Self { databases })
    }

    /// Databases in memory, gone when this is dropped.
    pub fn in_memory() -> Self {
        Self {
            databases: Databases::in_memory(QUOTA),
        }
    }

    /// Lets each database of a tenant have at most `bytes`; at least 64 KiB, default 256 MiB.
    #[must_use]
    pub fn quota(mut self, bytes: u64) -> Self {
        self.databases.set_quota(bytes.max(64 << 10));
        self
    }

    /// Forgets the volume `tmp` of `session`.
    ///
    /// Without it, the 16 sessions of a tenant that used theirs last keep it.
    pub fn end_session(&self, session: &Session) {
        self.databases.forget(session);
    }

    /// A connection to one database of the tenant, until it is dropped.
    pub(crate) fn lease(&self, who: &Principal<'_>, part: Part) -> Result<Lease<'_>, Failure> {
        self.databases.lease(who, part)
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
