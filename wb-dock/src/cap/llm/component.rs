//! `workbooks:dock/llm`.

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use super::{Message, Prompt, Role, Tokens};
use crate::component::typed::{Store, interface, told};
use crate::guest::Guest;

/// An answer under way: its handle is the number in the guest's slab.
struct Completion;

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by lifting alone")]
enum WitRole {
    #[component(name = "user")]
    User,
    #[component(name = "assistant")]
    Assistant,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct WitMessage {
    role: WitRole,
    content: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct WitPrompt {
    model: Option<String>,
    system: Option<String>,
    messages: Vec<WitMessage>,
    #[component(name = "max-tokens")]
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    stop: Vec<String>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct WitTokens {
    input: u64,
    output: u64,
}

impl From<WitPrompt> for Prompt {
    fn from(prompt: WitPrompt) -> Self {
        let message = |message: WitMessage| Message {
            role: match message.role {
                WitRole::User => Role::User,
                WitRole::Assistant => Role::Assistant,
            },
            content: message.content,
        };
        Self {
            model: prompt.model.unwrap_or_default(),
            system: prompt.system.unwrap_or_default(),
            messages: prompt.messages.into_iter().map(message).collect(),
            max_tokens: prompt.max_tokens,
            temperature: prompt.temperature,
            stop: prompt.stop,
        }
    }
}

impl From<Tokens> for WitTokens {
    fn from(tokens: Tokens) -> Self {
        Self {
            input: tokens.input,
            output: tokens.output,
        }
    }
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut llm = linker.instance(&interface("llm"))?;
    llm.resource(
        "completion",
        ResourceType::host::<Completion>(),
        |mut store, handle| {
            store
                .data_mut()
                .client
                .handles
                .llm
                .remove(handle)
                .map(drop)?;
            Ok(())
        },
    )?;
    llm.func_wrap("complete", |store: Store<'_>, (prompt,): (WitPrompt,)| {
        told(super::complete(&store.data().client, &prompt.into()))
    })?;
    llm.func_wrap("open", |mut store: Store<'_>, (prompt,): (WitPrompt,)| {
        let handle = super::open(&mut store.data_mut().client, &prompt.into());
        told(handle.map(Resource::<Completion>::new_own))
    })?;
    llm.func_wrap(
        "[method]completion.next",
        |mut store: Store<'_>, (completion,): (Resource<Completion>,)| {
            told(super::next(&mut store.data_mut().client, completion.rep()))
        },
    )?;
    llm.func_wrap(
        "[method]completion.tokens",
        |mut store: Store<'_>, (completion,): (Resource<Completion>,)| {
            let tokens = super::tokens(&mut store.data_mut().client, completion.rep());
            told(tokens.map(WitTokens::from))
        },
    )
}
