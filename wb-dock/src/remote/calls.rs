//! What a guest somewhere else may ask for: the checked operations of the capabilities.
//!
//! # Errors
//!
//! All of them fail alike: [`Unanswered::Failed`] with what the guest is told, and
//! [`Unanswered::Stop`] when its budget is spent or its time is over.
#![expect(
    clippy::missing_errors_doc,
    reason = "they fail alike, as the type they fail with says"
)]

use bytes::Bytes;
use wb_policy::Cap;

use super::{RemoteRun, Unanswered};
use crate::cap::sockets::{stream, udp};
use crate::cap::{
    Entry, Failure, Page, Prompt, Ran, Request, Response, Rows, Tokens, Value, browse, commands,
    exec, kv, llm, net, parallel, queue, secrets, vfs,
};

/// What came of a call.
type Answered<T> = Result<T, Unanswered>;

impl RemoteRun {
    /// [`Vfs::query`](crate::cap::Vfs::query).
    pub fn vfs_query(&self, volume: &str, sql: &str, params: &[Value]) -> Answered<Rows> {
        Ok(vfs::query(&self.client, volume, sql, params)?)
    }

    /// [`Vfs::read`](crate::cap::Vfs::read).
    pub fn vfs_read(&self, path: &str) -> Answered<Bytes> {
        Ok(vfs::read(&self.client, path)?)
    }

    /// [`Vfs::write`](crate::cap::Vfs::write).
    pub fn vfs_write(&self, path: &str, content: &[u8]) -> Answered<()> {
        Ok(vfs::write(&self.client, path, content)?)
    }

    /// [`Vfs::remove`](crate::cap::Vfs::remove).
    pub fn vfs_remove(&self, path: &str) -> Answered<bool> {
        Ok(vfs::remove(&self.client, path)?)
    }

    /// [`Vfs::list`](crate::cap::Vfs::list).
    pub fn vfs_list(&self, path: &str) -> Answered<Vec<Entry>> {
        Ok(vfs::list(&self.client, path)?)
    }

    /// [`Kv::get`](crate::cap::Kv::get).
    pub fn kv_get(&self, key: &str) -> Answered<Option<Bytes>> {
        Ok(kv::get(&self.client, key)?)
    }

    /// [`Kv::put`](crate::cap::Kv::put).
    pub fn kv_put(&self, key: &str, value: &[u8]) -> Answered<()> {
        Ok(kv::put(&self.client, key, value)?)
    }

    /// [`Kv::delete`](crate::cap::Kv::delete).
    pub fn kv_delete(&self, key: &str) -> Answered<bool> {
        Ok(kv::delete(&self.client, key)?)
    }

    /// [`Kv::list`](crate::cap::Kv::list).
    pub fn kv_list(&self, prefix: &str) -> Answered<Vec<String>> {
        Ok(kv::list(&self.client, prefix)?)
    }

    /// [`Secrets::present`](crate::cap::Secrets::present).
    pub fn secrets_present(&self, name: &str) -> Answered<bool> {
        Ok(secrets::present(&self.client, name)?)
    }

    /// [`Secrets::sign`](crate::cap::Secrets::sign).
    pub fn secrets_sign(&self, name: &str, data: &[u8]) -> Answered<Bytes> {
        Ok(secrets::sign(&self.client, name, data)?)
    }

    /// [`Secrets::hmac`](crate::cap::Secrets::hmac).
    pub fn secrets_hmac(&self, name: &str, data: &[u8]) -> Answered<Bytes> {
        Ok(secrets::hmac(&self.client, name, data)?)
    }

    /// [`Queue::publish`](crate::cap::Queue::publish).
    pub fn queue_publish(&self, topic: &str, message: &[u8]) -> Answered<()> {
        Ok(queue::publish(&self.client, topic, message)?)
    }

    /// [`Queue::poll`](crate::cap::Queue::poll).
    pub fn queue_poll(&self, topic: &str) -> Answered<Option<Bytes>> {
        Ok(queue::poll(&self.client, topic)?)
    }

    /// [`Net::send`](crate::cap::Net::send), with the whole body read: at most 16 MiB.
    pub fn net_send(&self, request: Request) -> Answered<(Response, Bytes)> {
        let whole = net::send(&self.client, request)?;
        let head = Response {
            status: whole.status,
            url: whole.url,
            headers: whole.headers,
            body: Box::new(std::io::empty()),
        };
        Ok((head, whole.body))
    }

    /// [`Browse::fetch`](crate::cap::Browse::fetch).
    pub fn browse_fetch(&self, url: &str) -> Answered<Page> {
        Ok(browse::fetch(&self.client, url)?)
    }

    /// [`Llm::complete`](crate::cap::Llm::complete), kept open under a handle.
    pub fn llm_open(&mut self, prompt: &Prompt) -> Answered<u32> {
        Ok(llm::open(&mut self.client, prompt)?)
    }

    /// [`Completion::next`](crate::cap::Completion::next), and what it has cost so far.
    pub fn llm_next(&mut self, handle: u32) -> Answered<(Option<String>, Tokens)> {
        let piece = llm::next(&mut self.client, handle)?;
        let completion = self.client.handles.llm.get(handle)?;
        Ok((piece, completion.tokens()))
    }

    /// Lets a completion go.
    pub fn llm_close(&mut self, handle: u32) -> Answered<()> {
        Ok(llm::close(&mut self.client, handle)?)
    }

    /// [`Sockets::tcp`](crate::cap::Sockets::tcp) or
    /// [`Sockets::tls`](crate::cap::Sockets::tls), kept open under a handle. `cap` is
    /// `tcp` or `tls`, here and below.
    pub fn stream_connect(&mut self, cap: Cap, host: &str, port: u16) -> Answered<u32> {
        let transport = transport(cap)?;
        Ok(stream::connect(&mut self.client, transport, host, port)?)
    }

    /// [`Connection::send`](crate::cap::Connection::send).
    pub fn stream_send(&mut self, cap: Cap, handle: u32, data: &[u8]) -> Answered<()> {
        let transport = transport(cap)?;
        Ok(stream::send(&mut self.client, transport, handle, data)?)
    }

    /// [`Connection::receive`](crate::cap::Connection::receive).
    pub fn stream_receive(&mut self, cap: Cap, handle: u32, most: usize) -> Answered<Bytes> {
        let transport = transport(cap)?;
        Ok(stream::receive(&mut self.client, transport, handle, most)?)
    }

    /// Closes a connection.
    pub fn stream_close(&mut self, cap: Cap, handle: u32) -> Answered<()> {
        let transport = transport(cap)?;
        Ok(stream::close(&mut self.client, transport, handle)?)
    }

    /// [`Sockets::udp`](crate::cap::Sockets::udp), kept open under a handle.
    pub fn udp_connect(&mut self, host: &str, port: u16) -> Answered<u32> {
        Ok(udp::connect(&mut self.client, host, port)?)
    }

    /// [`Datagrams::send`](crate::cap::Datagrams::send).
    pub fn udp_send(&mut self, handle: u32, message: &[u8]) -> Answered<()> {
        Ok(udp::send(&mut self.client, handle, message)?)
    }

    /// [`Datagrams::receive`](crate::cap::Datagrams::receive).
    pub fn udp_receive(&mut self, handle: u32) -> Answered<Bytes> {
        Ok(udp::receive(&mut self.client, handle)?)
    }

    /// Closes a socket.
    pub fn udp_close(&mut self, handle: u32) -> Answered<()> {
        Ok(udp::close(&mut self.client, handle)?)
    }

    /// Runs a command in this process, by `commands`.
    pub fn commands_run(&self, name: &str, args: Vec<String>, stdin: &[u8]) -> Answered<Ran> {
        Ok(commands::run(&self.client, name, args, stdin)?)
    }

    /// Runs a command in this process, by `exec`.
    pub fn exec_run(
        &self,
        name: &str,
        args: Vec<String>,
        env: Vec<(String, String)>,
        stdin: &[u8],
    ) -> Answered<Ran> {
        Ok(exec::run(&self.client, name, args, env, stdin)?)
    }

    /// Runs a command in this process once for each input, by `parallel`.
    pub fn parallel_run_many(&self, name: &str, inputs: &[Bytes]) -> Answered<Vec<Ran>> {
        Ok(parallel::run_many(&self.client, name, inputs)?)
    }
}

fn transport(cap: Cap) -> Result<stream::Transport, Failure> {
    match cap {
        Cap::Tcp => Ok(stream::Transport::Tcp),
        Cap::Tls => Ok(stream::Transport::Tls),
        other => Err(Failure::bad_request(format!("`{other}` opens no streams"))),
    }
}
