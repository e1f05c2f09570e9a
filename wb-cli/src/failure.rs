use serde_json::Value;
use wb_host::ErrorKind;
use wb_policy::Resource;
use wb_registry::federation::FederationError;
use wb_registry::{BindError, InstallError, RollbackError};

use crate::exit::Exit;
use crate::verb::toolkit::draw_faults;

/// What a verb has to say when it failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Stable name, such as `registry/reserved-name`.
    pub(crate) code: String,
    /// One sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// Whether the same command may succeed later.
    pub(crate) retryable: bool,
    /// How the process ends.
    pub(crate) exit: Exit,
    /// Drawn findings that go before the message.
    pub(crate) details: String,
    /// The findings for programs.
    pub(crate) data: Option<Value>,
    /// Whether the details say already what the message does.
    pub(crate) told: bool,
    /// Whether the message stands alone, without `error` in front.
    pub(crate) verbatim: bool,
}

impl Failure {
    /// A failure with its code and exit code.
    pub(crate) fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            hint: None,
            retryable: false,
            exit,
            details: String::new(),
            data: None,
            told: false,
            verbatim: false,
        }
    }

    /// The same failure with advice.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure, its message printed as it stands.
    #[must_use]
    pub(crate) fn verbatim(mut self) -> Self {
        self.verbatim = true;
        self
    }

    /// A command line that parses and yet makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "cli/usage", message)
    }
}

impl From<wb_host::Error> for Failure {
    fn from(error: wb_host::Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Exists { .. }
            | ErrorKind::Bind(BindError::Held { .. })
            | ErrorKind::Rollback(RollbackError::Live { .. }) => Exit::Conflict,
            ErrorKind::NotFound { .. }
            | ErrorKind::NoSuchToolkit { .. }
            | ErrorKind::NoSuchTask { .. }
            | ErrorKind::NoSuchVersion { .. }
            | ErrorKind::Federation(FederationError::NoSuchEntity { .. })
            | ErrorKind::NoSuchProfile { .. }
            | ErrorKind::Rollback(_) => Exit::NotFound,
            ErrorKind::NoSuchCommand { .. }
            | ErrorKind::NoSuchProgram { .. }
            | ErrorKind::BuiltInMissing { .. } => Exit::NoSuchCommand,
            ErrorKind::Refused { .. }
            | ErrorKind::Unsigned { .. }
            | ErrorKind::TaskNotGranted { .. }
            | ErrorKind::NativeRefused { .. }
            | ErrorKind::SourceNotGranted { .. }
            | ErrorKind::Tier(wb_tier::Error::Unavailable(_) | wb_tier::Error::NotAllowed { .. }) => {
                Exit::Refused
            }
            ErrorKind::Install(error) => of_install(error),
            ErrorKind::Build(failure) => of_build(&failure.error),
            ErrorKind::Dock(error) => of_dock(error),
            _ => Exit::Failed,
        };
        let details = match error.kind() {
            ErrorKind::BadConfig {
                fault: Some(fault), ..
            } => draw_faults(std::slice::from_ref(&**fault), Some("WB_HOME")),
            _ => String::new(),
        };
        Self {
            hint: error.hint(),
            retryable: error.retryable(),
            told: !details.is_empty(),
            details,
            ..Self::new(exit, error.code(), error.to_string())
        }
    }
}

/// For the verbs on compilers, which ask the installer itself.
impl From<wb_build::Error> for Failure {
    fn from(error: wb_build::Error) -> Self {
        let retryable = matches!(error.kind(), wb_build::ErrorKind::Fetch { .. });
        Self {
            retryable,
            ..Self::new(of_build(&error), error.code(), error.to_string())
        }
    }
}

fn of_build(error: &wb_build::Error) -> Exit {
    match error.kind() {
        wb_build::ErrorKind::UnknownPack { .. } => Exit::NotFound,
        wb_build::ErrorKind::Corrupt { .. } | wb_build::ErrorKind::Drifted { .. } => {
            Exit::Unverified
        }
        _ => Exit::Failed,
    }
}

fn of_install(error: &InstallError) -> Exit {
    match error {
        InstallError::Refused { .. } | InstallError::Imports { .. } | InstallError::Unsigned(_) => {
            Exit::Refused
        }
        InstallError::Pin { .. } | InstallError::BadSignature(_) => Exit::Unverified,
        _ => Exit::Failed,
    }
}

fn of_dock(error: &wb_dock::Error) -> Exit {
    match error.kind() {
        wb_dock::ErrorKind::NotGranted { .. } => Exit::Refused,
        wb_dock::ErrorKind::Limit(exceeded) if exceeded.resource == Resource::Wall => {
            Exit::TimeLimit
        }
        _ => Exit::Failed,
    }
}
