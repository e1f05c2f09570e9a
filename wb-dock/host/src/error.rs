use std::fmt;
use std::io;

use bytes::Bytes;
use wb_manifest::{Diagnostic, RelPath, UnknownWord};
use wb_policy::{DenialReason, Refused, Resource, Shape};
use wb_registry::federation::FederationError;
use wb_registry::{BindError, BundleError, InstallError, NameError, RollbackError, StoreError};

use crate::nexus::BuildFailure;

/// An operation on this machine that failed.
///
/// Names in a message are relative to the nexus or to the tree that was walked:
/// no path of the machine is ever shown.
pub struct Error(Box<ErrorKind>);

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused a file operation.
    #[error("cannot {action} `{name}`: {}", reason(source))]
    Io {
        /// The verb, in the user's words: read, write, lock.
        action: &'static str,
        /// The file, relative to the nexus or the tree.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is no room left; what was there before is untouched.
    #[error("no space left to write `{name}`")]
    DiskFull {
        /// The file, relative to the nexus or the tree.
        name: String,
    },
    /// A file or directory that was asked for is not there.
    #[error("no such file: `{name}`")]
    NotFound {
        /// The file as the user named it.
        name: String,
    },
    /// A file or directory that was to be created is there already.
    #[error("`{name}` exists already")]
    Exists {
        /// The file as the user named it.
        name: String,
    },
    /// A symbolic link in a source tree: where it leads is not the tree's to say.
    #[error("`{name}` is a symbolic link, expected a file or a directory")]
    Symlink {
        /// The link, relative to the tree.
        name: String,
    },
    /// A socket, pipe or device in a source tree.
    #[error("`{name}` is neither a file nor a directory")]
    NotRegular {
        /// The entry, relative to the tree.
        name: String,
    },
    /// A path that leads out of the directory it was given for.
    #[error("`{name}` leads out of its directory")]
    Outside {
        /// The path as it was written.
        name: String,
    },
    /// A file name that is not UTF-8, or that no source tree may hold.
    #[error("`{name}` is not a portable file name: {reason}")]
    BadName {
        /// The name, with what cannot be shown replaced.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More, or more of it, than a tree or a download may have.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What was measured.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// `registry.json` cannot be read.
    #[error("`registry.json` is damaged: {reason}")]
    CorruptRegistry {
        /// What the reader stumbled over.
        reason: String,
        /// Whether the state before the last change is kept beside it.
        previous: bool,
    },
    /// A consent record cannot be read.
    #[error("`{name}` is damaged: {reason}")]
    CorruptConsent {
        /// The record, relative to the nexus.
        name: String,
        /// What the reader stumbled over.
        reason: String,
    },
    /// There is no toolkit of the name.
    #[error("no such toolkit: {name}")]
    NoSuchToolkit {
        /// The name.
        name: String,
    },
    /// No command is registered under the name.
    #[error("no such command: {name}")]
    NoSuchCommand {
        /// The name.
        name: String,
    },
    /// The first digits of a digest fit none, or several, of a command's versions.
    #[error("`{prefix}` fits {found} versions of `{name}`, expected one")]
    NoSuchVersion {
        /// The command.
        name: String,
        /// The digits.
        prefix: String,
        /// How many versions they fit.
        found: usize,
    },
    /// The artifact store did not do what was asked.
    #[error(transparent)]
    Store(StoreError),
    /// A binding was not taken.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A built-in command that comes with the toolchains is not installed.
    #[error("the built-in command `{name}` is not installed")]
    BuiltInMissing {
        /// The name.
        name: String,
    },
    /// A tool of the toolchains cannot be used.
    #[error(transparent)]
    Toolchain(wb_build::Error),
    /// A command has no version to go back to.
    #[error(transparent)]
    Rollback(#[from] RollbackError),
    /// A bundle cannot be read or written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle was not installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// A toolkit cannot be packed without the artifacts it declares.
    #[error("`{command}` of toolkit `{id}` is not built")]
    NotBuilt {
        /// The toolkit.
        id: String,
        /// The command.
        command: String,
    },
    /// A toolkit's sources have changed since its artifact was built.
    #[error("`{command}` of toolkit `{id}` was built from other sources than it has now")]
    Stale {
        /// The toolkit.
        id: String,
        /// The command.
        command: String,
    },
    /// What the name stands for is not run in the way it was asked to.
    #[error("`{name}` is a {shape}, expected a {wanted}")]
    NotRunnable {
        /// The name.
        name: String,
        /// What it is.
        shape: Shape,
        /// What it would have to be.
        wanted: Shape,
    },
    /// The deployer has not consented to what a third-party toolkit asks for.
    #[error("`{toolkit}` is refused: {refused}")]
    Refused {
        /// The toolkit.
        toolkit: String,
        /// What it asks for.
        refused: Refused,
    },
    /// A native program that must not run.
    #[error("the native program `{name}` must not run: {reason}")]
    NativeRefused {
        /// The program.
        name: String,
        /// Everything that stands in its way.
        reason: String,
        /// How each of it is taken out of the way.
        remedy: String,
    },
    /// A native program that the deployer named is not on this machine.
    #[error("the native program `{name}` is not on the PATH")]
    NoSuchProgram {
        /// The program.
        name: String,
    },
    /// No profile has the name.
    #[error("no profile is called `{name}`, expected one of {}", known.join(", "))]
    NoSuchProfile {
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// `profiles.toml` cannot be read.
    #[error("`profiles.toml`: {reason}")]
    CorruptProfiles {
        /// What the reader stumbled over.
        reason: String,
    },
    /// `config.toml` says what cannot be meant.
    #[error("`config.toml`: {reason}")]
    BadConfig {
        /// What the reader stumbled over.
        reason: String,
        /// The same with its place.
        fault: Option<Box<ManifestFault>>,
    },
    /// A run in a tier of its own gave no outcome.
    #[error(transparent)]
    Tier(wb_tier::Error),
    /// A name that no command can have.
    #[error("cannot build: {0}")]
    Name(NameError),
    /// A word that is no language.
    #[error("cannot build: {0}")]
    Lang(UnknownWord),
    /// A build failed.
    #[error(transparent)]
    Build(BuildFailure),
    /// A toolkit that declares no artifact.
    #[error("`{id}` has nothing to build: {why}")]
    NothingToBuild {
        /// The toolkit.
        id: String,
        /// What is missing.
        why: String,
    },
    /// A toolkit without a component.
    #[error("`{id}` declares no component, which alone has a world with types")]
    NoComponent {
        /// The toolkit.
        id: String,
    },
    /// A toolkit whose manifest has errors.
    #[error("`{id}` cannot be built: its manifest has errors")]
    Manifest {
        /// The toolkit.
        id: String,
        /// The errors, file by file.
        faults: Vec<ManifestFault>,
    },
    /// Toolchain packs that a build needs are not installed.
    #[error("not installed: {}", quoted(packs))]
    PacksMissing {
        /// The packs, in order of name.
        packs: Vec<String>,
    },
    /// Third-party code that nobody has signed.
    #[error("`{toolkit}` is third-party code and nobody has signed it")]
    Unsigned {
        /// The toolkit.
        toolkit: String,
    },
    /// A toolkit has no recipe of the name.
    #[error("no such task: {toolkit}/{task}")]
    NoSuchTask {
        /// The toolkit.
        toolkit: String,
        /// The name.
        task: String,
    },
    /// A recipe is more than calls and pipes.
    #[error("task `{name}`, {reason}")]
    Task {
        /// The toolkit and the recipe.
        name: String,
        /// The line and what stands in the way.
        reason: String,
        /// The same with its place in the manifest.
        fault: Option<Box<ManifestFault>>,
    },
    /// A task may not run the commands it consists of.
    #[error("task `{name}` is refused: {reason}")]
    TaskNotGranted {
        /// The toolkit and the recipe.
        name: String,
        /// What is in the way.
        reason: String,
    },
    /// A data source may not be asked.
    #[error("`{toolkit}` may not ask its source: {reason}")]
    SourceNotGranted {
        /// The toolkit.
        toolkit: String,
        /// What is in the way.
        reason: String,
    },
    /// A data source gave no rows.
    #[error(transparent)]
    Federation(#[from] FederationError),
    /// What happened in the sandbox.
    #[error(transparent)]
    Dock(#[from] wb_dock::Error),
    /// Neither `WB_HOME` nor a home directory is known.
    #[error("no home directory is known, expected `WB_HOME` to name one")]
    NoHome,
    /// Something has to be downloaded and the network is off limits.
    #[error("{what} would have to be downloaded, but the network is off limits")]
    Offline {
        /// What is missing.
        what: String,
    },
    /// A download was refused or failed.
    #[error("cannot fetch `{url}`: {reason}")]
    Fetch {
        /// The address, without credentials or query.
        url: String,
        /// What went wrong.
        reason: String,
        /// Whether the same request may succeed later.
        retryable: bool,
    },
}

/// An error in a manifest, with the text it is about.
#[derive(Clone, Debug)]
pub struct ManifestFault {
    /// The file, from the toolkit's directory.
    pub path: RelPath,
    /// Its text.
    pub text: Bytes,
    /// What is wrong with it, and where.
    pub diagnostic: Diagnostic,
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// A stable name of the kind, such as `host/disk-full`.
    pub fn code(&self) -> &'static str {
        match *self.0 {
            ErrorKind::Io { .. } => "host/io",
            ErrorKind::DiskFull { .. } => "host/disk-full",
            ErrorKind::NotFound { .. } => "host/not-found",
            ErrorKind::Exists { .. } => "host/exists",
            ErrorKind::Symlink { .. } => "host/symlink",
            ErrorKind::NotRegular { .. } => "host/not-regular",
            ErrorKind::Outside { .. } => "host/outside",
            ErrorKind::BadName { .. } => "host/bad-name",
            ErrorKind::TooLarge { .. } => "host/too-large",
            ErrorKind::CorruptRegistry { .. } => "host/corrupt-registry",
            ErrorKind::CorruptConsent { .. } => "host/corrupt-consent",
            ErrorKind::NoSuchToolkit { .. } => "host/no-such-toolkit",
            ErrorKind::NoSuchCommand { .. } => "registry/no-such-command",
            ErrorKind::BuiltInMissing { .. } => "host/built-in-missing",
            ErrorKind::Toolchain(ref error) => error.code(),
            ErrorKind::NoSuchVersion { .. } => "registry/no-such-version",
            ErrorKind::Store(ref error) => error.code(),
            ErrorKind::Bind(ref error) => error.code(),
            ErrorKind::Rollback(ref error) => error.code(),
            ErrorKind::Bundle(ref error) => error.code(),
            ErrorKind::Install(ref error) => error.code(),
            ErrorKind::NotBuilt { .. } => "host/not-built",
            ErrorKind::Stale { .. } => "host/stale",
            ErrorKind::NotRunnable { .. } => "host/not-runnable",
            ErrorKind::Refused { ref refused, .. } => refused.code(),
            ErrorKind::NativeRefused { .. } => "host/native-refused",
            ErrorKind::NoSuchProgram { .. } => "host/no-such-program",
            ErrorKind::NoSuchProfile { .. } => "host/no-such-profile",
            ErrorKind::CorruptProfiles { .. } => "host/corrupt-profiles",
            ErrorKind::BadConfig { .. } => "host/bad-config",
            ErrorKind::Tier(ref error) => error.code(),
            ErrorKind::Name(ref error) => error.code(),
            ErrorKind::Lang(_) => "host/unknown-lang",
            ErrorKind::Build(ref failure) => failure.error.code(),
            ErrorKind::NothingToBuild { .. } => "host/nothing-to-build",
            ErrorKind::NoComponent { .. } => "host/no-component",
            ErrorKind::Manifest { .. } => "host/manifest",
            ErrorKind::PacksMissing { .. } => "build/not-installed",
            ErrorKind::Unsigned { .. } => "host/unsigned",
            ErrorKind::NoSuchTask { .. } => "host/no-such-task",
            ErrorKind::Task { .. } => "host/task",
            ErrorKind::TaskNotGranted { .. } => "host/task-not-granted",
            ErrorKind::SourceNotGranted { .. } => "host/source-not-granted",
            ErrorKind::Federation(ref error) => error.code(),
            ErrorKind::Dock(ref error) => error.code(),
            ErrorKind::NoHome => "host/no-home",
            ErrorKind::Offline { .. } => "host/offline",
            ErrorKind::Fetch { .. } => "host/fetch",
        }
    }

    /// What the user can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        let fixed = match *self.0 {
            ErrorKind::Install(ref error) => return error.hint(),
            ErrorKind::Dock(ref error) => return dock_hint(error),
            ErrorKind::Refused {
                ref toolkit,
                ref refused,
            } => return Some(refused.hint(toolkit)),
            ErrorKind::NativeRefused { ref remedy, .. } => return Some(remedy.clone()),
            ErrorKind::NoSuchProgram { .. } => {
                Some("install it, or name its file in `config.toml` by an absolute path")
            }
            ErrorKind::PacksMissing { ref packs } => {
                let packs = packs.join(" ");
                return Some(format!("install them: wbx toolchain install {packs}"));
            }
            ErrorKind::Unsigned { .. } => {
                Some("read the source, then build it with `--allow-unsigned`")
            }
            ErrorKind::NotBuilt { ref id, .. } | ErrorKind::Stale { ref id, .. } => {
                return Some(format!("build it: wbx toolkit build {id}"));
            }
            ErrorKind::DiskFull { .. } => {
                Some("free some space (`wbx gc` removes what no command uses), then run it again")
            }
            ErrorKind::Bind(BindError::Held { .. }) => {
                Some("`--replace` takes the name over; `wbx rollback` gives it back")
            }
            ErrorKind::Rollback(RollbackError::Live { .. }) => {
                Some("roll back to another version first, or remove the whole command")
            }
            ErrorKind::Symlink { .. } => Some("copy the file it points to into the tree"),
            ErrorKind::Store(StoreError::Corrupt { .. } | StoreError::Missing(_)) => {
                Some("build the toolkit again: the same source gives the same artifact")
            }
            ErrorKind::CorruptRegistry { previous: true, .. } => {
                Some("`wbx doctor --repair` goes back to the state before the last change")
            }
            ErrorKind::CorruptRegistry {
                previous: false, ..
            } => Some("`wbx doctor --repair` sets it aside and starts an empty one"),
            ErrorKind::CorruptConsent { .. } => {
                Some("`wbx toolkit grant` writes it anew; remove the file to take the consent back")
            }
            ErrorKind::BuiltInMissing { .. } => Some("install it: wbx toolchain install"),
            ErrorKind::NoSuchToolkit { .. } => Some("`wbx toolkit list` shows those there are"),
            ErrorKind::NoSuchCommand { .. } => {
                Some("`wbx toolkit build-inline NAME LANG FILE` makes one")
            }
            ErrorKind::Manifest { ref id, .. } => {
                return Some(format!(
                    "`wbx toolkit verify {id}` says all there is to say"
                ));
            }
            ErrorKind::SourceNotGranted { .. } => {
                Some("`--profile network` grants it, `wbx toolkit grant` consents to it")
            }
            ErrorKind::NoHome => Some("set `WB_HOME` to a directory of your own"),
            ErrorKind::Offline { .. } => Some("run it once without `--offline` and `WB_OFFLINE`"),
            _ => None,
        };
        fixed.map(str::to_owned)
    }

    /// Standard input that cannot be read, or is not what it should be.
    pub fn stdin(error: &io::Error) -> Self {
        let source = io::Error::new(error.kind(), error.to_string());
        Self::io("read", "standard input", source)
    }

    /// Whether the same call may succeed later without any change.
    pub fn retryable(&self) -> bool {
        matches!(
            *self.0,
            ErrorKind::Fetch {
                retryable: true,
                ..
            } | ErrorKind::DiskFull { .. }
        )
    }

    /// Sorts a failed file operation into its kind.
    pub(crate) fn io(action: &'static str, name: impl Into<String>, source: io::Error) -> Self {
        let name = name.into();
        match source.kind() {
            // A limit on file sizes or a quota is, to the user, a full disk.
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => ErrorKind::DiskFull { name },
            io::ErrorKind::NotFound => ErrorKind::NotFound { name },
            io::ErrorKind::AlreadyExists => ErrorKind::Exists { name },
            _ => ErrorKind::Io {
                action,
                name,
                source,
            },
        }
        .into()
    }
}

/// How a profile raises the limit of a resource, by example.
const fn setting(resource: Resource) -> Option<&'static str> {
    Some(match resource {
        Resource::Memory => "memory = \"1 GiB\"",
        Resource::Wall => "time = \"5min\"",
        Resource::Fuel => "fuel = 100000000000",
        Resource::Output => "output = \"256 MiB\"",
        Resource::HostCalls => "host-calls = 10000000",
        Resource::Egress => "egress = \"256 MiB\"",
        Resource::Children => "children = 100000",
        _ => return None,
    })
}

/// The names, each in backticks.
fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// How a deployer allows more: of a resource, or what no profile grants.
fn dock_hint(error: &wb_dock::Error) -> Option<String> {
    match error.kind() {
        wb_dock::ErrorKind::Limit(exceeded) => {
            let setting = setting(exceeded.resource)?;
            Some(format!(
                "a profile of your own in `profiles.toml` may allow more: \
                 `[profiles.large]`, `extends = \"minimal\"`, `{setting}`; \
                 then add `--profile large`"
            ))
        }
        wb_dock::ErrorKind::NotGranted { denied } => {
            let cap = denied.iter().find_map(|denial| match &denial.reason {
                DenialReason::NotGranted {
                    caps,
                    declared: true,
                    smallest: None,
                    ..
                } => caps.first(),
                _ => None,
            })?;
            Some(format!(
                "a profile of your own in `profiles.toml` may grant it: \
                 `[profiles.own]`, `extends = \"compute\"`, `add-caps = [\"{cap}\"]`; \
                 then add `--profile own`"
            ))
        }
        _ => None,
    }
}

/// The system's words without its error number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }
}

/// A store of this machine that failed did so for a reason of this machine.
impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Backend(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => ErrorKind::Store(StoreError::Backend(other)).into(),
            },
            other => ErrorKind::Store(other).into(),
        }
    }
}

impl From<BindError> for Error {
    fn from(error: BindError) -> Self {
        match error {
            BindError::Store(error) => error.into(),
            other => ErrorKind::Bind(other).into(),
        }
    }
}

impl From<RollbackError> for Error {
    fn from(error: RollbackError) -> Self {
        ErrorKind::Rollback(error).into()
    }
}

impl From<BundleError> for Error {
    fn from(error: BundleError) -> Self {
        ErrorKind::Bundle(error).into()
    }
}

impl From<InstallError> for Error {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Store(error) => error.into(),
            InstallError::Bind(error) => error.into(),
            InstallError::Bundle(error) => error.into(),
            other => ErrorKind::Install(other).into(),
        }
    }
}

/// What the dock says is the same in every tier.
impl From<wb_tier::Error> for Error {
    fn from(error: wb_tier::Error) -> Self {
        match error {
            wb_tier::Error::Dock(error) => error.into(),
            other => ErrorKind::Tier(other).into(),
        }
    }
}

impl From<FederationError> for Error {
    fn from(error: FederationError) -> Self {
        ErrorKind::Federation(error).into()
    }
}

impl From<wb_dock::Error> for Error {
    fn from(error: wb_dock::Error) -> Self {
        ErrorKind::Dock(error).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            ErrorKind::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_its_own_kind() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = Error::io("write", "build/commands/registry.json", full);
        assert_eq!(error.code(), "host/disk-full");
        assert_eq!(
            error.to_string(),
            "no space left to write `build/commands/registry.json`"
        );
        assert!(error.retryable());
    }

    #[test]
    fn the_words_of_the_system_lose_their_number() {
        let denied = io::Error::from_raw_os_error(13);
        let error = Error::io("read", "tmp", denied);
        assert_eq!(error.to_string(), "cannot read `tmp`: permission denied");
    }
}
