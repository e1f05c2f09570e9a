use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wb_manifest::Digest;
use wb_registry::{CommandTable, Skipped, read_registry, write_registry};

use crate::Home;
use crate::atomic::{self, Durability, Mode};
use crate::error::{Error, ErrorKind};
use crate::lock::Lock;

const NAME: &str = "build/commands/registry.json";

/// `registry.json`: the command table on disk.
///
/// Readers take no lock: a change replaces the file in one step. Writers take
/// turns, each starting from what the one before left, so two processes that
/// register at once both find their command afterwards. The state before the
/// last change stays beside it as `registry.json.previous`.
#[derive(Clone, Debug)]
pub struct RegistryFile {
    path: PathBuf,
}

impl RegistryFile {
    /// The registry of `home`.
    pub fn of(home: &Home) -> Self {
        Self {
            path: home.registry(),
        }
    }

    /// The table as it is now; `stored` says which artifacts are there.
    ///
    /// Entries that cannot be used are left out and reported.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CorruptRegistry`] when the file as a whole cannot be read.
    pub fn read(
        &self,
        stored: impl Fn(&Digest) -> bool,
    ) -> Result<(CommandTable, Vec<Skipped>), Error> {
        match self.text()? {
            None => Ok((CommandTable::default(), Vec::new())),
            Some(text) => read_registry(&text, stored).map_err(|error| self.corrupt(&error)),
        }
    }

    /// Changes the table, alone among all processes.
    ///
    /// `change` works on the newest table; when it fails nothing is written.
    ///
    /// # Errors
    ///
    /// Those of `change`; [`ErrorKind::CorruptRegistry`],
    /// [`ErrorKind::DiskFull`], or what the system said.
    pub fn update<T, E: From<Error>>(
        &self,
        change: impl FnOnce(&mut CommandTable) -> Result<T, E>,
    ) -> Result<T, E> {
        let _lock = self.lock()?;
        // An entry whose artifact is missing stays: the file may come back.
        let (before, _) = self.read(|_| true)?;
        let mut table = before.clone();
        let result = change(&mut table)?;
        if table != before {
            self.write(&write_registry(&table))?;
        }
        Ok(result)
    }

    /// Does `work`, which does not concern the table, alone among all writers.
    ///
    /// # Errors
    ///
    /// Those of `work`, and what the system said about the lock.
    pub fn alone<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let _lock = self.lock()?;
        work()
    }

    /// Goes back to the state before the last change, or to an empty table, if
    /// the file cannot be read; says which. The unreadable file is kept as
    /// `registry.json.damaged`.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn repair(&self) -> Result<Repair, Error> {
        let _lock = self.lock()?;
        if self.read(|_| true).is_ok() {
            return Ok(Repair::NotNeeded);
        }
        let fail = |error| Error::io("rename", NAME, error);
        fs::rename(&self.path, self.beside("damaged")).map_err(fail)?;
        let previous = fs::read(self.beside("previous")).ok();
        let readable = previous.filter(|text| read_registry(text, |_| true).is_ok());
        match readable {
            Some(text) => {
                self.replace(&text)?;
                Ok(Repair::Previous)
            }
            None => Ok(Repair::Empty),
        }
    }

    fn text(&self) -> Result<Option<Vec<u8>>, Error> {
        match fs::read(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", NAME, error)),
        }
    }

    fn write(&self, text: &[u8]) -> Result<(), Error> {
        let fail = |error| Error::io("write", NAME, error);
        let (previous, aside) = (self.beside("previous"), self.beside("previous.new"));
        // A second name for the file, then a rename over the older one: at no
        // moment is there neither. A leftover of a killed writer is in the way.
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        match fs::hard_link(&self.path, &aside) {
            Ok(()) => fs::rename(&aside, previous).map_err(fail)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A file system without second names keeps no previous state.
            Err(_) => {}
        }
        self.replace(text)
    }

    fn replace(&self, text: &[u8]) -> Result<(), Error> {
        atomic::write(&self.path, text, Mode::Private, Durability::Synced)
            .map_err(|error| Error::io("write", NAME, error))
    }

    fn lock(&self) -> Result<Lock, Error> {
        Lock::exclusive(&self.beside("lock"))
            .map_err(|error| Error::io("lock", format!("{NAME}.lock"), error))
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".");
        path.push(ending);
        path.into()
    }

    fn corrupt(&self, error: &wb_registry::RegistryError) -> Error {
        let previous = Path::is_file(&self.beside("previous"));
        let reason = error.to_string();
        ErrorKind::CorruptRegistry { reason, previous }.into()
    }
}

/// What [`RegistryFile::repair`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The file can be read.
    NotNeeded,
    /// The state before the last change is back.
    Previous,
    /// There was none: the table is empty.
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_registry::{BindError, Binding, MemoryStore, Store as _};

    #[derive(Debug)]
    struct Failed;

    impl From<Error> for Failed {
        fn from(_: Error) -> Self {
            Self
        }
    }

    impl From<BindError> for Failed {
        fn from(_: BindError) -> Self {
            Self
        }
    }

    fn bind(file: &RegistryFile, name: &str) {
        let store = MemoryStore::default();
        let digest = store.put(b"\0asm").unwrap();
        file.update(|table| -> Result<(), Failed> {
            table.bind(Binding::command(name.parse().unwrap(), digest), &store)?;
            Ok(())
        })
        .unwrap();
    }

    fn names(file: &RegistryFile) -> Vec<String> {
        let (table, _) = file.read(|_| true).unwrap();
        table.iter().map(|b| b.name.to_string()).collect()
    }

    #[test]
    fn a_change_is_there_for_the_next_reader() {
        let dir = tempfile::tempdir().unwrap();
        let file = RegistryFile::of(&Home::at(dir.path()));
        assert!(names(&file).is_empty());
        bind(&file, "b");
        bind(&file, "a");
        assert_eq!(names(&file), ["a", "b"]);
        let failed = file.update(|table| {
            table.unbind("a");
            Err::<(), _>(Failed)
        });
        assert!(failed.is_err());
        assert_eq!(names(&file), ["a", "b"]);
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let file = RegistryFile::of(&home);
                scope.spawn(move || {
                    for i in 0..10 {
                        bind(&file, &format!("w{writer}-{i}"));
                    }
                });
            }
        });
        assert_eq!(names(&RegistryFile::of(&home)).len(), 40);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_the_previous_state_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = RegistryFile::of(&Home::at(dir.path()));
        bind(&file, "one");
        bind(&file, "two");
        for damage in ["", "{\"format\":", "\0\0\0", "[]", "{\"format\":\"other\"}"] {
            fs::write(&file.path, damage).unwrap();
            let error = file.read(|_| true).unwrap_err();
            assert_eq!(error.code(), "host/corrupt-registry");
            assert!(error.hint().unwrap().contains("--repair"));
            let written = file.update(|_| Ok::<(), Error>(()));
            assert!(written.is_err(), "a writer must not bury the damage");
        }
        assert_eq!(file.repair().unwrap(), Repair::Previous);
        assert_eq!(names(&file), ["one"]);
        assert_eq!(file.repair().unwrap(), Repair::NotNeeded);
        assert!(file.beside("damaged").is_file());
    }

    #[test]
    fn without_a_previous_state_the_table_starts_anew() {
        let dir = tempfile::tempdir().unwrap();
        let file = RegistryFile::of(&Home::at(dir.path()));
        bind(&file, "one");
        fs::write(&file.path, "half").unwrap();
        assert_eq!(file.repair().unwrap(), Repair::Empty);
        assert!(names(&file).is_empty());
    }

    #[test]
    fn what_a_killed_writer_left_is_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        let file = RegistryFile::of(&Home::at(dir.path()));
        bind(&file, "one");
        fs::write(file.beside("previous.new"), "left").unwrap();
        fs::write(file.path.parent().unwrap().join(".wb-tmp-x"), "half").unwrap();
        bind(&file, "two");
        assert_eq!(names(&file), ["one", "two"]);
    }
}
