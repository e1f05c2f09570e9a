//! Files and tables: `vfs` on SQLite.

use std::collections::BTreeMap;

use bytes::Bytes;
use rusqlite::{OptionalExtension as _, TransactionBehavior, params};
use wb_dock::cap::{Entry, Failure, Principal, Rows, Value, Vfs};

use crate::sqlite::{Lease, Part, Sqlite, Volume, failure, query};

/// The largest file, in bytes.
const MAX_FILE: usize = 64 << 20;

/// The most entries that a listing has.
const MAX_ENTRIES: usize = 10_000;

impl Vfs for Sqlite {
    fn query(
        &self,
        who: &Principal<'_>,
        volume: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Rows, Failure> {
        let lease = self.lease(who, Part::Tables(named(who, volume)?))?;
        query(lease, who, sql, params)
    }

    fn read(&self, who: &Principal<'_>, path: &str) -> Result<Bytes, Failure> {
        let (lease, file) = self.files(who, path)?;
        let mut select = lease
            .prepare_cached("SELECT content FROM files WHERE path = ?1")
            .map_err(failure)?;
        let content = select
            .query_row([file], |row| {
                Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?))
            })
            .optional()
            .map_err(failure)?;
        content.ok_or_else(|| Failure::not_found(format!("there is no file `{path}`")))
    }

    fn write(&self, who: &Principal<'_>, path: &str, content: Bytes) -> Result<(), Failure> {
        if content.len() > MAX_FILE {
            let found = content.len();
            return Err(Failure::limit(format!(
                "the file has {found} bytes, wanted at most {MAX_FILE}"
            )));
        }
        let size = i64::try_from(content.len()).expect("it has just been bounded");
        let (mut lease, file) = self.files(who, path)?;
        if file.is_empty() {
            return Err(Failure::bad_request(format!("`{path}` is a volume")));
        }
        let quota = lease.quota();
        let full = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Failure::limit(format!(
                "the volume is full: its files may have {quota} bytes"
            )),
            _ => failure(error),
        };
        let transaction = lease
            .connection_mut()
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(full)?;
        let parents = file.match_indices('/').map(|(at, _)| &file[..at]);
        for parent in parents {
            let is_file = transaction
                .prepare_cached("SELECT 1 FROM files WHERE path = ?1")
                .and_then(|mut select| select.exists([parent]))
                .map_err(full)?;
            if is_file {
                return Err(Failure::bad_request(format!(
                    "`{parent}` is a file, wanted a directory"
                )));
            }
        }
        // `0` comes right after `/`.
        let is_directory = transaction
            .prepare_cached("SELECT 1 FROM files WHERE path > ?1 || '/' AND path < ?1 || '0'")
            .and_then(|mut select| select.exists([file]))
            .map_err(full)?;
        if is_directory {
            return Err(Failure::bad_request(format!("`{path}` is a directory")));
        }
        transaction
            .prepare_cached(
                "INSERT INTO files (path, size, content) VALUES (?1, ?2, ?3)
                 ON CONFLICT (path) DO UPDATE SET size = excluded.size, content = excluded.content",
            )
            .and_then(|mut insert| insert.execute(params![file, size, &*content]))
            .map_err(full)?;
        transaction.commit().map_err(full)
    }

    fn remove(&self, who: &Principal<'_>, path: &str) -> Result<bool, Failure> {
        let (lease, file) = self.files(who, path)?;
        let removed = lease
            .prepare_cached("DELETE FROM files WHERE path = ?1")
            .and_then(|mut delete| delete.execute([file]));
        Ok(removed.map_err(failure)? > 0)
    }

    fn list(&self, who: &Principal<'_>, path: &str) -> Result<Vec<Entry>, Failure> {
        let (lease, directory) = self.files(who, path)?;
        let prefix = match directory {
            "" => String::new(),
            directory => format!("{directory}/"),
        };
        let entries = entries(&lease, &prefix).map_err(failure)?;
        if entries.is_empty() && !prefix.is_empty() {
            return Err(Failure::not_found(format!(
                "there is no directory `{path}`"
            )));
        }
        Ok(entries)
    }
}

impl Sqlite {
    /// The files of the volume that `path` begins with, and the path in there.
    fn files<'p>(
        &self,
        who: &Principal<'_>,
        path: &'p str,
    ) -> Result<(Lease<'_>, &'p str), Failure> {
        let (volume, file) = path.split_once('/').unwrap_or((path, ""));
        Ok((self.lease(who, Part::Files(named(who, volume)?))?, file))
    }
}

fn named(who: &Principal<'_>, volume: &str) -> Result<Volume, Failure> {
    match volume {
        "workspace" => Ok(Volume::Workspace),
        "memory" => Ok(Volume::Memory),
        "tmp" => Ok(Volume::Tmp {
            session: who.session().id.clone(),
        }),
        _ => Err(Failure::not_found(format!(
            "there is no volume `{volume}`, wanted `workspace`, `memory` or `tmp`"
        ))),
    }
}

/// What is directly below `prefix`, by name. What is deeper is passed over by a
/// search in the index, not read.
fn entries(lease: &Lease<'_>, prefix: &str) -> rusqlite::Result<Vec<Entry>> {
    let mut entries = BTreeMap::new();
    let mut from = prefix.to_owned();
    let mut select =
        lease.prepare_cached("SELECT path, size FROM files WHERE path >= ?1 ORDER BY path")?;
    'search: while entries.len() < MAX_ENTRIES {
        let mut rows = select.query([&from])?;
        while let Some(row) = rows.next()? {
            let path = row.get_ref(0)?.as_str()?;
            let Some(below) = path.strip_prefix(prefix) else {
                break 'search;
            };
            let (name, size) = match below.split_once('/') {
                None => (below, Some(row.get::<_, i64>(1)?.unsigned_abs())),
                Some((directory, _)) => (directory, None),
            };
            entries.insert(name.to_owned(), size);
            if size.is_none() {
                from = format!("{prefix}{name}0"); // `0` comes right after `/`
                continue 'search;
            }
            if entries.len() == MAX_ENTRIES {
                break 'search;
            }
        }
        break;
    }
    let entries = entries.into_iter().map(|(name, size)| Entry {
        name,
        is_directory: size.is_none(),
        size: size.unwrap_or(0),
    });
    Ok(entries.collect())
}

#[cfg(test)]
mod tests;
