//! The data of the capabilities as it travels. The dock's own types are not formats.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wb_dock::cap::{Entry, Link, Message, Page, Prompt, Ran, Request, Role, Rows, Timeouts, Value};

use super::ask::Failed;
use super::list;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WireValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Bytes),
}

impl From<Value> for WireValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Real(number) => Self::Real(number),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<WireValue> for Value {
    fn from(wire: WireValue) -> Self {
        match wire {
            WireValue::Null => Self::Null,
            WireValue::Integer(number) => Self::Integer(number),
            WireValue::Real(number) => Self::Real(number),
            WireValue::Text(text) => Self::Text(text),
            WireValue::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireRows {
    columns: Vec<String>,
    rows: Vec<Vec<WireValue>>,
    changed: u64,
}

impl From<Rows> for WireRows {
    fn from(rows: Rows) -> Self {
        let wire = |row: Vec<Value>| row.into_iter().map(Into::into).collect();
        Self {
            columns: rows.columns,
            rows: rows.rows.into_iter().map(wire).collect(),
            changed: rows.changed,
        }
    }
}

impl From<WireRows> for Rows {
    fn from(wire: WireRows) -> Self {
        let row = |wire: Vec<WireValue>| wire.into_iter().map(Into::into).collect();
        Self {
            columns: wire.columns,
            rows: wire.rows.into_iter().map(row).collect(),
            changed: wire.changed,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireEntry(String, bool, u64);

impl From<Entry> for WireEntry {
    fn from(entry: Entry) -> Self {
        Self(entry.name, entry.is_directory, entry.size)
    }
}

impl From<WireEntry> for Entry {
    fn from(WireEntry(name, is_directory, size): WireEntry) -> Self {
        Self {
            name,
            is_directory,
            size,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireRequest {
    method: String,
    url: String,
    #[serde(deserialize_with = "list::at_most::<_, _, { list::LISTED }>")]
    headers: Vec<(String, Bytes)>,
    body: Bytes,
    /// In all, to connect, to the first byte, from one piece to the next.
    timeouts: [Option<Duration>; 4],
    redirects: u8,
}

impl From<Request> for WireRequest {
    fn from(request: Request) -> Self {
        Self {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeouts: [
                request.timeouts.total,
                request.timeouts.connect,
                request.timeouts.first_byte,
                request.timeouts.between_bytes,
            ],
            redirects: request.redirects,
        }
    }
}

impl From<WireRequest> for Request {
    fn from(wire: WireRequest) -> Self {
        let [total, connect, first_byte, between_bytes] = wire.timeouts;
        Self {
            method: wire.method,
            url: wire.url,
            headers: wire.headers,
            body: wire.body,
            timeouts: Timeouts {
                total,
                connect,
                first_byte,
                between_bytes,
            },
            redirects: wire.redirects,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WirePage {
    url: String,
    status: u16,
    title: String,
    text: String,
    /// Text and target of each link.
    links: Vec<(String, String)>,
}

impl From<Page> for WirePage {
    fn from(page: Page) -> Self {
        let links = page.links.into_iter().map(|link| (link.text, link.url));
        Self {
            url: page.url,
            status: page.status,
            title: page.title,
            text: page.text,
            links: links.collect(),
        }
    }
}

impl From<WirePage> for Page {
    fn from(wire: WirePage) -> Self {
        let links = wire.links.into_iter().map(|(text, url)| Link { text, url });
        Self {
            url: wire.url,
            status: wire.status,
            title: wire.title,
            text: wire.text,
            links: links.collect(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WirePrompt {
    model: String,
    system: String,
    /// Whether the user says it, and what is said.
    #[serde(deserialize_with = "list::at_most::<_, _, { list::LISTED }>")]
    messages: Vec<(bool, String)>,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    #[serde(deserialize_with = "list::at_most::<_, _, { list::LISTED }>")]
    stop: Vec<String>,
}

impl From<&Prompt> for WirePrompt {
    fn from(prompt: &Prompt) -> Self {
        let messages = prompt.messages.iter();
        let messages = messages.map(|said| (said.role == Role::User, said.content.clone()));
        Self {
            model: prompt.model.clone(),
            system: prompt.system.clone(),
            messages: messages.collect(),
            max_tokens: prompt.max_tokens,
            temperature: prompt.temperature,
            stop: prompt.stop.clone(),
        }
    }
}

impl From<WirePrompt> for Prompt {
    fn from(wire: WirePrompt) -> Self {
        let message = |(is_user, content)| Message {
            role: if is_user { Role::User } else { Role::Assistant },
            content,
        };
        Self {
            model: wire.model,
            system: wire.system,
            messages: wire.messages.into_iter().map(message).collect(),
            max_tokens: wire.max_tokens,
            temperature: wire.temperature,
            stop: wire.stop,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireRan {
    result: Result<i32, Failed>,
    stdout: Bytes,
    stderr: Bytes,
}

impl From<Ran> for WireRan {
    fn from(ran: Ran) -> Self {
        Self {
            result: ran.result.map_err(Into::into),
            stdout: ran.stdout,
            stderr: ran.stderr,
        }
    }
}

impl From<WireRan> for Ran {
    fn from(wire: WireRan) -> Self {
        Self {
            result: wire.result.map_err(Into::into),
            stdout: wire.stdout,
            stderr: wire.stderr,
        }
    }
}
