use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use wb_tier::on_path;

/// The native programs that toolkits of the posix shape may run; none by default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NativePrograms {
    programs: Vec<Program>,
}

/// A program: a name that is looked for on the `PATH`, or an absolute path.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Program(PathBuf);

impl TryFrom<String> for Program {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = Path::new(&text);
        let is_name = path.file_name() == Some(OsStr::new(&text));
        if is_name || (path.is_absolute() && path.file_name().is_some()) {
            return Ok(Self(path.to_owned()));
        }
        Err(format!(
            "`{text}` is neither the name of a program nor an absolute path"
        ))
    }
}

impl NativePrograms {
    /// What the programs are called.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.programs.iter().map(|program| program.0.file_name());
        names.filter_map(|name| name?.to_str())
    }

    /// The file of the program `name`, if the deployer has opted in to it; the bare
    /// name if the `PATH` does not lead to one.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        let is_named = |program: &&Program| program.0.file_name() == Some(OsStr::new(name));
        let program = &self.programs.iter().find(is_named)?.0;
        if program.is_absolute() {
            return Some(program.clone());
        }
        Some(on_path(name).unwrap_or_else(|| program.clone()))
    }
}
