//! Messages: the format of Anthropic.

use serde::Deserialize;
use serde_json::{Value, json};
use wb_dock::cap::{Failure, Prompt, Role, Tokens};

use super::{Part, Provider, malformed, words};

pub(super) fn write(provider: &Provider, model: &str, prompt: &Prompt) -> Value {
    let said = prompt.messages.iter().map(|message| {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({"role": role, "content": message.content})
    });
    let mut body = json!({
        "model": model,
        "max_tokens": prompt.max_tokens.unwrap_or(provider.max_tokens),
        "messages": said.collect::<Vec<Value>>(),
        "stream": provider.streaming,
    });
    if !prompt.system.is_empty() {
        body["system"] = json!(prompt.system);
    }
    if let Some(temperature) = prompt.temperature {
        body["temperature"] = json!(temperature);
    }
    if !prompt.stop.is_empty() {
        body["stop_sequences"] = json!(prompt.stop);
    }
    body
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockDelta {
        delta: Block,
    },
    MessageDelta {
        #[serde(default)]
        usage: Usage,
    },
    MessageStop,
    Error {
        error: Value,
    },
    /// Pings, and what later versions add.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    usage: Usage,
}

/// A piece of text; other kinds of pieces have none.
#[derive(Deserialize)]
struct Block {
    #[serde(default)]
    text: String,
}

#[derive(Default, Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input_tokens,
            output: usage.output_tokens,
        }
    }
}

pub(super) fn read(data: &str) -> Result<Part, Failure> {
    let event: Event = serde_json::from_str(data).map_err(|error| malformed(&error))?;
    let mut part = Part::default();
    match event {
        Event::MessageStart { message } => part.tokens = message.usage.into(),
        Event::ContentBlockDelta { delta } => part.text = delta.text,
        Event::MessageDelta { usage } => part.tokens = usage.into(),
        Event::MessageStop => part.last = true,
        Event::Error { error } => {
            let words = words(&json!({"error": error}));
            return Err(Failure::failed(format!("the model gave up: {words}")));
        }
        Event::Other => {}
    }
    Ok(part)
}

#[derive(Deserialize)]
struct Whole {
    content: Vec<Block>,
    #[serde(default)]
    usage: Usage,
}

pub(super) fn read_whole(body: &[u8]) -> Result<Part, Failure> {
    let whole: Whole = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    Ok(Part {
        text: whole.content.into_iter().map(|block| block.text).collect(),
        tokens: whole.usage.into(),
        last: true,
    })
}
