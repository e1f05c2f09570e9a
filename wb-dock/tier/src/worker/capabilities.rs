//! The capabilities of a guest in a worker: each call is a question to the host.

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use wb_dock::Services;
use wb_dock::cap::{
    Browse, Completion, Connection, Datagrams, Elsewhere, Entry, Failure, Kv, Llm, Net, Page,
    Principal, Prompt, Queue, Ran, Request, Response, Rows, Secrets, Sockets, Tokens, Value, Vfs,
};
use wb_policy::{Cap, CapSet};

use super::link::Link;
use super::remote::Remote;
use crate::wire::ask::{
    Answer, Ask, CommandAsk, KvAsk, LlmAsk, QueueAsk, SecretsAsk, StreamAsk, Transport, UdpAsk,
    VfsAsk,
};

/// Puts the host behind the capabilities in `provided`.
pub(super) fn provide(provided: CapSet, link: &Arc<Link>, mut services: Services) -> Services {
    let remote = || Arc::new(Remote::new(link));
    let any = |caps: &[Cap]| caps.iter().any(|cap| provided.contains(*cap));
    if any(&[Cap::Vfs]) {
        services = services.vfs(remote());
    }
    if any(&[Cap::Kv]) {
        services = services.kv(remote());
    }
    if any(&[Cap::Secrets]) {
        services = services.secrets(remote());
    }
    if any(&[Cap::Queue]) {
        services = services.queue(remote());
    }
    if any(&[Cap::Net]) {
        services = services.net(remote());
    }
    if any(&[Cap::Browse]) {
        services = services.browse(remote());
    }
    if any(&[Cap::Llm]) {
        services = services.llm(remote());
    }
    if any(&[Cap::Tcp, Cap::Udp, Cap::Tls]) {
        services = services.sockets(remote());
    }
    if any(&[Cap::Commands, Cap::Exec, Cap::Parallel]) {
        services = services.elsewhere(remote());
    }
    services
}

/// A host that answers something else than it was asked is none of this version.
fn unexpected<T>(_: Answer) -> Result<T, Failure> {
    Err(Failure::failed("the host answered something else"))
}

impl Remote {
    fn done(&self, who: &Principal<'_>, ask: Ask) -> Result<(), Failure> {
        match self.ask(who, ask)? {
            Answer::Done => Ok(()),
            other => unexpected(other),
        }
    }

    fn flag(&self, who: &Principal<'_>, ask: Ask) -> Result<bool, Failure> {
        match self.ask(who, ask)? {
            Answer::Flag(flag) => Ok(flag),
            other => unexpected(other),
        }
    }

    fn bytes(&self, who: &Principal<'_>, ask: Ask) -> Result<Bytes, Failure> {
        match self.ask(who, ask)? {
            Answer::Bytes(bytes) => Ok(bytes),
            other => unexpected(other),
        }
    }

    fn maybe(&self, who: &Principal<'_>, ask: Ask) -> Result<Option<Bytes>, Failure> {
        match self.ask(who, ask)? {
            Answer::Maybe(bytes) => Ok(bytes),
            other => unexpected(other),
        }
    }

    fn handle(&self, who: &Principal<'_>, ask: Ask) -> Result<Handle, Failure> {
        match self.ask(who, ask)? {
            Answer::Handle(number) => Ok(Handle {
                host: self.clone(),
                number,
            }),
            other => unexpected(other),
        }
    }
}

/// Something that the host holds open.
struct Handle {
    host: Remote,
    number: u32,
}

impl Vfs for Remote {
    fn query(
        &self,
        who: &Principal<'_>,
        volume: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Rows, Failure> {
        let query = VfsAsk::Query {
            volume: volume.to_owned(),
            sql: sql.to_owned(),
            params: params.iter().cloned().map(Into::into).collect(),
        };
        match self.ask(who, Ask::Vfs(query))? {
            Answer::Rows(rows) => Ok(rows.into()),
            other => unexpected(other),
        }
    }

    fn read(&self, who: &Principal<'_>, path: &str) -> Result<Bytes, Failure> {
        self.bytes(who, Ask::Vfs(VfsAsk::Read(path.to_owned())))
    }

    fn write(&self, who: &Principal<'_>, path: &str, content: Bytes) -> Result<(), Failure> {
        self.done(who, Ask::Vfs(VfsAsk::Write(path.to_owned(), content)))
    }

    fn remove(&self, who: &Principal<'_>, path: &str) -> Result<bool, Failure> {
        self.flag(who, Ask::Vfs(VfsAsk::Remove(path.to_owned())))
    }

    fn list(&self, who: &Principal<'_>, path: &str) -> Result<Vec<Entry>, Failure> {
        match self.ask(who, Ask::Vfs(VfsAsk::List(path.to_owned())))? {
            Answer::Entries(entries) => Ok(entries.into_iter().map(Into::into).collect()),
            other => unexpected(other),
        }
    }
}

impl Kv for Remote {
    fn get(&self, who: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure> {
        self.maybe(who, Ask::Kv(KvAsk::Get(key.to_owned())))
    }

    fn put(&self, who: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure> {
        self.done(who, Ask::Kv(KvAsk::Put(key.to_owned(), value)))
    }

    fn delete(&self, who: &Principal<'_>, key: &str) -> Result<bool, Failure> {
        self.flag(who, Ask::Kv(KvAsk::Delete(key.to_owned())))
    }

    fn list(&self, who: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure> {
        match self.ask(who, Ask::Kv(KvAsk::List(prefix.to_owned())))? {
            Answer::Names(names) => Ok(names),
            other => unexpected(other),
        }
    }
}

impl Secrets for Remote {
    fn present(&self, who: &Principal<'_>, name: &str) -> Result<bool, Failure> {
        self.flag(who, Ask::Secrets(SecretsAsk::Present(name.to_owned())))
    }

    fn sign(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        let data = Bytes::copy_from_slice(data);
        self.bytes(who, Ask::Secrets(SecretsAsk::Sign(name.to_owned(), data)))
    }

    fn hmac(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        let data = Bytes::copy_from_slice(data);
        self.bytes(who, Ask::Secrets(SecretsAsk::Hmac(name.to_owned(), data)))
    }
}

impl Queue for Remote {
    fn publish(&self, who: &Principal<'_>, topic: &str, message: Bytes) -> Result<(), Failure> {
        self.done(
            who,
            Ask::Queue(QueueAsk::Publish(topic.to_owned(), message)),
        )
    }

    fn poll(&self, who: &Principal<'_>, topic: &str) -> Result<Option<Bytes>, Failure> {
        self.maybe(who, Ask::Queue(QueueAsk::Poll(topic.to_owned())))
    }
}

impl Net for Remote {
    fn send(&self, who: &Principal<'_>, request: Request) -> Result<Response, Failure> {
        match self.ask(who, Ask::Net(request.into()))? {
            Answer::Response {
                status,
                url,
                headers,
                body,
            } => Ok(Response {
                status,
                url,
                headers,
                body: Box::new(Cursor::new(body)),
            }),
            other => unexpected(other),
        }
    }
}

impl Browse for Remote {
    fn fetch(&self, who: &Principal<'_>, url: &str) -> Result<Page, Failure> {
        match self.ask(who, Ask::Browse(url.to_owned()))? {
            Answer::Page(page) => Ok(page.into()),
            other => unexpected(other),
        }
    }
}

impl Llm for Remote {
    fn complete(
        &self,
        who: &Principal<'_>,
        prompt: &Prompt,
    ) -> Result<Box<dyn Completion>, Failure> {
        let handle = self.handle(who, Ask::Llm(LlmAsk::Open(prompt.into())))?;
        Ok(Box::new(RemoteCompletion {
            handle,
            tokens: Tokens::default(),
        }))
    }
}

struct RemoteCompletion {
    handle: Handle,
    tokens: Tokens,
}

impl Completion for RemoteCompletion {
    fn next(&mut self, who: &Principal<'_>) -> Result<Option<String>, Failure> {
        let next = Ask::Llm(LlmAsk::Next(self.handle.number));
        match self.handle.host.ask(who, next)? {
            Answer::Piece(piece, (input, output)) => {
                self.tokens = Tokens { input, output };
                Ok(piece)
            }
            other => unexpected(other),
        }
    }

    fn tokens(&self) -> Tokens {
        self.tokens
    }
}

impl Drop for RemoteCompletion {
    fn drop(&mut self) {
        let close = Ask::Llm(LlmAsk::Close(self.handle.number));
        self.handle.host.tell(close);
    }
}

impl Sockets for Remote {
    fn tcp(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        RemoteStream::connect(self, who, Transport::Tcp, host, port)
    }

    fn tls(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        RemoteStream::connect(self, who, Transport::Tls, host, port)
    }

    fn udp(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Datagrams>, Failure> {
        let handle = self.handle(who, Ask::Udp(UdpAsk::Connect(host.to_owned(), port)))?;
        Ok(Box::new(RemoteDatagrams(handle)))
    }
}

struct RemoteStream {
    transport: Transport,
    handle: Handle,
}

impl RemoteStream {
    fn connect(
        remote: &Remote,
        who: &Principal<'_>,
        transport: Transport,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        let connect = StreamAsk::Connect(host.to_owned(), port);
        let handle = remote.handle(who, Ask::Stream(transport, connect))?;
        Ok(Box::new(Self { transport, handle }))
    }
}

impl Connection for RemoteStream {
    fn send(&mut self, who: &Principal<'_>, data: &[u8]) -> Result<(), Failure> {
        let send = StreamAsk::Send(self.handle.number, Bytes::copy_from_slice(data));
        self.handle
            .host
            .done(who, Ask::Stream(self.transport, send))
    }

    fn receive(&mut self, who: &Principal<'_>, most: usize) -> Result<Bytes, Failure> {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let receive = StreamAsk::Receive(self.handle.number, most);
        self.handle
            .host
            .bytes(who, Ask::Stream(self.transport, receive))
    }
}

impl Drop for RemoteStream {
    fn drop(&mut self) {
        let close = StreamAsk::Close(self.handle.number);
        self.handle.host.tell(Ask::Stream(self.transport, close));
    }
}

struct RemoteDatagrams(Handle);

impl Datagrams for RemoteDatagrams {
    fn send(&mut self, who: &Principal<'_>, message: &[u8]) -> Result<(), Failure> {
        let send = UdpAsk::Send(self.0.number, Bytes::copy_from_slice(message));
        self.0.host.done(who, Ask::Udp(send))
    }

    fn receive(&mut self, who: &Principal<'_>) -> Result<Bytes, Failure> {
        self.0
            .host
            .bytes(who, Ask::Udp(UdpAsk::Receive(self.0.number)))
    }
}

impl Drop for RemoteDatagrams {
    fn drop(&mut self) {
        self.0.host.tell(Ask::Udp(UdpAsk::Close(self.0.number)));
    }
}

impl Elsewhere for Remote {
    fn run(
        &self,
        who: &Principal<'_>,
        cap: Cap,
        name: &str,
        args: Vec<String>,
        env: Vec<(String, String)>,
        stdin: Bytes,
    ) -> Result<Ran, Failure> {
        let command = CommandAsk {
            is_exec: cap == Cap::Exec,
            name: name.to_owned(),
            args,
            env,
            stdin,
            used: who.usage().into(),
        };
        match self.ask(who, Ask::Command(command))? {
            Answer::Ran(ran, used) => {
                who.spend(&used.into());
                Ok(ran.into())
            }
            other => unexpected(other),
        }
    }

    fn run_many(
        &self,
        who: &Principal<'_>,
        name: &str,
        inputs: &[Bytes],
    ) -> Result<Vec<Ran>, Failure> {
        let ask = Ask::Parallel {
            name: name.to_owned(),
            inputs: inputs.to_vec(),
            used: who.usage().into(),
        };
        match self.ask(who, ask)? {
            Answer::RanMany(ran, used) => {
                who.spend(&used.into());
                Ok(ran.into_iter().map(Into::into).collect())
            }
            other => unexpected(other),
        }
    }
}
