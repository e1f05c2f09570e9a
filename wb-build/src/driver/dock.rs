//! Compilers on the dock: no capability, no host file, a fixed clock and seed.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use wb_dock::fs::{Image, Mount};
use wb_dock::{Invocation, Program, Services};
use wb_policy::{CapSet, Grant, Profile, Profiles, Trust};

use super::{Content, Mounted, Ran, Sandbox};
use crate::diagnose;
use crate::error::{Error, ErrorKind};
use crate::step::{Run, ToolRef};

/// Installed tools, as the dock takes them; filled by the host.
pub trait Tools: Sync {
    /// A tool's program, compiled; loading it again must cost next to nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Missing`] if its pack is not installed, [`ErrorKind::Host`]
    /// if the engine refuses it.
    fn program(&self, tool: &ToolRef) -> Result<Program, Error>;

    /// The files of a tree member, shared by all runs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Missing`] if its pack is not installed, [`ErrorKind::Archive`]
    /// if the tree cannot be read.
    fn image(&self, tree: &ToolRef) -> Result<Image, Error>;

    /// The bytes of a member.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Missing`] if its pack is not installed.
    fn file(&self, file: &ToolRef) -> Result<Bytes, Error>;
}

/// What any compiler may use at most; a step's own limits narrow it.
const PROFILE: &str = r#"
    [profiles.compiler]
    caps = []
    memory = "2 GiB"
    time = "300 s"
    output = "4 MiB"
    host-calls = 1_000_000_000
    children = 0
"#;

/// Runs tools on the dock.
#[derive(Debug)]
pub struct DockSandbox<T> {
    tools: T,
    grant: Grant,
    services: Services,
}

impl<T: Tools> DockSandbox<T> {
    /// A sandbox whose tools come from `tools`.
    pub fn new(tools: T) -> Self {
        Self {
            tools,
            grant: compiler_grant(),
            services: Services::default(),
        }
    }

    /// The tools.
    pub fn tools(&self) -> &T {
        &self.tools
    }

    fn mounts(&self, files: &[Mounted], outputs: &[String]) -> Result<Vec<Mount>, Error> {
        let mut mounts = Vec::new();
        // Single files are gathered by the top directory they appear in.
        let mut gathered: BTreeMap<&str, Vec<(&str, Bytes)>> = BTreeMap::new();
        for file in files {
            let image = match &file.content {
                Content::Tree(tree) => {
                    let files = tree.iter().map(|(path, bytes)| (path, bytes.clone()));
                    Image::from_files(files).map_err(|e| host("cannot mount the source", e))?
                }
                Content::Pack(tool) => self.tools.image(tool)?,
                Content::File(bytes) => {
                    let (top, inner) = split_top(&file.at);
                    gathered
                        .entry(top)
                        .or_default()
                        .push((inner, bytes.clone()));
                    continue;
                }
            };
            mounts.push(Mount::read_only(&file.at, image));
        }
        for (top, files) in gathered {
            let image = Image::from_files(files).map_err(|e| host("cannot mount an input", e))?;
            mounts.push(Mount::read_only(top, image));
        }
        let folders: BTreeSet<&str> = outputs.iter().map(|o| split_top(o).0).collect();
        for folder in folders {
            mounts.push(Mount::writable(folder, Image::empty()));
        }
        Ok(mounts)
    }
}

/// `/o/sub/x` is `sub/x` in `/o`.
fn split_top(path: &str) -> (&str, &str) {
    match path[1..].find('/') {
        Some(at) => (&path[..=at], &path[at + 2..]),
        None => ("/", &path[1..]),
    }
}

/// The grant of nothing but computing, within the limits of compilers.
fn compiler_grant() -> Grant {
    let profiles = Profiles::from_toml(PROFILE).expect("the profile is read by a test");
    let profile: &Profile = profiles.get("compiler").expect("it is declared above");
    Grant::decide(CapSet::EMPTY, Trust::FirstParty, profile, None)
        .expect("first-party code without capabilities is never refused")
}

impl<T: Tools> Sandbox for DockSandbox<T> {
    fn run(&self, run: &Run, files: &[Mounted], outputs: &[String]) -> Result<Ran, Error> {
        let grant = self.grant.clone().narrow_limits(run.limits);
        let program = self.tools.program(&run.tool)?;
        let command = program
            .admit(&grant, &self.services)
            .map_err(|e| host(format!("cannot run {}", run.tool), e))?;
        let (name, args) = run.argv.split_first().expect("argv starts with a name");
        let mut invocation = Invocation::new(name).args(args);
        for (name, value) in &run.env {
            invocation = invocation.env(name, value);
        }
        for mount in self.mounts(files, outputs)? {
            invocation = invocation.mount(mount);
        }
        match command.run(invocation) {
            Ok(mut outcome) => {
                let mut found = BTreeMap::new();
                for output in outputs {
                    if let Some(bytes) = outcome.files.get(output) {
                        found.insert(output.clone(), bytes);
                    }
                }
                Ok(Ran {
                    exit_code: outcome.exit_code,
                    stdout: outcome.stdout,
                    stderr: outcome.stderr,
                    outputs: found,
                    memory: outcome.usage.memory_peak,
                })
            }
            Err(error) => Err(failure(run, error)),
        }
    }

    fn file(&self, file: &ToolRef) -> Result<Bytes, Error> {
        self.tools.file(file)
    }
}

fn failure(run: &Run, error: wb_dock::Error) -> Error {
    let stderr = error
        .outcome()
        .map(|o| o.stderr.clone())
        .unwrap_or_default();
    match error.kind() {
        wb_dock::ErrorKind::Trap { message, .. } => {
            let mut diagnostics = diagnose::read(run.dialect, &stderr, false);
            diagnostics.extend(diagnose::too_deep(message));
            ErrorKind::Crashed {
                step: String::new(),
                reason: message.clone(),
                diagnostics,
            }
            .into()
        }
        wb_dock::ErrorKind::Limit(exceeded) => ErrorKind::Limit {
            step: String::new(),
            limit: exceeded.to_string(),
        }
        .into(),
        _ => host(format!("cannot run {}", run.tool), error),
    }
}

fn host(what: impl Into<String>, source: wb_dock::Error) -> Error {
    ErrorKind::Host {
        what: what.into(),
        source: Box::new(source),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_are_granted_nothing_but_room_to_compute() {
        let grant = compiler_grant();
        assert!(grant.caps().is_empty());
        assert_eq!(grant.limits().memory, 2 << 30);
        assert_eq!(grant.limits().children, 0);
    }

    #[test]
    fn files_are_gathered_by_their_top_directory() {
        assert_eq!(split_top("/i/src/main.c.o"), ("/i", "src/main.c.o"));
        assert_eq!(split_top("/x"), ("/", "x"));
    }
}
