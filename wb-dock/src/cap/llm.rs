use super::{Failure, Principal};

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

/// What to answer.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prompt {
    /// The model; the host's default if empty.
    pub model: String,
    /// What the model is told about its task.
    pub system: String,
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// Most tokens to answer with.
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
    /// Read by the model.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
}
