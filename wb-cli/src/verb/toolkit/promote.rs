use serde_json::json;
use wb_host::atomic::Mode;
use wb_host::{Toolkits, discover};
use wb_registry::{Promotion, promote};

use crate::args::Source;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;

/// `wbx toolkit promote NAME LANG FILE`
pub(crate) fn run(source: &Source, tagline: Option<&str>, env: &Env) -> Result<Done, Failure> {
    let root = env.toolkits_or_new();
    let promoted = promote(Promotion {
        name: &source.name,
        lang: &source.lang,
        file: &source.file.to_string_lossy(),
        source: input::existing(&source.file, env)?,
        tagline,
        root: &discover::shown(&root, &env.cwd),
    })
    .map_err(|error| Failure::new(Exit::Failed, error.code(), error.to_string()).verbatim())?;
    Toolkits::at(root).write(&promoted.id, &promoted.tree, Mode::Shared)?;
    let files: Vec<_> = promoted
        .tree
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    let data = json!({ "id": promoted.id.as_str(), "files": files });
    Ok(Done::new(promoted.to_string(), data))
}
