use std::fmt;
use std::io;

use wb_policy::Tier;

/// Why a run in a tier gave no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the dock says: the same in every tier.
    #[error(transparent)]
    Dock(#[from] wb_dock::Error),
    /// Nobody said that this native binary may run.
    #[error("`{binary}` must not run natively: {reason}")]
    NotAllowed {
        /// Its name.
        binary: String,
        /// Who did not say so.
        reason: NotAllowed,
    },
    /// The machine has not what the tier needs.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The worker ended with a call under way.
    #[error("the worker of `{command}` died: {how}")]
    Died {
        /// What it ran.
        command: String,
        /// How it ended, as far as that is known.
        how: String,
    },
    /// The worker said something that no worker says.
    #[error("the worker of `{command}` does not keep to the protocol: {message}")]
    Protocol {
        /// What it ran.
        command: String,
        /// What it said instead.
        message: String,
    },
    /// A worker could not be started.
    #[error("no {tier} worker could be started: {message}")]
    Start {
        /// Which kind.
        tier: Tier,
        /// What the system or the runtime says.
        message: String,
    },
}

impl Error {
    /// The stable code, for example `tier/unavailable`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dock(error) => error.code(),
            Self::NotAllowed { .. } => "tier/not-allowed",
            Self::Unavailable(_) => "tier/unavailable",
            Self::Died { .. } => "tier/worker-died",
            Self::Protocol { .. } => "tier/protocol",
            Self::Start { .. } => "tier/start",
        }
    }

    pub(crate) fn start(tier: Tier, error: &io::Error) -> Self {
        let message = error.to_string();
        Self::Start { tier, message }
    }
}

/// Who has not allowed a native binary to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAllowed {
    /// The grant: manifest, profile or consent.
    #[error("the grant does not hold `posix`")]
    Grant,
    /// The deployer.
    #[error("the deployer has not opted in to it")]
    Deployer,
}

/// A tier that the machine has not, and how to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Which tier.
    pub tier: Tier,
    /// What is missing.
    pub missing: String,
    /// What the deployer can do about it.
    pub remedy: String,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tier, missing, .. } = self;
        write!(f, "the {tier} tier is not available here: {missing}; ")?;
        f.write_str(&self.remedy)
    }
}

impl std::error::Error for Unavailable {}
