use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wb_dock::cap::{
    Completion, Failure, Llm, Principal, Prompt, Request, Response, Timeouts, Tokens,
};
use zeroize::Zeroizing;

use crate::egress::Target;
use crate::fill::Keys;
use crate::http::body::failure_of;
use crate::http::{HttpClient, HttpLimits, Reach};

mod anthropic;
mod openai;
mod sse;

use sse::Events;

/// Language models over HTTP, in the formats of `OpenAI` and Anthropic.
///
/// The key is put in by the host where the request leaves; neither guest nor prompt can name
/// it, and answers are cleared of it. Templates for secrets in a prompt are not filled.
///
/// # Examples
///
/// ```
/// use wb_services::{Egress, Format, HttpClient, HttpLlm, Provider, Tls};
///
/// // A model on this machine, without a key: the deployer opens loopback for it alone.
/// let egress = Egress::public().allow("127.0.0.1".parse().unwrap());
/// let client = HttpClient::new(egress, Tls::system());
/// let provider = Provider::new(Format::OpenAi, "http://127.0.0.1:11434/v1", "qwen3");
/// let llm = HttpLlm::new(client, provider);
/// ```
#[derive(Clone)]
pub struct HttpLlm {
    client: HttpClient,
    provider: Provider,
    keys: Option<Arc<dyn Keys>>,
}

/// Where a model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    format: Format,
    base: String,
    model: String,
    key: Option<String>,
    streaming: bool,
    max_tokens: u32,
}

/// How requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Chat completions, which most servers speak.
    OpenAi,
    /// Anthropic's messages, version 2023-06-01.
    Anthropic,
}

impl Provider {
    /// A provider below the URL `base`, for example `https://api.openai.com/v1`, that is asked
    /// for `model` when a prompt names none.
    pub fn new(format: Format, base: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            format,
            base: base.into(),
            model: model.into(),
            key: None,
            streaming: true,
            max_tokens: 4096,
        }
    }

    /// Shows the host's key called `name`.
    #[must_use]
    pub fn key(mut self, name: impl Into<String>) -> Self {
        self.key = Some(name.into());
        self
    }

    /// Whether the answer is asked for as it is written; default: yes.
    #[must_use]
    pub fn streaming(mut self, streaming: bool) -> Self {
        self.streaming = streaming;
        self
    }

    /// Tokens to answer with when a prompt sets no limit; default: 4096. The format of
    /// `OpenAI` leaves that to the provider.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.max_tokens = max_tokens;
        self
    }

    fn url(&self) -> String {
        let base = self.base.trim_end_matches('/');
        match self.format {
            Format::OpenAi => format!("{base}/chat/completions"),
            Format::Anthropic => format!("{base}/messages"),
        }
    }

    fn write(&self, model: &str, prompt: &Prompt) -> serde_json::Value {
        match self.format {
            Format::OpenAi => openai::write(self, model, prompt),
            Format::Anthropic => anthropic::write(self, model, prompt),
        }
    }

    fn read(&self, data: &str) -> Result<Part, Failure> {
        match self.format {
            Format::OpenAi => openai::read(data),
            Format::Anthropic => anthropic::read(data),
        }
    }

    fn read_whole(&self, body: &[u8]) -> Result<Part, Failure> {
        match self.format {
            Format::OpenAi => openai::read_whole(body),
            Format::Anthropic => anthropic::read_whole(body),
        }
    }
}

type Headers = Vec<(String, Bytes)>;
type Key = Zeroizing<Vec<u8>>;

impl HttpLlm {
    /// Models of `provider`, reached through `client`. An answer may take ten minutes, if the
    /// run lasts that long.
    pub fn new(client: HttpClient, provider: Provider) -> Self {
        let limits = HttpLimits {
            time: Duration::from_mins(10),
            ..client.limits_of()
        };
        Self {
            client: client.limits(limits),
            provider,
            keys: None,
        }
    }

    /// Takes the provider's key from `keys`.
    #[must_use]
    pub fn keys(mut self, keys: Arc<dyn Keys>) -> Self {
        self.keys = Some(keys);
        self
    }

    /// The header fields of a request, and the key in them.
    fn headers(&self, url: &str) -> Result<(Headers, Vec<Key>), Failure> {
        let field = |name: &str, value: &[u8]| (name.to_owned(), Bytes::copy_from_slice(value));
        let mut headers = vec![
            field("content-type", b"application/json"),
            field("accept", b"text/event-stream, application/json"),
        ];
        if self.provider.format == Format::Anthropic {
            headers.push(field("anthropic-version", b"2023-06-01"));
        }
        let Some(name) = &self.provider.key else {
            return Ok((headers, Vec::new()));
        };
        let keys = self.keys.as_ref();
        let keys =
            keys.ok_or_else(|| Failure::unavailable("this host keeps no key to its model"))?;
        let key = keys.key(name, Target::parse(url)?.origin())?;
        headers.push(match self.provider.format {
            Format::OpenAi => field("authorization", &[b"Bearer ", key.as_slice()].concat()),
            Format::Anthropic => field("x-api-key", &key),
        });
        Ok((headers, vec![key]))
    }
}

impl Llm for HttpLlm {
    fn complete(
        &self,
        who: &Principal<'_>,
        prompt: &Prompt,
    ) -> Result<Box<dyn Completion>, Failure> {
        let model = match prompt.model.as_str() {
            "" => &self.provider.model,
            named => named,
        };
        if !who.grant().scopes().llm.permits(model) {
            let shown: String = model.escape_debug().take(64).collect();
            return Err(Failure::refused(format!(
                "the model `{shown}` is not within the reach of the grant"
            )));
        }
        check(prompt)?;
        let url = self.provider.url();
        let (headers, keys) = self.headers(&url)?;
        let request = Request {
            method: "POST".into(),
            headers,
            body: self.provider.write(model, prompt).to_string().into(),
            url,
            timeouts: Timeouts::default(),
            redirects: 0,
        };
        let response = self.client.exchange(who, request, Reach::Host, keys)?;
        if response.status != 200 {
            return Err(refusal(response));
        }
        let is_stream = response.headers.iter().any(|(name, value)| {
            name == "content-type" && value.to_ascii_lowercase().starts_with(b"text/event-stream")
        });
        let mut answer = Answer {
            provider: self.provider.clone(),
            body: None,
            events: Events::default(),
            tokens: Tokens::default(),
            whole: None,
        };
        let mut reader = response.body;
        if is_stream {
            answer.body = Some(reader);
        } else {
            let mut body = Vec::new();
            reader
                .read_to_end(&mut body)
                .map_err(|error| failure_of(&error))?;
            let part = self.provider.read_whole(&body)?;
            answer.tokens = part.tokens;
            answer.whole = Some(part.text);
        }
        Ok(Box::new(answer))
    }
}

impl fmt::Debug for HttpLlm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLlm")
            .field("provider", &self.provider)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// What one event, or a whole answer, says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Part {
    text: String,
    /// Zero where it does not say.
    tokens: Tokens,
    /// Whether the answer ends here.
    last: bool,
}

/// An answer that is being written.
struct Answer {
    provider: Provider,
    /// Gone once the answer has ended, well or not.
    body: Option<Box<dyn Read + Send>>,
    events: Events,
    tokens: Tokens,
    whole: Option<String>,
}

impl Answer {
    fn note(&mut self, tokens: Tokens) {
        // Providers repeat and raise their counts; none lowers one.
        self.tokens.input = self.tokens.input.max(tokens.input);
        self.tokens.output = self.tokens.output.max(tokens.output);
    }

    fn read_on(&mut self) -> Result<Option<String>, Failure> {
        let mut buffer = [0; 4 << 10];
        loop {
            while let Some(event) = self.events.next() {
                let part = self.provider.read(&event)?;
                self.note(part.tokens);
                if part.last {
                    return Ok(None);
                }
                if !part.text.is_empty() {
                    return Ok(Some(part.text));
                }
            }
            let Some(body) = &mut self.body else {
                return Ok(None);
            };
            match body.read(&mut buffer).map_err(|error| failure_of(&error))? {
                0 => return Err(Failure::failed("the model's answer was cut off")),
                read => self.events.push(&buffer[..read])?,
            }
        }
    }
}

impl Completion for Answer {
    fn next(&mut self, _: &Principal<'_>) -> Result<Option<String>, Failure> {
        if let Some(whole) = self.whole.take().filter(|whole| !whole.is_empty()) {
            return Ok(Some(whole));
        }
        if self.body.is_none() {
            return Ok(None);
        }
        let next = self.read_on();
        if !matches!(next, Ok(Some(_))) {
            self.body = None;
        }
        next
    }

    fn tokens(&self) -> Tokens {
        self.tokens
    }
}

fn check(prompt: &Prompt) -> Result<(), Failure> {
    if prompt.messages.is_empty() {
        return Err(Failure::bad_request(
            "the prompt has no message; it needs at least one",
        ));
    }
    if prompt
        .temperature
        .is_some_and(|t| !(0.0..=2.0).contains(&t))
    {
        return Err(Failure::bad_request("the temperature must be from 0 to 2"));
    }
    Ok(())
}

/// Why the provider did not answer, with its own words.
fn refusal(response: Response) -> Failure {
    let mut body = Vec::new();
    // Words that cannot be read do not change what the status says.
    let _ = response.body.take(64 << 10).read_to_end(&mut body);
    let value: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let words = words(&value);
    let status = response.status;
    match status {
        400 | 404 | 413 | 422 => {
            Failure::bad_request(format!("the model refuses the prompt: {words}"))
        }
        401 | 403 => Failure::unavailable(format!("the model refuses the host's key: {words}")),
        429 => Failure::limit(format!("the model is asked too often: {words}")),
        500.. => Failure::unavailable(format!("the model is not available ({status}): {words}")),
        _ => Failure::failed(format!("the model answers with status {status}: {words}")),
    }
}

/// The provider's message in an error of either format, short and without control characters.
fn words(value: &serde_json::Value) -> String {
    let error = &value["error"];
    let message = error["message"].as_str().or(error.as_str());
    let message = message
        .or(value["message"].as_str())
        .unwrap_or("no reason given");
    let visible = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    visible.take(500).collect()
}

/// What the provider sent is not what its format says.
fn malformed(error: &serde_json::Error) -> Failure {
    Failure::failed(format!("what the model answers cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
