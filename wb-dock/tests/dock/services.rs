//! A service behind every capability, each as small as it can be.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use wb_dock::cap::{
    Browse, Completion, Connection, Datagrams, Entry, Failure, Kv, Link, Llm, Net, Page, Principal,
    Prompt, Queue, Request, Response, Rows, Secrets, Sockets, Tokens, Value, Vfs,
};
use wb_dock::{Commands, Resolved, Services};

/// Services with something behind every capability.
pub(crate) fn everything() -> Services {
    Services::default()
        .commands(Arc::new(Nobody))
        .vfs(Arc::new(Files::default()))
        .kv(Arc::new(Map::default()))
        .queue(Arc::new(Lines::default()))
        .secrets(Arc::new(Sealed))
        .net(Arc::new(Echo))
        .browse(Arc::new(Echo))
        .llm(Arc::new(Echo))
        .sockets(Arc::new(Echo))
}

/// A table without a command.
pub(crate) struct Nobody;

impl Commands for Nobody {
    fn resolve(&self, _: &str) -> Result<Option<Resolved>, String> {
        Ok(None)
    }
}

/// Keys and values, apart by tenant.
#[derive(Default)]
pub(crate) struct Map(Mutex<BTreeMap<(String, String), Bytes>>);

fn named(who: &Principal<'_>, name: &str) -> (String, String) {
    (who.session().tenant.clone(), name.to_owned())
}

impl Kv for Map {
    fn get(&self, who: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure> {
        Ok(self.0.lock().unwrap().get(&named(who, key)).cloned())
    }

    fn put(&self, who: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure> {
        self.0.lock().unwrap().insert(named(who, key), value);
        Ok(())
    }

    fn delete(&self, who: &Principal<'_>, key: &str) -> Result<bool, Failure> {
        Ok(self.0.lock().unwrap().remove(&named(who, key)).is_some())
    }

    fn list(&self, who: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure> {
        let map = self.0.lock().unwrap();
        let keys = map
            .keys()
            .filter(|(tenant, key)| *tenant == who.session().tenant && key.starts_with(prefix));
        Ok(keys.map(|(_, key)| key.clone()).collect())
    }
}

/// Topics with their messages.
#[derive(Default)]
pub(crate) struct Lines(Mutex<BTreeMap<(String, String), VecDeque<Bytes>>>);

impl Queue for Lines {
    fn publish(&self, who: &Principal<'_>, topic: &str, message: Bytes) -> Result<(), Failure> {
        let mut topics = self.0.lock().unwrap();
        topics
            .entry(named(who, topic))
            .or_default()
            .push_back(message);
        Ok(())
    }

    fn poll(&self, who: &Principal<'_>, topic: &str) -> Result<Option<Bytes>, Failure> {
        let mut topics = self.0.lock().unwrap();
        let lines = topics.get_mut(&named(who, topic));
        Ok(lines.and_then(VecDeque::pop_front))
    }
}

/// One secret called `signing`; a digest is the name and the data.
pub(crate) struct Sealed;

impl Secrets for Sealed {
    fn present(&self, _: &Principal<'_>, name: &str) -> Result<bool, Failure> {
        Ok(name == "signing")
    }

    fn sign(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        if !self.present(who, name)? {
            return Err(Failure::not_found(format!("no secret `{name}`")));
        }
        Ok([b"signed:", data].concat().into())
    }

    fn hmac(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        let signed = self.sign(who, name, data)?;
        Ok([b"hmac-", &signed[..]].concat().into())
    }
}

/// Files by their paths; a query answers its own parameters.
#[derive(Default)]
pub(crate) struct Files(Mutex<BTreeMap<String, Bytes>>);

impl Vfs for Files {
    fn query(
        &self,
        _: &Principal<'_>,
        volume: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Rows, Failure> {
        Ok(Rows {
            columns: vec![volume.to_owned(), sql.to_owned()],
            rows: vec![params.to_vec()],
            changed: 0,
        })
    }

    fn read(&self, _: &Principal<'_>, path: &str) -> Result<Bytes, Failure> {
        let files = self.0.lock().unwrap();
        let missing = || Failure::not_found(format!("no file `{path}`"));
        files.get(path).cloned().ok_or_else(missing)
    }

    fn write(&self, _: &Principal<'_>, path: &str, content: Bytes) -> Result<(), Failure> {
        self.0.lock().unwrap().insert(path.to_owned(), content);
        Ok(())
    }

    fn remove(&self, _: &Principal<'_>, path: &str) -> Result<bool, Failure> {
        Ok(self.0.lock().unwrap().remove(path).is_some())
    }

    fn list(&self, _: &Principal<'_>, path: &str) -> Result<Vec<Entry>, Failure> {
        let files = self.0.lock().unwrap();
        let below = files.iter().filter_map(|(file, content)| {
            let name = file.strip_prefix(path)?.strip_prefix('/')?;
            Some(Entry {
                name: name.to_owned(),
                is_directory: false,
                size: content.len() as u64,
            })
        });
        Ok(below.collect())
    }
}

/// A network on which everybody answers what they are told.
pub(crate) struct Echo;

impl Net for Echo {
    fn send(&self, who: &Principal<'_>, request: Request) -> Result<Response, Failure> {
        who.charge_egress(request.body.len() as u64)?;
        let method = ("x-method".to_owned(), request.method.into());
        Ok(Response {
            status: 200,
            url: request.url,
            headers: std::iter::once(method).chain(request.headers).collect(),
            body: Box::new(std::io::Cursor::new(request.body)),
        })
    }
}

impl Browse for Echo {
    fn fetch(&self, _: &Principal<'_>, url: &str) -> Result<Page, Failure> {
        Ok(Page {
            url: url.to_owned(),
            status: 200,
            title: "Echo".into(),
            text: "Hello".into(),
            links: vec![Link {
                text: "self".into(),
                url: url.to_owned(),
            }],
        })
    }
}

impl Llm for Echo {
    fn complete(&self, _: &Principal<'_>, prompt: &Prompt) -> Result<Box<dyn Completion>, Failure> {
        let said = prompt.messages.iter().rev();
        let words = said.flat_map(|message| message.content.split_inclusive(' ').rev());
        Ok(Box::new(Words(words.map(str::to_owned).collect())))
    }
}

/// An answer, last piece first.
struct Words(Vec<String>);

impl Completion for Words {
    fn next(&mut self, _: &Principal<'_>) -> Result<Option<String>, Failure> {
        Ok(self.0.pop())
    }

    fn tokens(&self) -> Tokens {
        Tokens::default()
    }
}

impl Sockets for Echo {
    fn tcp(
        &self,
        _: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        Ok(Box::new(Heard::of("tcp", host, port)))
    }

    fn tls(
        &self,
        _: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        Ok(Box::new(Heard::of("tls", host, port)))
    }

    fn udp(&self, _: &Principal<'_>, host: &str, port: u16) -> Result<Box<dyn Datagrams>, Failure> {
        Ok(Box::new(Heard::of("udp", host, port)))
    }
}

/// What was sent and not yet received; the first is who listens.
struct Heard(VecDeque<Bytes>);

impl Heard {
    fn of(transport: &str, host: &str, port: u16) -> Self {
        Self([format!("{transport} {host} {port}").into()].into())
    }
}

impl Connection for Heard {
    fn send(&mut self, who: &Principal<'_>, data: &[u8]) -> Result<(), Failure> {
        Datagrams::send(self, who, data)
    }

    fn receive(&mut self, _: &Principal<'_>, most: usize) -> Result<Bytes, Failure> {
        let Some(mut first) = self.0.pop_front() else {
            return Ok(Bytes::new());
        };
        if first.len() > most {
            self.0.push_front(first.split_off(most));
        }
        Ok(first)
    }
}

impl Datagrams for Heard {
    fn send(&mut self, who: &Principal<'_>, message: &[u8]) -> Result<(), Failure> {
        who.charge_egress(message.len() as u64)?;
        self.0.push_back(Bytes::copy_from_slice(message));
        Ok(())
    }

    fn receive(&mut self, _: &Principal<'_>) -> Result<Bytes, Failure> {
        let first = self.0.pop_front();
        first.ok_or_else(|| Failure::timed_out("nobody answered"))
    }
}
