use std::fmt;

use crate::Span;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing needs to change.
    Note,
    /// Works, but probably not as meant.
    Warning,
    /// Must be changed before the text can be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A finding about somebody's text. Collected, never thrown.
///
/// Drawing it is left to whoever owns the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name of the fault, such as `manifest/unknown-cap`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found and what was wanted: lower case, no final stop.
    pub message: String,
    /// Where; empty at the start of the text when it is about all of it.
    pub span: Span,
    /// Other places that matter, such as the first of two definitions.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub hints: Vec<String>,
}

/// A further place of a [`Diagnostic`] and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there.
    pub text: String,
}

impl Diagnostic {
    /// A finding without labels and hints.
    pub fn new(
        severity: Severity,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        let (labels, hints) = (Vec::new(), Vec::new());
        Self {
            code,
            severity,
            message: message.into(),
            span,
            labels,
            hints,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }
}

/// The codes of this crate, each made by one function below.
pub const CODES: [&str; 7] = [
    "org/not-utf8",
    "org/too-large",
    "org/unclosed-block",
    "org/unclosed-drawer",
    "org/not-a-property",
    "org/markup-ignored",
    "org/deep-nesting",
];

pub(crate) fn not_utf8(span: Span, bytes: usize) -> Diagnostic {
    let message = format!("{bytes} bytes that are not utf-8, read as `?`");
    Diagnostic::new(Severity::Warning, "org/not-utf8", span, message).hint("save the file as utf-8")
}

pub(crate) fn too_large(found: usize, limit: usize) -> Diagnostic {
    let message = format!("a document of {found} bytes, expected at most {limit}");
    Diagnostic::new(Severity::Error, "org/too-large", Span::empty(0), message)
        .hint("the rest is not read")
}

pub(crate) fn unclosed_block(span: Span, name: &str) -> Diagnostic {
    let message = format!("the block `{name}` has no end in its section, read as text");
    let end = match name {
        ":" => "#+end:".to_owned(),
        _ => format!("#+end_{name}"),
    };
    Diagnostic::new(Severity::Warning, "org/unclosed-block", span, message)
        .hint(format!("add a line `{end}` before the next headline"))
}

pub(crate) fn unclosed_drawer(span: Span) -> Diagnostic {
    let message = "the drawer has no `:END:` in its section, read as text";
    Diagnostic::new(Severity::Warning, "org/unclosed-drawer", span, message)
        .hint("add a line `:END:` behind the last property")
}

pub(crate) fn not_a_property(span: Span) -> Diagnostic {
    let message = "a line in a properties drawer that is no property, expected `:KEY: value`";
    Diagnostic::new(Severity::Warning, "org/not-a-property", span, message)
}

pub(crate) fn markup_ignored(span: Span) -> Diagnostic {
    let message = "too much markup in one paragraph, read as plain text";
    Diagnostic::new(Severity::Warning, "org/markup-ignored", span, message)
        .hint("split the paragraph")
}

pub(crate) fn deep_nesting(span: Span, limit: usize) -> Diagnostic {
    let message = format!("nested deeper than {limit} levels, read as not nested");
    Diagnostic::new(Severity::Warning, "org/deep-nesting", span, message)
}
