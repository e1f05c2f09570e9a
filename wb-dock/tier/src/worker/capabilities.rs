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
    fn done(&self, ask: Ask) -> Result<(), Failure> {
        match self.ask(ask)? {
            Answer::Done => Ok(()),
            other => unexpected(other),
        }
    }

    fn flag(&self, ask: Ask) -> Result<bool, Failure> {
        match self.ask(ask)? {
            Answer::Flag(flag) => Ok(flag),
            other => unexpected(other),
        }
    }

    fn bytes(&self, ask: Ask) -> Result<Bytes, Failure> {
        match self.ask(ask)? {
            Answer::Bytes(bytes) => Ok(bytes),
            other => unexpected(other),
        }
    }

    fn maybe(&self, ask: Ask) -> Result<Option<Bytes>, Failure> {
        match self.ask(ask)? {
            Answer::Maybe(bytes) => Ok(bytes),
            other => unexpected(other),
        }
    }

    fn handle(&self, ask: Ask) -> Result<Handle, Failure> {
        match self.ask(ask)? {
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
        _: &Principal<'_>,
        volume: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Rows, Failure> {
        let query = VfsAsk::Query {
            volume: volume.to_owned(),
            sql: sql.to_owned(),
            params: params.iter().cloned().map(Into::into).collect(),
        };
        match self.ask(Ask::Vfs(query))? {
            Answer::Rows(rows) => Ok(rows.into()),
            other => unexpected(other),
        }
    }

    fn read(&self, _: &Principal<'_>, path: &str) -> Result<Bytes, Failure> {
        self.bytes(Ask::Vfs(VfsAsk::Read(path.to_owned())))
    }

    fn write(&self, _: &Principal<'_>, path: &str, content: Bytes) -> Result<(), Failure> {
        self.done(Ask::Vfs(VfsAsk::Write(path.to_owned(), content)))
    }

    fn remove(&self, _: &Principal<'_>, path: &str) -> Result<bool, Failure> {
        self.flag(Ask::Vfs(VfsAsk::Remove(path.to_owned())))
    }

    fn list(&self, _: &Principal<'_>, path: &str) -> Result<Vec<Entry>, Failure> {
        match self.ask(Ask::Vfs(VfsAsk::List(path.to_owned())))? {
            Answer::Entries(entries) => Ok(entries.into_iter().map(Into::into).collect()),
            other => unexpected(other),
        }
    }
}

impl Kv for Remote {
    fn get(&self, _: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure> {
        self.maybe(Ask::Kv(KvAsk::Get(key.to_owned())))
    }

    fn put(&self, _: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure> {
        self.done(Ask::Kv(KvAsk::Put(key.to_owned(), value)))
    }

    fn delete(&self, _: &Principal<'_>, key: &str) -> Result<bool, Failure> {
        self.flag(Ask::Kv(KvAsk::Delete(key.to_owned())))
    }

    fn list(&self, _: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure> {
        match self.ask(Ask::Kv(KvAsk::List(prefix.to_owned())))? {
            Answer::Names(names) => Ok(names),
            other => unexpected(other),
        }
    }
}

impl Secrets for Remote {
    fn present(&self, _: &Principal<'_>, name: &str) -> Result<bool, Failure> {
        self.flag(Ask::Secrets(SecretsAsk::Present(name.to_owned())))
    }

    fn sign(&self, _: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        let data = Bytes::copy_from_slice(data);
        self.bytes(Ask::Secrets(SecretsAsk::Sign(name.to_owned(), data)))
    }

    fn hmac(&self, _: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        let data = Bytes::copy_from_slice(data);
        self.bytes(Ask::Secrets(SecretsAsk::Hmac(name.to_owned(), data)))
    }
}

impl Queue for Remote {
    fn publish(&self, _: &Principal<'_>, topic: &str, message: Bytes) -> Result<(), Failure> {
        self.done(Ask::Queue(QueueAsk::Publish(topic.to_owned(), message)))
    }

    fn poll(&self, _: &Principal<'_>, topic: &str) -> Result<Option<Bytes>, Failure> {
        self.maybe(Ask::Queue(QueueAsk::Poll(topic.to_owned())))
    }
}

impl Net for Remote {
    fn send(&self, _: &Principal<'_>, request: Request) -> Result<Response, Failure> {
        match self.ask(Ask::Net(request.into()))? {
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
    fn fetch(&self, _: &Principal<'_>, url: &str) -> Result<Page, Failure> {
        match self.ask(Ask::Browse(url.to_owned()))? {
            Answer::Page(page) => Ok(page.into()),
            other => unexpected(other),
        }
    }
}

impl Llm for Remote {
    fn complete(&self, _: &Principal<'_>, prompt: &Prompt) -> Result<Box<dyn Completion>, Failure> {
        let handle = self.handle(Ask::Llm(LlmAsk::Open(prompt.into())))?;
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
    fn next(&mut self, _: &Principal<'_>) -> Result<Option<String>, Failure> {
        let next = Ask::Llm(LlmAsk::Next(self.handle.number));
        match self.handle.host.ask(next)? {
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
        drop(self.handle.host.ask(close));
    }
}

impl Sockets for Remote {
    fn tcp(
        &self,
        _: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        RemoteStream::connect(self, Transport::Tcp, host, port)
    }

    fn tls(
        &self,
        _: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        RemoteStream::connect(self, Transport::Tls, host, port)
    }

    fn udp(&self, _: &Principal<'_>, host: &str, port: u16) -> Result<Box<dyn Datagrams>, Failure> {
        let handle = self.handle(Ask::Udp(UdpAsk::Connect(host.to_owned(), port)))?;
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
        transport: Transport,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        let connect = StreamAsk::Connect(host.to_owned(), port);
        let handle = remote.handle(Ask::Stream(transport, connect))?;
        Ok(Box::new(Self { transport, handle }))
    }
}

impl Connection for RemoteStream {
    fn send(&mut self, _: &Principal<'_>, data: &[u8]) -> Result<(), Failure> {
        let send = StreamAsk::Send(self.handle.number, Bytes::copy_from_slice(data));
        self.handle.host.done(Ask::Stream(self.transport, send))
    }

    fn receive(&mut self, _: &Principal<'_>, most: usize) -> Result<Bytes, Failure> {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let receive = StreamAsk::Receive(self.handle.number, most);
        self.handle.host.bytes(Ask::Stream(self.transport, receive))
    }
}

impl Drop for RemoteStream {
    fn drop(&mut self) {
        let close = StreamAsk::Close(self.handle.number);
        drop(self.handle.host.ask(Ask::Stream(self.transport, close)));
    }
}

struct RemoteDatagrams(Handle);

impl Datagrams for RemoteDatagrams {
    fn send(&mut self, _: &Principal<'_>, message: &[u8]) -> Result<(), Failure> {
        let send = UdpAsk::Send(self.0.number, Bytes::copy_from_slice(message));
        self.0.host.done(Ask::Udp(send))
    }

    fn receive(&mut self, _: &Principal<'_>) -> Result<Bytes, Failure> {
        self.0.host.bytes(Ask::Udp(UdpAsk::Receive(self.0.number)))
    }
}

impl Drop for RemoteDatagrams {
    fn drop(&mut self) {
        drop(self.0.host.ask(Ask::Udp(UdpAsk::Close(self.0.number))));
    }
}

impl Elsewhere for Remote {
    fn run(
        &self,
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
        };
        match self.ask(Ask::Command(command))? {
            Answer::Ran(ran) => Ok(ran.into()),
            other => unexpected(other),
        }
    }

    fn run_many(&self, name: &str, inputs: &[Bytes]) -> Result<Vec<Ran>, Failure> {
        let ask = Ask::Parallel {
            name: name.to_owned(),
            inputs: inputs.to_vec(),
        };
        match self.ask(ask)? {
            Answer::RanMany(ran) => Ok(ran.into_iter().map(Into::into).collect()),
            other => unexpected(other),
        }
    }
}
