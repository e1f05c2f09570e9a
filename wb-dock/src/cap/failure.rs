use std::fmt;

/// Why a service did not do what a guest asked: a kind for programs, words for people.
///
/// The guest sees both. The message names what was found and what was wanted, and
/// never a path, an address or a key of the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// In words.
    pub message: String,
}

/// What kind of failure. Core modules are told a number below zero, from -1 for the first to
/// -8 for the last; components the case of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// There is nothing of this name.
    NotFound,
    /// Runs would be nested deeper than allowed.
    TooDeep,
    /// Policy, a scope or the deployer forbids it.
    Refused,
    /// The request itself is wrong.
    BadRequest,
    /// It was tried and did not work.
    Failed,
    /// A limit on size, count or rate.
    Limit,
    /// The host has no such service, or it does not answer.
    Unavailable,
    /// It took too long.
    TimedOut,
}

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// [`FailureKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, message)
    }

    /// [`FailureKind::TooDeep`].
    pub fn too_deep(message: impl Into<String>) -> Self {
        Self::new(FailureKind::TooDeep, message)
    }

    /// [`FailureKind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, message)
    }

    /// [`FailureKind::BadRequest`].
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(FailureKind::BadRequest, message)
    }

    /// [`FailureKind::Failed`].
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// [`FailureKind::Limit`].
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Limit, message)
    }

    /// [`FailureKind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, message)
    }

    /// [`FailureKind::TimedOut`].
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self::new(FailureKind::TimedOut, message)
    }
}

impl FailureKind {
    /// The name of the case in the WIT files and in JSON, for example `not-found`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::TooDeep => "too-deep",
            Self::Refused => "refused",
            Self::BadRequest => "bad-request",
            Self::Failed => "failed",
            Self::Limit => "limit",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed-out",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
