use wasmtime::{Caller, Linker};
use wb_policy::Cap;

use super::{Failure, Principal};
use crate::client::{Call, Client, Received, Refusal, check_size};
use crate::guest::Guest;
use crate::import::{Answer, answer};

pub(crate) mod component;

/// Asks a language model. The key stays with the host.
pub trait Llm: Send + Sync {
    /// Starts to answer `prompt`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Refused`](super::FailureKind::Refused) for a model out of reach, and
    /// what [`Net::send`](super::Net::send) fails with.
    fn complete(
        &self,
        who: &Principal<'_>,
        prompt: &Prompt,
    ) -> Result<Box<dyn Completion>, Failure>;
}

/// An answer under way.
pub trait Completion: Send {
    /// The next piece of the answer, or nothing at its end; waits for it.
    ///
    /// # Errors
    ///
    /// As for [`Llm::complete`].
    fn next(&mut self, who: &Principal<'_>) -> Result<Option<String>, Failure>;

    /// What it has cost so far, as far as the provider says.
    fn tokens(&self) -> Tokens;
}

/// What to answer. Its texts have at most 4 MiB together, and it has at least one message.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prompt {
    /// The model; the host's default if empty.
    pub model: String,
    /// What the model is told about its task.
    pub system: String,
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// Most tokens to answer with; if none, as many as the service or its provider gives.
    pub max_tokens: Option<u32>,
    /// Randomness, from 0 to 2.
    pub temperature: Option<f32>,
    /// Strings that end the answer.
    pub stop: Vec<String>,
}

/// One part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tokens {
    /// Tokens that the model has read.
    pub input: u64,
    /// Tokens that the model has written.
    pub output: u64,
}

/// Longest prompt, in bytes.
const MAX_PROMPT: usize = 4 << 20;
/// Longest answer, in bytes.
const MAX_ANSWER: usize = 16 << 20;

impl Prompt {
    /// Reads a prompt that is JSON, or else one message of the user.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        check_size("the prompt", text.len(), MAX_PROMPT)?;
        if text.starts_with('{') {
            return serde_json::from_str(text)
                .map_err(|error| Failure::bad_request(format!("the prompt: {error}")));
        }
        Ok(Self {
            messages: vec![Message {
                role: Role::User,
                content: text.to_owned(),
            }],
            ..Self::default()
        })
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Failure> {
        if self.messages.is_empty() {
            return Err(Failure::bad_request("the prompt has no message"));
        }
        check_size("the prompt", self.len(), MAX_PROMPT)?;
        let fits = |temperature| (0.0..=2.0).contains(&temperature);
        if !self.temperature.is_none_or(fits) {
            return Err(Failure::bad_request("the temperature is from 0 to 2"));
        }
        let scope = &call.scopes().llm;
        if self.model.is_empty() && !scope.is_everything() {
            return Err(Failure::refused(
                "the grant reaches only some models, and the prompt names none",
            ));
        }
        let model = self.model.as_str();
        Call::in_reach(scope, model, format_args!("the model `{model}`"))
    }

    /// Bytes that the guest passes, without those of the encoding.
    fn len(&self) -> usize {
        let messages = self.messages.iter().map(|message| message.content.len());
        let stop = self.stop.iter().map(String::len);
        self.system.len() + messages.chain(stop).sum::<usize>()
    }
}

impl Received for Box<dyn Completion> {
    fn bytes(&self) -> usize {
        0
    }
}

/// The whole answer.
pub(crate) fn complete(client: &Client, prompt: &Prompt) -> Result<String, Refusal> {
    let call = client.call(Cap::Llm)?;
    let mut completion = begin(&call, prompt)?;
    let mut whole = String::new();
    while let Some(piece) = call.ask(0, |who| completion.next(who))? {
        whole.push_str(&piece);
        check_size("the answer", whole.len(), MAX_ANSWER)?;
    }
    Ok(whole)
}

/// Starts to answer, and returns a handle.
pub(crate) fn open(client: &mut Client, prompt: &Prompt) -> Result<u32, Refusal> {
    let (call, handles) = client.call_with_handles(Cap::Llm)?;
    handles.check_room()?;
    let completion = begin(&call, prompt)?;
    Ok(handles.llm.insert(completion))
}

fn begin(call: &Call<'_>, prompt: &Prompt) -> Result<Box<dyn Completion>, Refusal> {
    prompt.check(call)?;
    let llm = call.service(|services| &services.llm)?;
    call.ask(prompt.len(), |who| llm.complete(who, prompt))
}

/// The next piece of an answer, or nothing at its end.
pub(crate) fn next(client: &mut Client, handle: u32) -> Result<Option<String>, Refusal> {
    let (call, handles) = client.call_with_handles(Cap::Llm)?;
    let completion = handles.llm.get(handle)?;
    call.ask(0, |who| completion.next(who))
}

/// What an answer has cost so far.
pub(crate) fn tokens(client: &mut Client, handle: u32) -> Result<Tokens, Refusal> {
    let (_, handles) = client.call_with_handles(Cap::Llm)?;
    Ok(handles.llm.get(handle)?.tokens())
}

pub(crate) fn close(client: &mut Client, handle: u32) -> Result<(), Refusal> {
    let (_, handles) = client.call_with_handles(Cap::Llm)?;
    handles.llm.remove(handle)?;
    Ok(())
}

/// The core module `wb:llm`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:llm",
        "complete",
        |mut caller: Caller<'_, Guest>, ptr: u32, len: u32| {
            answer(
                &mut caller,
                |memory| Prompt::read(memory.text("the prompt", (ptr, len))?),
                |client, prompt| Ok(Answer::value(complete(client, &prompt)?)),
            )
        },
    )?;
    linker.func_wrap(
        "wb:llm",
        "open",
        |mut caller: Caller<'_, Guest>, ptr: u32, len: u32| {
            answer(
                &mut caller,
                |memory| Prompt::read(memory.text("the prompt", (ptr, len))?),
                |client, prompt| Ok(Answer::handle(open(client, &prompt)?)),
            )
        },
    )?;
    linker.func_wrap(
        "wb:llm",
        "next",
        |mut caller: Caller<'_, Guest>, handle: u32| {
            answer(
                &mut caller,
                |_| Ok(()),
                |client, ()| {
                    // A length of 0 is the end, so an empty piece is passed over.
                    loop {
                        match next(client, handle)? {
                            Some(piece) if piece.is_empty() => {}
                            piece => return Ok(Answer::value(piece.unwrap_or_default())),
                        }
                    }
                },
            )
        },
    )?;
    linker.func_wrap(
        "wb:llm",
        "close",
        |mut caller: Caller<'_, Guest>, handle: u32| {
            answer(
                &mut caller,
                |_| Ok(()),
                |client, ()| {
                    close(client, handle)?;
                    Ok(Answer::of(0))
                },
            )
        },
    )?;
    Ok(())
}
