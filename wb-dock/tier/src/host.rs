//! Answers what a worker asks on behalf of its guest.

use std::io::{self, Read, Write};
use std::time::Duration;

use bytes::Bytes;
use wb_dock::cap::{Failure, Ran};
use wb_dock::{Clock, RandomOf, RemoteRun, Unanswered};
use wb_policy::{Cap, Resource, Usage};

use crate::wire::ask::{
    Answer, Ask, CommandAsk, KvAsk, LlmAsk, QueueAsk, SecretsAsk, StreamAsk, Transport, UdpAsk,
    VfsAsk, WireUsed,
};

/// Most bytes that one question can ask for.
const MOST_AT_ONCE: u32 = 1 << 20;

/// What a run has on the host's side.
pub(crate) struct Host<'r> {
    pub(crate) run: &'r mut RemoteRun,
    pub(crate) stdin: Option<Box<dyn Read + Send>>,
    pub(crate) stdout: Option<Box<dyn Write + Send>>,
    pub(crate) stderr: Option<Box<dyn Write + Send>>,
    /// Bytes of output that the host knows of: what it has passed on, and what commands
    /// wrote that it has run.
    pub(crate) output: u64,
}

impl Host<'_> {
    pub(crate) fn answer(&mut self, ask: Ask) -> Result<Answer, Unanswered> {
        Ok(match ask {
            Ask::Stdin(most) => Answer::Bytes(self.read(most)?),
            Ask::Output(is_stderr, bytes) => self.write(is_stderr, &bytes)?,
            Ask::WallTime => Answer::Number(self.clock()?.wall()),
            Ask::MonotonicTime => Answer::Number(self.clock()?.monotonic()),
            Ask::Sleep(nanoseconds) => {
                let time = Duration::from_nanos(nanoseconds).min(self.run.time_left());
                self.clock()?.sleep(time);
                Answer::Done
            }
            Ask::Random(count) => {
                let RandomOf::Host(random) = self.run.random() else {
                    return Err(unasked("randomness"));
                };
                let mut bytes = vec![0; count.min(MOST_AT_ONCE) as usize];
                random.fill(&mut bytes);
                Answer::Bytes(bytes.into())
            }
            Ask::Vfs(ask) => vfs(self.run, ask)?,
            Ask::Kv(ask) => kv(self.run, ask)?,
            Ask::Secrets(ask) => secrets(self.run, ask)?,
            Ask::Queue(ask) => queue(self.run, ask)?,
            Ask::Net(request) => {
                let (head, body) = self.run.net_send(request.into())?;
                Answer::Response {
                    status: head.status,
                    url: head.url,
                    headers: head.headers,
                    body,
                }
            }
            Ask::Browse(url) => Answer::Page(self.run.browse_fetch(&url)?.into()),
            Ask::Llm(ask) => llm(self.run, ask)?,
            Ask::Stream(transport, ask) => stream(self.run, transport, ask)?,
            Ask::Udp(ask) => udp(self.run, ask)?,
            Ask::Command(ask) => {
                let (ran, used) = command(self.run, ask)?;
                self.output = self.output.saturating_add(used.output);
                Answer::Ran(ran.into(), used)
            }
            Ask::Parallel { name, inputs, used } => {
                let (ran, used) =
                    charged(self.run, used, |run| run.parallel_run_many(&name, &inputs))?;
                self.output = self.output.saturating_add(used.output);
                Answer::RanMany(ran.into_iter().map(Into::into).collect(), used)
            }
        })
    }

    fn clock(&self) -> Result<&dyn Clock, Unanswered> {
        match self.run.clock() {
            Some(clock) => Ok(&**clock),
            None => Err(unasked("a clock")),
        }
    }

    fn read(&mut self, most: u32) -> Result<Bytes, Unanswered> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(Bytes::new());
        };
        let mut bytes = vec![0; most.min(MOST_AT_ONCE) as usize];
        let count = loop {
            match stdin.read(&mut bytes) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Failure::failed("standard input cannot be read").into()),
            }
        };
        bytes.truncate(count);
        Ok(bytes.into())
    }

    fn write(&mut self, is_stderr: bool, bytes: &[u8]) -> Result<Answer, Unanswered> {
        let length = bytes.len() as u64;
        self.run.charge(Resource::Output, length)?;
        self.output = self.output.saturating_add(length);
        let stream = if is_stderr {
            &mut self.stderr
        } else {
            &mut self.stdout
        };
        let Some(stream) = stream else {
            return Err(unasked("a stream"));
        };
        let written = stream.write_all(bytes).and_then(|()| stream.flush());
        written.map_err(|_| Failure::unavailable("nobody reads the output"))?;
        Ok(Answer::Done)
    }
}

/// What only a worker asks for that was taken over: it was told there is none.
fn unasked(what: &str) -> Unanswered {
    Failure::refused(format!("this run has not {what} of the host")).into()
}

fn vfs(run: &RemoteRun, ask: VfsAsk) -> Result<Answer, Unanswered> {
    Ok(match ask {
        VfsAsk::Query {
            volume,
            sql,
            params,
        } => {
            let params: Vec<_> = params.into_iter().map(Into::into).collect();
            Answer::Rows(run.vfs_query(&volume, &sql, &params)?.into())
        }
        VfsAsk::Read(path) => Answer::Bytes(run.vfs_read(&path)?),
        VfsAsk::Write(path, content) => done(run.vfs_write(&path, &content)?),
        VfsAsk::Remove(path) => Answer::Flag(run.vfs_remove(&path)?),
        VfsAsk::List(path) => {
            let entries = run.vfs_list(&path)?;
            Answer::Entries(entries.into_iter().map(Into::into).collect())
        }
    })
}

fn kv(run: &RemoteRun, ask: KvAsk) -> Result<Answer, Unanswered> {
    Ok(match ask {
        KvAsk::Get(key) => Answer::Maybe(run.kv_get(&key)?),
        KvAsk::Put(key, value) => done(run.kv_put(&key, &value)?),
        KvAsk::Delete(key) => Answer::Flag(run.kv_delete(&key)?),
        KvAsk::List(prefix) => Answer::Names(run.kv_list(&prefix)?),
    })
}

fn secrets(run: &RemoteRun, ask: SecretsAsk) -> Result<Answer, Unanswered> {
    Ok(match ask {
        SecretsAsk::Present(name) => Answer::Flag(run.secrets_present(&name)?),
        SecretsAsk::Sign(name, data) => Answer::Bytes(run.secrets_sign(&name, &data)?),
        SecretsAsk::Hmac(name, data) => Answer::Bytes(run.secrets_hmac(&name, &data)?),
    })
}

fn queue(run: &RemoteRun, ask: QueueAsk) -> Result<Answer, Unanswered> {
    Ok(match ask {
        QueueAsk::Publish(topic, message) => done(run.queue_publish(&topic, &message)?),
        QueueAsk::Poll(topic) => Answer::Maybe(run.queue_poll(&topic)?),
    })
}

fn llm(run: &mut RemoteRun, ask: LlmAsk) -> Result<Answer, Unanswered> {
    Ok(match ask {
        LlmAsk::Open(prompt) => Answer::Handle(run.llm_open(&prompt.into())?),
        LlmAsk::Next(handle) => {
            let (piece, tokens) = run.llm_next(handle)?;
            Answer::Piece(piece, (tokens.input, tokens.output))
        }
        LlmAsk::Close(handle) => done(run.llm_close(handle)?),
    })
}

fn stream(run: &mut RemoteRun, transport: Transport, ask: StreamAsk) -> Result<Answer, Unanswered> {
    let cap = match transport {
        Transport::Tcp => Cap::Tcp,
        Transport::Tls => Cap::Tls,
    };
    Ok(match ask {
        StreamAsk::Connect(host, port) => Answer::Handle(run.stream_connect(cap, &host, port)?),
        StreamAsk::Send(handle, data) => done(run.stream_send(cap, handle, &data)?),
        StreamAsk::Receive(handle, most) => {
            Answer::Bytes(run.stream_receive(cap, handle, most as usize)?)
        }
        StreamAsk::Close(handle) => done(run.stream_close(cap, handle)?),
    })
}

fn udp(run: &mut RemoteRun, ask: UdpAsk) -> Result<Answer, Unanswered> {
    Ok(match ask {
        UdpAsk::Connect(host, port) => Answer::Handle(run.udp_connect(&host, port)?),
        UdpAsk::Send(handle, message) => done(run.udp_send(handle, &message)?),
        UdpAsk::Receive(handle) => Answer::Bytes(run.udp_receive(handle)?),
        UdpAsk::Close(handle) => done(run.udp_close(handle)?),
    })
}

fn command(run: &RemoteRun, ask: CommandAsk) -> Result<(Ran, WireUsed), Unanswered> {
    charged(run, ask.used, |run| {
        if ask.is_exec {
            run.exec_run(&ask.name, ask.args, ask.env, &ask.stdin)
        } else {
            run.commands_run(&ask.name, ask.args, &ask.stdin)
        }
    })
}

/// Has commands run under the ledger that the guest's own is raised to, and says what
/// they used.
fn charged<T>(
    run: &RemoteRun,
    used: WireUsed,
    commands: impl FnOnce(&RemoteRun) -> Result<T, Unanswered>,
) -> Result<(T, WireUsed), Unanswered> {
    run.catch_up(&Usage {
        // The worker has counted the call that is about to be charged.
        host_calls: used.host_calls.saturating_sub(1),
        ..used.into()
    })?;
    let before = run.usage();
    let ran = commands(run)?;
    let after = run.usage();
    Ok((
        ran,
        WireUsed {
            output: after.output.saturating_sub(before.output),
            host_calls: after.host_calls.saturating_sub(before.host_calls + 1),
            fuel: after.fuel.saturating_sub(before.fuel),
        },
    ))
}

/// The answer to what has no result.
fn done((): ()) -> Answer {
    Answer::Done
}
