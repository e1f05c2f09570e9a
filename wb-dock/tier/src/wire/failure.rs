use serde::{Deserialize, Serialize};
use wb_dock::{Error, ErrorKind};
use wb_policy::{Cap, Exceeded, Resource};

use super::Report;

/// An error of the dock as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Fault {
    Malformed(String),
    TooLarge(String, u64, u64),
    /// An import that was refused. Which, and why, the host finds out for itself.
    NotGranted(Vec<String>),
    ImportType(String),
    NotProvided(Cap, String),
    NotACommand(String),
    BadPath(String, String),
    BadArgument(String, String),
    Limit(WireResource, u64, u64, String),
    Trap(String, String),
    Busy(String),
    Engine(String),
}

/// A fault and what the guest had done until then.
pub(crate) type FaultOutcome = (Fault, Option<Report>);

/// [`Resource`] as it travels.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum WireResource {
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
            ErrorKind::Limit(exceeded) => Self::Limit(
                exceeded.resource.into(),
                exceeded.limit,
                exceeded.asked,
                exceeded.by.to_string(),
            ),
            ErrorKind::Trap { command, message } => Self::Trap(command.clone(), message.clone()),
            ErrorKind::Busy { command } => Self::Busy(command.clone()),
            other => Self::Engine(other.to_string()),
        }
    }
}

impl Fault {
    /// The error, as the host gives it on. `grant` and `profiles` explain imports
    /// that were refused, as they would be explained without a worker.
    pub(crate) fn into_error(
        self,
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
                    let (module, name) = import.split_once('.')?;
                    Some(wb_policy::Import::Core { module, name })
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
            Self::Limit(resource, limit, asked, by) => ErrorKind::Limit(Exceeded {
                resource: resource.into(),
                limit,
                asked,
                by: by.into(),
            }),
            Self::Trap(command, message) => ErrorKind::Trap { command, message },
            Self::Busy(command) => ErrorKind::Busy { command },
            Self::Engine(message) => ErrorKind::Engine { message },
        };
        kind.into()
    }
}
