use serde::{Deserialize, Serialize};
use wb_dock::{Error, ErrorKind};
use wb_policy::{Cap, Exceeded, Import, Resource};

use super::{Report, list};
use crate::Contract;

/// An error of the dock as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Fault {
    Malformed(String),
    TooLarge(String, u64, u64),
    /// An import that was refused. Which, and why, the host finds out for itself.
    NotGranted(#[serde(deserialize_with = "list::at_most::<_, _, { list::LISTED }>")] Vec<String>),
    ImportType(String),
    NotProvided(Cap, String),
    NotACommand(String),
    NoSuchFunction(
        String,
        #[serde(deserialize_with = "list::at_most::<_, _, { list::LISTED }>")] Vec<String>,
    ),
    BadCall(String, String),
    Exited(String, i32),
    NotAKernel(String),
    KernelFailed(String, i32),
    BadFrame(String, String),
    NoFrames(String),
    BadPath(String, String),
    BadArgument(String, String),
    Limit(WireExceeded),
    Trap(String, String),
    Busy(String),
    Engine(String),
}

/// A fault and what the guest had done until then.
pub(crate) type FaultOutcome = (Fault, Option<Report>);

/// [`Exceeded`] as it travels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireExceeded {
    resource: WireResource,
    limit: u64,
    asked: u64,
    by: String,
}

impl From<&Exceeded> for WireExceeded {
    fn from(exceeded: &Exceeded) -> Self {
        Self {
            resource: exceeded.resource.into(),
            limit: exceeded.limit,
            asked: exceeded.asked,
            by: exceeded.by.to_string(),
        }
    }
}

impl From<WireExceeded> for Exceeded {
    fn from(wire: WireExceeded) -> Self {
        Self {
            resource: wire.resource.into(),
            limit: wire.limit,
            asked: wire.asked,
            by: wire.by.into(),
        }
    }
}

/// [`Resource`] as it travels.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum WireResource {
    Memory,
    Wall,
    Fuel,
    Output,
    HostCalls,
    Egress,
    Children,
}

impl From<Resource> for WireResource {
    fn from(resource: Resource) -> Self {
        match resource {
            Resource::Memory => Self::Memory,
            Resource::Fuel => Self::Fuel,
            Resource::Output => Self::Output,
            Resource::HostCalls => Self::HostCalls,
            Resource::Egress => Self::Egress,
            Resource::Children => Self::Children,
            _ => Self::Wall,
        }
    }
}

impl From<WireResource> for Resource {
    fn from(wire: WireResource) -> Self {
        match wire {
            WireResource::Memory => Self::Memory,
            WireResource::Wall => Self::Wall,
            WireResource::Fuel => Self::Fuel,
            WireResource::Output => Self::Output,
            WireResource::HostCalls => Self::HostCalls,
            WireResource::Egress => Self::Egress,
            WireResource::Children => Self::Children,
        }
    }
}

impl From<&ErrorKind> for Fault {
    fn from(kind: &ErrorKind) -> Self {
        match kind {
            ErrorKind::Malformed { message } => Self::Malformed(message.clone()),
            ErrorKind::TooLarge {
                what,
                found,
                wanted,
            } => Self::TooLarge(what.clone().into_owned(), *found, *wanted),
            ErrorKind::NotGranted { denied } => {
                Self::NotGranted(denied.iter().map(|denial| denial.import.clone()).collect())
            }
            ErrorKind::ImportType { message } => Self::ImportType(message.clone()),
            ErrorKind::NotProvided { cap, import } => Self::NotProvided(*cap, import.clone()),
            ErrorKind::NotACommand { reason } => Self::NotACommand(reason.clone().into_owned()),
            ErrorKind::BadPath { path, reason } => {
                Self::BadPath(path.clone(), reason.clone().into_owned())
            }
            ErrorKind::BadArgument { argument, reason } => {
                Self::BadArgument(argument.clone(), reason.clone().into_owned())
            }
            ErrorKind::NoSuchFunction { name, found } => {
                Self::NoSuchFunction(name.clone(), found.clone())
            }
            ErrorKind::BadCall { function, reason } => {
                Self::BadCall(function.clone(), reason.clone())
            }
            ErrorKind::Exited { command, code } => Self::Exited(command.clone(), *code),
            ErrorKind::NotAKernel { reason } => Self::NotAKernel(reason.clone()),
            ErrorKind::KernelFailed { kernel, code } => Self::KernelFailed(kernel.clone(), *code),
            ErrorKind::BadFrame { kernel, reason } => {
                Self::BadFrame(kernel.clone(), reason.clone())
            }
            ErrorKind::NoFrames { reason } => Self::NoFrames(reason.clone()),
            ErrorKind::Limit(exceeded) => Self::Limit(exceeded.into()),
            ErrorKind::Trap { command, message } => Self::Trap(command.clone(), message.clone()),
            ErrorKind::Busy { command } => Self::Busy(command.clone()),
            other => Self::Engine(other.to_string()),
        }
    }
}

impl Fault {
    /// The error, as the host gives it on. `grant` and `profiles` explain imports of a
    /// program of this `contract` that were refused, as they would be explained without a
    /// worker.
    pub(crate) fn into_error(
        self,
        contract: &Contract,
        grant: &wb_policy::Grant,
        profiles: &wb_policy::Profiles,
    ) -> Error {
        let kind = match self {
            Self::Malformed(message) => ErrorKind::Malformed { message },
            Self::TooLarge(what, found, wanted) => ErrorKind::TooLarge {
                what: what.into(),
                found,
                wanted,
            },
            Self::NotGranted(imports) => {
                let imports = imports.iter().filter_map(|import| {
                    if *contract == Contract::Component {
                        return Some(Import::Component(import));
                    }
                    let (module, name) = import.split_once('.')?;
                    Some(Import::Core { module, name })
                });
                ErrorKind::NotGranted {
                    denied: wb_policy::denied_imports(imports, grant, profiles),
                }
            }
            Self::ImportType(message) => ErrorKind::ImportType { message },
            Self::NotProvided(cap, import) => ErrorKind::NotProvided { cap, import },
            Self::NotACommand(reason) => ErrorKind::NotACommand {
                reason: reason.into(),
            },
            Self::BadPath(path, reason) => ErrorKind::BadPath {
                path,
                reason: reason.into(),
            },
            Self::BadArgument(argument, reason) => ErrorKind::BadArgument {
                argument,
                reason: reason.into(),
            },
            Self::NoSuchFunction(name, found) => ErrorKind::NoSuchFunction { name, found },
            Self::BadCall(function, reason) => ErrorKind::BadCall { function, reason },
            Self::Exited(command, code) => ErrorKind::Exited { command, code },
            Self::NotAKernel(reason) => ErrorKind::NotAKernel { reason },
            Self::KernelFailed(kernel, code) => ErrorKind::KernelFailed { kernel, code },
            Self::BadFrame(kernel, reason) => ErrorKind::BadFrame { kernel, reason },
            Self::NoFrames(reason) => ErrorKind::NoFrames { reason },
            Self::Limit(exceeded) => ErrorKind::Limit(exceeded.into()),
            Self::Trap(command, message) => ErrorKind::Trap { command, message },
            Self::Busy(command) => ErrorKind::Busy { command },
            Self::Engine(message) => ErrorKind::Engine { message },
        };
        kind.into()
    }
}
