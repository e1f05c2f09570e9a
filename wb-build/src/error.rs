use std::collections::BTreeSet;
use std::fmt;

use crate::diagnose::{Diagnostic, Severity};
use crate::naming::Naming;

/// A build operation that failed.
///
/// What is wrong with somebody's source travels inside, as
/// [`Diagnostic`]s; see [`Error::diagnostics`].
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

impl Error {
    /// What failed, to match on.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// What failed, taken out of the error.
    pub fn into_kind(self) -> ErrorKind {
        *self.0
    }

    /// A short stable name, such as `build/rejected`.
    pub fn code(&self) -> &'static str {
        match self.kind() {
            ErrorKind::Lock { .. } => "build/lock",
            ErrorKind::UnknownPack { .. } => "build/unknown-pack",
            ErrorKind::Missing { .. } => "build/not-installed",
            ErrorKind::Corrupt { .. } => "build/corrupt",
            ErrorKind::Archive { .. } => "build/archive",
            ErrorKind::Rejected { .. } => "build/rejected",
            ErrorKind::Crashed { .. } => "build/compiler-crashed",
            ErrorKind::Limit { .. } => "build/limit",
            ErrorKind::Output { .. } => "build/no-output",
            ErrorKind::Drifted { .. } => "build/not-reproducible",
            ErrorKind::Layout { .. } => "build/layout",
            ErrorKind::Unsupported { .. } => "build/unsupported",
            ErrorKind::Dependency { .. } => "build/dependency",
            ErrorKind::Fetch { .. } => "build/fetch",
            ErrorKind::Host { .. } => "build/host",
        }
    }

    /// The findings about the source; empty when the fault lies elsewhere.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self.kind() {
            ErrorKind::Rejected { diagnostics, .. }
            | ErrorKind::Crashed { diagnostics, .. }
            | ErrorKind::Layout { diagnostics } => diagnostics,
            _ => &[],
        }
    }
}

impl Error {
    pub(crate) fn diagnostics_mut(&mut self) -> &mut [Diagnostic] {
        match &mut *self.0 {
            ErrorKind::Rejected { diagnostics, .. }
            | ErrorKind::Crashed { diagnostics, .. }
            | ErrorKind::Layout { diagnostics } => diagnostics,
            _ => &mut [],
        }
    }

    /// The same error, whose findings call files as `naming` does: for what
    /// [`lane::plan`](crate::lane::plan) and
    /// [`lane::inline_tree`](crate::lane::inline_tree) refuse.
    #[must_use]
    pub fn named(mut self, naming: &Naming) -> Self {
        for finding in self.diagnostics_mut() {
            naming.finding(finding, &BTreeSet::new());
        }
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            ErrorKind::Host { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// What failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The lock of toolchains cannot be read.
    #[error("toolchain lock: {message}")]
    Lock {
        /// What is wrong with it.
        message: String,
    },
    /// No pack has this name.
    #[error("no toolchain pack `{name}`, there are: {}", known.join(", "))]
    UnknownPack {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A pack that a plan needs is not installed.
    #[error("toolchain pack `{pack}` is not installed")]
    Missing {
        /// The pack.
        pack: String,
    },
    /// Bytes do not have the digest they are pinned to.
    #[error("{what} has {found}, expected {expected}")]
    Corrupt {
        /// Which bytes, in words.
        what: String,
        /// The digest or size found.
        found: String,
        /// The digest or size pinned.
        expected: String,
    },
    /// An archive is malformed or tries to leave its folder.
    #[error("{what}: {message}")]
    Archive {
        /// Which archive, in words.
        what: String,
        /// What is wrong with it.
        message: String,
    },
    /// A compiler refused the source.
    #[error("{step}: {}", count(diagnostics))]
    Rejected {
        /// The label of the first step that failed.
        step: String,
        /// What the compilers said, in the order of the plan's steps.
        diagnostics: Vec<Diagnostic>,
    },
    /// A compiler ended in a trap instead of an answer.
    #[error("{step}: the compiler crashed ({reason})")]
    Crashed {
        /// The label of the step.
        step: String,
        /// The trap.
        reason: String,
        /// What it had said before.
        diagnostics: Vec<Diagnostic>,
    },
    /// A compiler reached one of its limits.
    #[error("{step}: {limit}")]
    Limit {
        /// The label of the step.
        step: String,
        /// Which limit, with its size.
        limit: String,
    },
    /// A compiler said it succeeded and left no output.
    #[error("{step}: no output `{output}`")]
    Output {
        /// The label of the step.
        step: String,
        /// The file that was expected.
        output: String,
    },
    /// A pack built here differs from the digest in the lock.
    #[error("`{what}` was built as {found}, the lock expects {expected}")]
    Drifted {
        /// The member of the pack.
        what: String,
        /// The digest built.
        found: String,
        /// The digest pinned.
        expected: String,
    },
    /// The source tree is not laid out as its lane wants it.
    #[error("{}", first(diagnostics))]
    Layout {
        /// The findings.
        diagnostics: Vec<Diagnostic>,
    },
    /// A form of source, or a language, that this version does not build.
    #[error("{what}: {reason}")]
    Unsupported {
        /// What was asked for, in backticks where it is the user's word.
        what: String,
        /// Why not, and what works instead.
        reason: String,
    },
    /// A dependency cannot be used.
    #[error("dependency `{name}`: {message}")]
    Dependency {
        /// Name, and version where it is known.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// Something could not be fetched.
    #[error("{what}: {message}")]
    Fetch {
        /// What was asked for.
        what: String,
        /// What went wrong.
        message: String,
    },
    /// A part of the host that the build calls failed.
    #[error("{what}")]
    Host {
        /// What was attempted.
        what: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn count(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .count();
    match errors {
        0 => "the compiler refused the source without saying why".to_owned(),
        1 => "1 error".to_owned(),
        n => format!("{n} errors"),
    }
}

fn first(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .first()
        .map_or_else(|| "nothing to build".to_owned(), ToString::to_string)
}
