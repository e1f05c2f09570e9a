//! Keys and values: `kv` on SQLite.

use bytes::Bytes;
use rusqlite::{OptionalExtension as _, params};
use wb_dock::cap::{Failure, Kv, Principal};

use crate::sqlite::{Part, Sqlite, failure};

/// The most keys of a tenant, and of a listing.
const MAX_KEYS: u32 = 10_000;

impl Kv for Sqlite {
    fn get(&self, who: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure> {
        let lease = self.lease(who, Part::Keys)?;
        let mut select = lease
            .prepare_cached("SELECT value FROM kv WHERE key = ?1")
            .map_err(failure)?;
        select
            .query_row([key], |row| {
                Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?))
            })
            .optional()
            .map_err(failure)
    }

    fn put(&self, who: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure> {
        let lease = self.lease(who, Part::Keys)?;
        // One statement, so that two writers cannot both take the last place.
        let written = lease
            .prepare_cached(
                "INSERT INTO kv (key, value) SELECT ?1, ?2
                 WHERE (SELECT count(*) FROM kv) < ?3 OR EXISTS (SELECT 1 FROM kv WHERE key = ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut insert| insert.execute(params![key, &*value, MAX_KEYS]))
            .map_err(failure)?;
        if written == 0 {
            return Err(Failure::limit(format!(
                "there are {MAX_KEYS} keys, which is the limit"
            )));
        }
        Ok(())
    }

    fn delete(&self, who: &Principal<'_>, key: &str) -> Result<bool, Failure> {
        let lease = self.lease(who, Part::Keys)?;
        let deleted = lease
            .prepare_cached("DELETE FROM kv WHERE key = ?1")
            .and_then(|mut delete| delete.execute([key]));
        Ok(deleted.map_err(failure)? > 0)
    }

    fn list(&self, who: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure> {
        let lease = self.lease(who, Part::Keys)?;
        let mut select = lease
            .prepare_cached("SELECT key FROM kv WHERE key >= ?1 ORDER BY key LIMIT ?2")
            .map_err(failure)?;
        let mut rows = select.query(params![prefix, MAX_KEYS]).map_err(failure)?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next().map_err(failure)? {
            let key: String = row.get(0).map_err(failure)?;
            if !key.starts_with(prefix) {
                break;
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests;
