//! Chat completions: the format of `OpenAI`, which most other servers speak too.

use serde::Deserialize;
use serde_json::{Value, json};
use wb_dock::cap::{Failure, Prompt, Role, Tokens};

use super::{Part, Provider, malformed, words};

pub(super) fn write(provider: &Provider, model: &str, prompt: &Prompt) -> Value {
    let system =
        (!prompt.system.is_empty()).then(|| json!({"role": "system", "content": prompt.system}));
    let said = prompt.messages.iter().map(|message| {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({"role": role, "content": message.content})
    });
    let messages: Vec<Value> = system.into_iter().chain(said).collect();
    let mut body = json!({"model": model, "messages": messages, "stream": provider.streaming});
    if provider.streaming {
        body["stream_options"] = json!({"include_usage": true});
    }
    if let Some(most) = prompt.max_tokens {
        // The inventor has renamed the field and refuses the old name for new models.
        let own = provider.base.starts_with("https://api.openai.com/");
        let name = if own {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        body[name] = json!(most);
    }
    if let Some(temperature) = prompt.temperature {
        body["temperature"] = json!(temperature);
    }
    if !prompt.stop.is_empty() {
        body["stop"] = json!(prompt.stop);
    }
    body
}

/// A chunk of a stream, or a whole answer: they differ in one name.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "message")]
    delta: Option<Delta>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Chunk {
    fn part(self) -> Result<Part, Failure> {
        if let Some(error) = self.error.filter(|error| !error.is_null()) {
            let words = words(&json!({"error": error}));
            return Err(Failure::failed(format!("the model gave up: {words}")));
        }
        let first = self.choices.into_iter().next();
        let text = first.and_then(|choice| choice.delta?.content);
        let tokens = self.usage.map(|usage| Tokens {
            input: usage.prompt_tokens,
            output: usage.completion_tokens,
        });
        Ok(Part {
            text: text.unwrap_or_default(),
            tokens: tokens.unwrap_or_default(),
            last: false,
        })
    }
}

pub(super) fn read(data: &str) -> Result<Part, Failure> {
    if data.trim() == "[DONE]" {
        return Ok(Part {
            last: true,
            ..Part::default()
        });
    }
    let chunk: Chunk = serde_json::from_str(data).map_err(|error| malformed(&error))?;
    chunk.part()
}

pub(super) fn read_whole(body: &[u8]) -> Result<Part, Failure> {
    let whole: Chunk = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    if whole.choices.is_empty() && whole.error.is_none() {
        return Err(Failure::failed("the model's answer has no choice in it"));
    }
    whole.part()
}
