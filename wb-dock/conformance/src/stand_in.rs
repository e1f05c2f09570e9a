//! Something behind every capability, each as small as it can be: for cases that are
//! about what stands before it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use wb_dock::cap::{
    Browse, Completion, Connection, Datagrams, Entry, Failure, Kv, Llm, Net, Page, Principal,
    Prompt, Queue, Request, Response, Rows, Secrets, Sockets, Value, Vfs,
};
use wb_dock::{ArgMode, Commands, Engine, Grant, Resolved, Services};

/// Services with something behind every capability.
pub(crate) fn everything() -> Services {
    let nobody = Arc::new(Nobody);
    Services::default()
        .commands(Arc::new(Table::default()))
        .vfs(nobody.clone())
        .kv(nobody.clone())
        .queue(nobody.clone())
        .secrets(nobody.clone())
        .net(nobody.clone())
        .browse(nobody.clone())
        .llm(nobody.clone())
        .sockets(nobody)
}

/// Commands by name, which may be changed while they run.
#[derive(Default)]
pub(crate) struct Table(Mutex<BTreeMap<String, Resolved>>);

impl Table {
    /// A table of one command, which is granted `grant`.
    pub(crate) fn of(name: &str, wasm: &[u8], grant: Grant) -> Arc<Self> {
        let table = Self::default();
        table.set(name, wasm, grant);
        Arc::new(table)
    }

    /// Puts a command into the table, in place of an earlier one.
    pub(crate) fn set(&self, name: &str, wasm: &[u8], grant: Grant) {
        static ENGINE: LazyLock<Engine> =
            LazyLock::new(|| Engine::new().expect("this machine can run the Dock"));
        let program = ENGINE.load(wasm).expect("the guests of the suite load");
        let resolved = Resolved {
            code: program.into(),
            grant,
            arg_mode: ArgMode::Argv,
        };
        let mut commands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        commands.insert(name.to_owned(), resolved);
    }
}

impl Commands for Table {
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String> {
        let commands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(commands.get(name).cloned())
    }
}

/// Does nothing of what it is asked.
struct Nobody;

fn nobody<T>() -> Result<T, Failure> {
    Err(Failure::unavailable("there is nobody"))
}

impl Kv for Nobody {
    fn get(&self, _: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        Ok(None)
    }

    fn put(&self, _: &Principal<'_>, _: &str, _: Bytes) -> Result<(), Failure> {
        nobody()
    }

    fn delete(&self, _: &Principal<'_>, _: &str) -> Result<bool, Failure> {
        nobody()
    }

    fn list(&self, _: &Principal<'_>, _: &str) -> Result<Vec<String>, Failure> {
        nobody()
    }
}

impl Queue for Nobody {
    fn publish(&self, _: &Principal<'_>, _: &str, _: Bytes) -> Result<(), Failure> {
        nobody()
    }

    fn poll(&self, _: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        nobody()
    }
}

impl Secrets for Nobody {
    fn present(&self, _: &Principal<'_>, _: &str) -> Result<bool, Failure> {
        nobody()
    }

    fn sign(&self, _: &Principal<'_>, _: &str, _: &[u8]) -> Result<Bytes, Failure> {
        nobody()
    }

    fn hmac(&self, _: &Principal<'_>, _: &str, _: &[u8]) -> Result<Bytes, Failure> {
        nobody()
    }
}

impl Vfs for Nobody {
    fn query(&self, _: &Principal<'_>, _: &str, _: &str, _: &[Value]) -> Result<Rows, Failure> {
        nobody()
    }

    fn read(&self, _: &Principal<'_>, _: &str) -> Result<Bytes, Failure> {
        nobody()
    }

    fn write(&self, _: &Principal<'_>, _: &str, _: Bytes) -> Result<(), Failure> {
        nobody()
    }

    fn remove(&self, _: &Principal<'_>, _: &str) -> Result<bool, Failure> {
        nobody()
    }

    fn list(&self, _: &Principal<'_>, _: &str) -> Result<Vec<Entry>, Failure> {
        nobody()
    }
}

impl Net for Nobody {
    fn send(&self, _: &Principal<'_>, _: Request) -> Result<Response, Failure> {
        nobody()
    }
}

impl Browse for Nobody {
    fn fetch(&self, _: &Principal<'_>, _: &str) -> Result<Page, Failure> {
        nobody()
    }
}

impl Llm for Nobody {
    fn complete(&self, _: &Principal<'_>, _: &Prompt) -> Result<Box<dyn Completion>, Failure> {
        nobody()
    }
}

impl Sockets for Nobody {
    fn tcp(&self, _: &Principal<'_>, _: &str, _: u16) -> Result<Box<dyn Connection>, Failure> {
        nobody()
    }

    fn tls(&self, _: &Principal<'_>, _: &str, _: u16) -> Result<Box<dyn Connection>, Failure> {
        nobody()
    }

    fn udp(&self, _: &Principal<'_>, _: &str, _: u16) -> Result<Box<dyn Datagrams>, Failure> {
        nobody()
    }
}
