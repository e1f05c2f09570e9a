use serde::Serialize;
use serde_json::Value;

use crate::exit::Exit;

/// What a verb has to say when it is done.
#[derive(Debug)]
pub(crate) struct Done {
    /// For people, on standard output; ends without a newline.
    pub(crate) text: String,
    /// For programs, in the envelope.
    pub(crate) data: Value,
    /// How the process ends.
    pub(crate) exit: Exit,
}

impl Done {
    /// A result with its words.
    ///
    /// Data that JSON cannot hold (a map whose keys are no strings) is left out.
    pub(crate) fn new(text: impl Into<String>, data: impl Serialize) -> Self {
        Self {
            text: text.into(),
            data: serde_json::to_value(data).unwrap_or_default(),
            exit: Exit::Done,
        }
    }
}
