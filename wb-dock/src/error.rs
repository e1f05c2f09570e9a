use std::borrow::Cow;
use std::fmt;

use wb_policy::{Cap, Denial, DenialReason, Exceeded};

use crate::outcome::Outcome;

/// Why the dock did not do what it was asked.
///
/// A guest that ran and exited, with whatever code, is no error: its code is in
/// the [`Outcome`].
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    outcome: Option<Outcome>,
}

/// The kinds of [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are no valid core module, or no valid component.
    Malformed {
        /// What is wrong, and where.
        message: String,
    },
    /// The module is larger than the limits for compiling allow.
    TooLarge {
        /// What there is too much of.
        what: Cow<'static, str>,
        /// How much there is.
        found: u64,
        /// How much there may be.
        wanted: u64,
    },
    /// The module imports what the grant does not cover.
    NotGranted {
        /// Each import that is refused, with the reason.
        denied: Vec<Denial>,
    },
    /// The module imports a function under another type than it has.
    ImportType {
        /// What the engine says about it.
        message: String,
    },
    /// The host left a granted capability without anything behind it.
    NotProvided {
        /// The capability.
        cap: Cap,
        /// The import that needs it.
        import: String,
    },
    /// The module has not the exports of a command.
    NotACommand {
        /// What is missing.
        reason: Cow<'static, str>,
    },
    /// The component has no such function.
    NoSuchFunction {
        /// The name asked for.
        name: String,
        /// The names it has.
        found: Vec<String>,
    },
    /// A function was called with values that it does not take, or as another type.
    BadCall {
        /// The function.
        function: String,
        /// What was found, then what was wanted.
        reason: String,
    },
    /// The component ended itself with an exit code where a value was wanted.
    Exited {
        /// The command that ran.
        command: String,
        /// The exit code.
        code: i32,
    },
    /// The instance crashed, exited or ran into a limit before: make a new one.
    InstanceOver {
        /// The command that ran.
        command: String,
    },
    /// The module has not the exports of a kernel.
    NotAKernel {
        /// What is missing, or has another type.
        reason: String,
    },
    /// A kernel returned an error of its own.
    KernelFailed {
        /// The kernel.
        kernel: String,
        /// What it returned instead of a length; below 0.
        code: i32,
    },
    /// A frame is not within the buffer or the memory that it is said to be in.
    BadFrame {
        /// The kernel.
        kernel: String,
        /// What is outside of what.
        reason: String,
    },
    /// There is no shared arena for frames.
    NoFrames {
        /// Why not.
        reason: String,
    },
    /// Kernels are not connected to a graph that can be run.
    BadGraph {
        /// What is wrong with it.
        reason: String,
    },
    /// A path of a mount or an image cannot be used.
    BadPath {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
    /// An argument or environment variable cannot be passed to a guest.
    BadArgument {
        /// The argument as given.
        argument: String,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
    /// A limit was reached and the guest was stopped.
    Limit(Exceeded),
    /// The guest did something that wasm forbids.
    Trap {
        /// The command that ran.
        command: String,
        /// What it did, in the engine's words.
        message: String,
    },
    /// All instances of the pool are in use.
    Busy {
        /// The command that was not started.
        command: String,
    },
    /// The engine refused its configuration or could not make an instance.
    Engine {
        /// What the engine says.
        message: String,
    },
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The stable code, for example `dock/not-granted`: `dock/` and the name of the kind, but
    /// for [`ErrorKind::Limit`], which has the code of the [`Exceeded`], and for imports that
    /// nobody knows, which are `dock/unknown-import`.
    pub fn code(&self) -> &'static str {
        match self.kind() {
            ErrorKind::Malformed { .. } => "dock/malformed",
            ErrorKind::TooLarge { .. } => "dock/too-large",
            ErrorKind::NotGranted { denied }
                if denied
                    .iter()
                    .all(|denial| denial.reason == DenialReason::Unknown) =>
            {
                "dock/unknown-import"
            }
            ErrorKind::NotGranted { .. } => "dock/not-granted",
            ErrorKind::ImportType { .. } => "dock/import-type",
            ErrorKind::NotProvided { .. } => "dock/not-provided",
            ErrorKind::NotACommand { .. } => "dock/not-a-command",
            ErrorKind::NoSuchFunction { .. } => "dock/no-such-function",
            ErrorKind::BadCall { .. } => "dock/bad-call",
            ErrorKind::Exited { .. } => "dock/exited",
            ErrorKind::InstanceOver { .. } => "dock/instance-over",
            ErrorKind::NotAKernel { .. } => "dock/not-a-kernel",
            ErrorKind::KernelFailed { .. } => "dock/kernel-failed",
            ErrorKind::BadFrame { .. } => "dock/bad-frame",
            ErrorKind::NoFrames { .. } => "dock/no-frames",
            ErrorKind::BadGraph { .. } => "dock/bad-graph",
            ErrorKind::BadPath { .. } => "dock/bad-path",
            ErrorKind::BadArgument { .. } => "dock/bad-argument",
            ErrorKind::Limit(exceeded) => exceeded.code(),
            ErrorKind::Trap { .. } => "dock/trap",
            ErrorKind::Busy { .. } => "dock/busy",
            ErrorKind::Engine { .. } => "dock/engine",
        }
    }

    /// What a stopped guest had written until then, and what it had used; none when it was
    /// not started, and of kernels.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.0.outcome.as_ref()
    }

    pub(crate) fn outcome_mut(&mut self) -> Option<&mut Outcome> {
        self.0.outcome.as_mut()
    }

    /// The same error with what the guest had written and used: for runners whose
    /// guests are in another process.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = Some(outcome);
        self
    }

    pub(crate) fn no_ticker(error: &std::io::Error) -> Self {
        ErrorKind::Engine {
            message: format!("no thread to watch the time: {error}"),
        }
        .into()
    }

    pub(crate) fn engine(error: &wasmtime::Error) -> Self {
        ErrorKind::Engine {
            message: format!("{error:#}"),
        }
        .into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            outcome: None,
        }))
    }
}

impl From<Exceeded> for Error {
    fn from(exceeded: Exceeded) -> Self {
        ErrorKind::Limit(exceeded).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { message } => write!(f, "not valid wasm: {message}"),
            Self::TooLarge {
                what,
                found,
                wanted,
            } => write!(
                f,
                "module too large: {found} {what}, at most {wanted} allowed"
            ),
            Self::NotGranted { denied } => {
                for (i, denial) in denied.iter().enumerate() {
                    if i > 0 {
                        f.write_str("\n")?;
                    }
                    denial.fmt(f)?;
                }
                Ok(())
            }
            Self::ImportType { message } => write!(f, "an import has the wrong type: {message}"),
            Self::NotProvided { cap, import } => write!(
                f,
                "import `{import}` is granted and needs `{cap}`, which this host does not provide"
            ),
            Self::NotACommand { reason } => write!(f, "not a command: {reason}"),
            Self::NoSuchFunction { name, found } if found.is_empty() => {
                write!(f, "no function `{name}`: the component exports none")
            }
            Self::NoSuchFunction { name, found } => {
                write!(f, "no function `{name}`, there is `{}`", found.join("`, `"))
            }
            Self::BadCall { function, reason } => {
                write!(f, "`{function}` cannot be called so: {reason}")
            }
            Self::Exited { command, code } => {
                write!(
                    f,
                    "`{command}` exited with code {code} instead of returning a value"
                )
            }
            Self::InstanceOver { command } => {
                write!(
                    f,
                    "`{command}` cannot be called again: this instance has ended"
                )
            }
            Self::NotAKernel { reason } => write!(f, "not a kernel: {reason}"),
            Self::KernelFailed { kernel, code } => {
                write!(f, "kernel `{kernel}` failed with {code}")
            }
            Self::BadFrame { kernel, reason } => write!(f, "kernel `{kernel}`: {reason}"),
            Self::NoFrames { reason } => write!(f, "no shared arena for frames: {reason}"),
            Self::BadGraph { reason } => write!(f, "not a graph that can be run: {reason}"),
            Self::BadPath { path, reason } => write!(f, "path `{path}` cannot be used: {reason}"),
            Self::BadArgument { argument, reason } => {
                write!(
                    f,
                    "argument `{}` cannot be used: {reason}",
                    argument.escape_debug()
                )
            }
            Self::Limit(exceeded) => exceeded.fmt(f),
            Self::Trap { command, message } => write!(f, "`{command}` crashed: {message}"),
            Self::Busy { command } => {
                write!(
                    f,
                    "no room to run `{command}`: every instance of the pool is in use"
                )
            }
            Self::Engine { message } => write!(f, "engine: {message}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            ErrorKind::Limit(exceeded) => Some(exceeded),
            _ => None,
        }
    }
}
