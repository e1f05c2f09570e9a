//! Queues: `queue` on SQLite.

use bytes::Bytes;
use rusqlite::params;
use wb_dock::cap::{Failure, Principal, Queue};

use crate::sqlite::{Part, Sqlite, failure};

/// The most messages that wait in a topic.
const MAX_DEPTH: u32 = 1000;

impl Queue for Sqlite {
    fn publish(&self, who: &Principal<'_>, topic: &str, message: Bytes) -> Result<(), Failure> {
        let lease = self.lease(who, Part::Messages)?;
        // A new id is larger than any other, which keeps the order.
        let published = lease
            .prepare_cached(
                "INSERT INTO queue (topic, message) SELECT ?1, ?2
                 WHERE (SELECT count(*) FROM queue WHERE topic = ?1) < ?3",
            )
            .and_then(|mut insert| insert.execute(params![topic, &*message, MAX_DEPTH]))
            .map_err(failure)?;
        if published == 0 {
            return Err(Failure::limit(format!(
                "{MAX_DEPTH} messages wait in `{topic}`, which is the limit"
            )));
        }
        Ok(())
    }

    fn poll(&self, who: &Principal<'_>, topic: &str) -> Result<Option<Bytes>, Failure> {
        let lease = self.lease(who, Part::Messages)?;
        // Whoever asks in vain does not keep others from writing.
        let waits = lease
            .prepare_cached("SELECT 1 FROM queue WHERE topic = ?1 LIMIT 1")
            .and_then(|mut select| select.exists([topic]))
            .map_err(failure)?;
        if !waits {
            return Ok(None);
        }
        // Found and taken in one statement: no two consumers get the same message.
        let mut take = lease
            .prepare_cached(
                "DELETE FROM queue
                 WHERE id = (SELECT id FROM queue WHERE topic = ?1 ORDER BY id LIMIT 1)
                 RETURNING message",
            )
            .map_err(failure)?;
        let mut rows = take.query([topic]).map_err(failure)?;
        let taken = match rows.next().map_err(failure)? {
            None => None,
            Some(row) => {
                let message = row.get_ref(0).map_err(failure)?;
                let message = message.as_blob().map_err(|error| failure(error.into()))?;
                Some(Bytes::copy_from_slice(message))
            }
        };
        // To the end: until then the message is not gone.
        rows.next().map_err(failure)?;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests;
