//! Commands that guests run by name: the registry, asked anew for every run.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wb_build::toolchain::Lock;
use wb_build::{ToolRef, Tools as _};
use wb_dock::{Code, Commands, Program, Resolved};
use wb_manifest::CommandName;
use wb_policy::{Profile, Shape, Tier};
use wb_registry::Binding;

use super::Nexus;
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
        let (grant, tier) = self.nexus.grant(&binding, Shape::Command, &self.profile)?;
        Ok(Resolved {
            code: match tier {
                Tier::Instance => self.nexus.load(&binding)?.into(),
                tier => Code::Caged(Arc::new(self.nexus.caged(&binding, tier)?)),
            },
            grant,
            arg_mode: binding.arg_mode,
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
    /// [`ErrorKind::BuiltInMissing`] if this version pins none of the name.
    pub(super) fn built_in(&self, name: &CommandName) -> Result<Arc<Binding>, Error> {
        let tool = self.built_ins().get(name.as_str());
        let tool = tool.ok_or_else(|| missing(name.as_str()))?;
        Ok(Arc::new(Binding::command(name.clone(), tool.digest)))
    }

    /// The program of a built-in binding.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BuiltInMissing`] until the toolchains are installed.
    pub(super) fn load_built_in(&self, name: &str) -> Result<Program, Error> {
        let tool = self.built_ins().get(name).ok_or_else(|| missing(name))?;
        let program = self.toolchains()?.tools().program(tool);
        program.map_err(|error| not_there(name, error))
    }

    /// The wasm bytes of a built-in binding.
    ///
    /// # Errors
    ///
    /// As for [`Nexus::load_built_in`].
    pub(super) fn wasm_of_built_in(&self, name: &str) -> Result<Bytes, Error> {
        let tool = self.built_ins().get(name).ok_or_else(|| missing(name))?;
        let wasm = self.toolchains()?.tools().file(tool);
        wasm.map_err(|error| not_there(name, error))
    }

    /// The tools behind the reserved names, as the lock pins them.
    fn built_ins(&self) -> &BTreeMap<&'static str, ToolRef> {
        self.built_ins.get_or_init(|| {
            let lock = Lock::pinned();
            let tool = |name: &'static str| {
                let member = format!("{name}.wasm");
                let mut packs = lock.all().map(wb_build::toolchain::Entry::name);
                let tool = packs.find_map(|pack| lock.member(pack, &member).ok())?;
                Some((name, tool))
            };
            CommandName::RESERVED
                .iter()
                .copied()
                .filter_map(tool)
                .collect()
        })
    }
}

fn not_there(name: &str, error: wb_build::Error) -> Error {
    match error.kind() {
        wb_build::ErrorKind::Missing { .. } => missing(name),
        _ => ErrorKind::Toolchain(error).into(),
    }
}

fn missing(name: &str) -> Error {
    let name = name.to_owned();
    ErrorKind::BuiltInMissing { name }.into()
}
