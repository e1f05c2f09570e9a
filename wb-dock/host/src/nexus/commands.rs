//! Commands that guests run by name: the registry, asked anew for every run.

use std::sync::Arc;

use wb_dock::{Commands, Program, Resolved};
use wb_manifest::CommandName;
use wb_policy::Profile;
use wb_registry::Binding;

use super::Nexus;
use super::run::arg_mode;
use crate::error::{Error, ErrorKind};
use crate::steps::StepsLog;

/// The commands of a nexus under one profile.
///
/// The registry is read for every run, so a command that is registered while a
/// guest runs is there for its next call.
pub(super) struct NexusCommands {
    nexus: Nexus,
    profile: Profile,
}

impl NexusCommands {
    pub(super) fn new(nexus: &Nexus, profile: &Profile) -> Self {
        Self {
            nexus: nexus.clone(),
            profile: profile.clone(),
        }
    }

    fn find(&self, name: &str) -> Result<Resolved, Error> {
        let binding = self.nexus.resolve(name)?;
        let grant = self.nexus.grant(&binding, &self.profile)?;
        Ok(Resolved {
            program: self.nexus.load(&binding)?,
            grant,
            arg_mode: arg_mode(&binding),
        })
    }
}

impl Commands for NexusCommands {
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String> {
        match self.find(name) {
            Ok(resolved) => Ok(Some(resolved)),
            Err(error) if matches!(error.kind(), ErrorKind::NoSuchCommand { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A run is noted when it has ended. A log that cannot be written to, on a full
/// disk say, does not undo the run.
impl wb_dock::Recorder for StepsLog {
    fn record(&self, event: &wb_dock::Event<'_>) {
        if let wb_dock::Event::Finished(step) = event {
            let ended = crate::rfc3339(crate::unix_time());
            let _ = self.append(&step.to_json_line(&ended));
        }
    }
}

impl Nexus {
    /// What a reserved name stands for: a command that comes with the toolchains.
    ///
    /// Such a name is looked for here and nowhere else, so that nothing which
    /// found its way into the registry can take it over.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BuiltInMissing`] until the toolchains are installed.
    pub(super) fn built_in(&self, name: &CommandName) -> Result<Arc<Binding>, Error> {
        let toolchains = self.toolchains()?;
        let member = format!("{name}.wasm");
        for entry in toolchains.lock().all() {
            let found = entry.members().iter().find(|m| m.name == member);
            if let Some(found) = found
                && toolchains.has(&[entry.name()])
            {
                let binding = Binding::command(name.clone(), found.sha256);
                return Ok(Arc::new(binding));
            }
        }
        let name = name.to_string();
        Err(ErrorKind::BuiltInMissing { name }.into())
    }

    /// The program of a built-in binding; `None` for any other.
    pub(super) fn built_in_program(&self, binding: &Binding) -> Result<Option<Program>, Error> {
        if !binding.name.is_reserved() {
            return Ok(None);
        }
        let toolchains = self.toolchains()?;
        let member = format!("{}.wasm", binding.name);
        for entry in toolchains.lock().all() {
            if let Ok(tool) = toolchains.lock().member(entry.name(), &member)
                && tool.digest == binding.digest
            {
                let program = wb_build::Tools::program(&toolchains.tools(), &tool);
                return program
                    .map(Some)
                    .map_err(|error| ErrorKind::Toolchain(error).into());
            }
        }
        Ok(None)
    }
}
