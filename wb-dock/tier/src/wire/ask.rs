//! What a guest can ask of its host, and the answers.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wb_dock::cap::{Failure, FailureKind};
use wb_policy::Usage;

use super::data::{WireEntry, WirePage, WirePrompt, WireRan, WireRequest, WireRows, WireValue};
use super::{WireExceeded, list};

/// A question of a worker on behalf of its guest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// More standard input, at most so many bytes.
    Stdin(u32),
    /// Pass this on as standard output or, if true, standard error.
    Output(bool, Bytes),
    /// Nanoseconds since the Unix epoch.
    WallTime,
    /// Nanoseconds since any fixed instant.
    MonotonicTime,
    /// Block for so many nanoseconds.
    Sleep(u64),
    /// So many random bytes.
    Random(u32),
    Vfs(VfsAsk),
    Kv(KvAsk),
    Secrets(SecretsAsk),
    Queue(QueueAsk),
    Net(WireRequest),
    Browse(String),
    Llm(LlmAsk),
    Stream(Transport, StreamAsk),
    Udp(UdpAsk),
    Command(CommandAsk),
    Parallel {
        name: String,
        #[serde(deserialize_with = "list::at_most::<_, _, { list::INPUTS }>")]
        inputs: Vec<Bytes>,
        used: WireUsed,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum VfsAsk {
    Query {
        volume: String,
        sql: String,
        #[serde(deserialize_with = "list::at_most::<_, _, { list::LISTED }>")]
        params: Vec<WireValue>,
    },
    Read(String),
    Write(String, Bytes),
    Remove(String),
    List(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum KvAsk {
    Get(String),
    Put(String, Bytes),
    Delete(String),
    List(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum SecretsAsk {
    Present(String),
    Sign(String, Bytes),
    Hmac(String, Bytes),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum QueueAsk {
    Publish(String, Bytes),
    Poll(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum LlmAsk {
    Open(WirePrompt),
    Next(u32),
    Close(u32),
}

/// What a stream of bytes goes over.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Transport {
    Tcp,
    Tls,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum StreamAsk {
    Connect(String, u16),
    Send(u32, Bytes),
    Receive(u32, u32),
    Close(u32),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum UdpAsk {
    Connect(String, u16),
    Send(u32, Bytes),
    Receive(u32),
    Close(u32),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommandAsk {
    /// By `exec` rather than `commands`.
    pub(crate) is_exec: bool,
    pub(crate) name: String,
    #[serde(deserialize_with = "list::at_most::<_, _, { list::LISTED }>")]
    pub(crate) args: Vec<String>,
    #[serde(deserialize_with = "list::at_most::<_, _, { list::LISTED }>")]
    pub(crate) env: Vec<(String, String)>,
    pub(crate) stdin: Bytes,
    pub(crate) used: WireUsed,
}

/// What was used, as far as both sides count it: of the whole run when a guest asks for
/// commands, of these commands in the answer. So both ledgers show the same before the
/// commands start, and again when they have ended.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WireUsed {
    pub(crate) output: u64,
    pub(crate) host_calls: u64,
    pub(crate) fuel: u64,
}

impl From<Usage> for WireUsed {
    fn from(usage: Usage) -> Self {
        Self {
            output: usage.output,
            host_calls: usage.host_calls,
            fuel: usage.fuel,
        }
    }
}

impl From<WireUsed> for Usage {
    fn from(wire: WireUsed) -> Self {
        Self {
            output: wire.output,
            host_calls: wire.host_calls,
            fuel: wire.fuel,
            ..Self::default()
        }
    }
}

/// What the host answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Done,
    Flag(bool),
    Number(u64),
    Bytes(Bytes),
    Maybe(Option<Bytes>),
    Names(Vec<String>),
    Handle(u32),
    Rows(WireRows),
    Entries(Vec<WireEntry>),
    Response {
        status: u16,
        url: String,
        headers: Vec<(String, Bytes)>,
        body: Bytes,
    },
    Page(WirePage),
    /// The next piece of an answer of a model, and what it has cost so far.
    Piece(Option<String>, (u64, u64)),
    Ran(WireRan, WireUsed),
    RanMany(Vec<WireRan>, WireUsed),
}

/// Why there is no answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Refused {
    /// The guest is told, and goes on.
    Failed(Failed),
    /// The guest must end: its budget is spent, or its time over.
    Stop(WireExceeded),
}

/// Why the host did not do it: [`Failure`] as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failed {
    kind: WireFailureKind,
    message: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum WireFailureKind {
    NotFound,
    TooDeep,
    Refused,
    BadRequest,
    Failed,
    Limit,
    Unavailable,
    TimedOut,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            kind: match failure.kind {
                FailureKind::NotFound => WireFailureKind::NotFound,
                FailureKind::TooDeep => WireFailureKind::TooDeep,
                FailureKind::Refused => WireFailureKind::Refused,
                FailureKind::BadRequest => WireFailureKind::BadRequest,
                FailureKind::Limit => WireFailureKind::Limit,
                FailureKind::Unavailable => WireFailureKind::Unavailable,
                FailureKind::TimedOut => WireFailureKind::TimedOut,
                _ => WireFailureKind::Failed,
            },
            message: failure.message,
        }
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        let kind = match failed.kind {
            WireFailureKind::NotFound => FailureKind::NotFound,
            WireFailureKind::TooDeep => FailureKind::TooDeep,
            WireFailureKind::Refused => FailureKind::Refused,
            WireFailureKind::BadRequest => FailureKind::BadRequest,
            WireFailureKind::Failed => FailureKind::Failed,
            WireFailureKind::Limit => FailureKind::Limit,
            WireFailureKind::Unavailable => FailureKind::Unavailable,
            WireFailureKind::TimedOut => FailureKind::TimedOut,
        };
        Self::new(kind, failed.message)
    }
}
