use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use wb_dock::cap::{Entry, Failure, Kv, Principal, Queue, Rows, Value, Vfs};
use wb_services::Sqlite;

/// Files, tables, keys and queues in databases that are opened with the first call.
#[derive(Debug)]
pub(super) struct Storage {
    dir: PathBuf,
    opened: OnceLock<Result<Sqlite, String>>,
}

impl Storage {
    pub(super) const fn at(dir: PathBuf) -> Self {
        let opened = OnceLock::new();
        Self { dir, opened }
    }

    fn opened(&self) -> Result<&Sqlite, Failure> {
        let open = || Sqlite::open(&self.dir).map_err(|error| error.kind().to_string());
        self.opened.get_or_init(open).as_ref().map_err(|reason| {
            Failure::unavailable(format!(
                "the storage of this host cannot be opened: {reason}"
            ))
        })
    }
}

impl Vfs for Storage {
    fn query(
        &self,
        who: &Principal<'_>,
        volume: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Rows, Failure> {
        self.opened()?.query(who, volume, sql, params)
    }

    fn read(&self, who: &Principal<'_>, path: &str) -> Result<Bytes, Failure> {
        self.opened()?.read(who, path)
    }

    fn write(&self, who: &Principal<'_>, path: &str, content: Bytes) -> Result<(), Failure> {
        self.opened()?.write(who, path, content)
    }

    fn remove(&self, who: &Principal<'_>, path: &str) -> Result<bool, Failure> {
        self.opened()?.remove(who, path)
    }

    fn list(&self, who: &Principal<'_>, path: &str) -> Result<Vec<Entry>, Failure> {
        Vfs::list(self.opened()?, who, path)
    }
}

impl Kv for Storage {
    fn get(&self, who: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure> {
        self.opened()?.get(who, key)
    }

    fn put(&self, who: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure> {
        self.opened()?.put(who, key, value)
    }

    fn delete(&self, who: &Principal<'_>, key: &str) -> Result<bool, Failure> {
        self.opened()?.delete(who, key)
    }

    fn list(&self, who: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure> {
        Kv::list(self.opened()?, who, prefix)
    }
}

impl Queue for Storage {
    fn publish(&self, who: &Principal<'_>, topic: &str, message: Bytes) -> Result<(), Failure> {
        self.opened()?.publish(who, topic, message)
    }

    fn poll(&self, who: &Principal<'_>, topic: &str) -> Result<Option<Bytes>, Failure> {
        self.opened()?.poll(who, topic)
    }
}
