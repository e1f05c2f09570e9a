use serde_json::json;
use wb_host::atomic::Mode;
use wb_host::{ErrorKind, Toolkits, discover};
use wb_policy::Shape;
use wb_registry::{Losses, Promotion, promote};

use crate::args::Promote;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;

/// `wbx toolkit promote NAME LANG FILE`
pub(crate) fn run(args: &Promote, env: &Env) -> Result<Done, Failure> {
    let source = &args.source;
    let root = env.toolkits_or_new();
    let shown = discover::shown(&root, &env.cwd);
    let promoted = promote(Promotion {
        name: &source.name,
        lang: &source.lang,
        file: &source.file.to_string_lossy(),
        source: input::existing(&source.file, env)?,
        tagline: args.tagline.as_deref(),
        root: &shown,
    })
    .map_err(|error| Failure::new(Exit::Failed, error.code(), error.to_string()).verbatim())?;
    // Its world and entry would be lost, and the toolkit be another thing.
    let (table, _) = env.nexus().table()?;
    let session = table.get(&source.name);
    let session = session.filter(|binding| binding.toolkit.is_none());
    if let Some(binding) = session.filter(|binding| binding.shape != Shape::Command) {
        let (name, shape) = (&binding.name, binding.shape);
        let message = format!("cannot promote: `{name}` is a session {shape}, expected a command");
        return Err(
            Failure::new(Exit::Failed, "cli/promote-shape", message).hint(format!(
                "its toolkit is a `manifest.org` with `#+EXEC: {shape}`, the source in `src` and \
                 WIT in `wit`; then `wbx toolkit build {name}`"
            )),
        );
    }
    let toolkits = Toolkits::at(root);
    let id = &promoted.id;
    let losses = match toolkits.tree(id) {
        Ok(present) => promoted.over(&present),
        Err(error) if matches!(error.kind(), ErrorKind::NoSuchToolkit { .. }) => Losses::default(),
        Err(error) => return Err(error.into()),
    };
    if !losses.is_empty() && !args.force {
        let message =
            format!("`{shown}/{id}` is not as promotion would write it: {losses} would be lost");
        return Err(
            Failure::new(Exit::Conflict, "cli/promote-conflict", message)
                .hint("`--force` writes over them"),
        );
    }
    toolkits.write(id, &promoted.tree, Mode::Shared)?;
    toolkits.remove_files(id, &losses.superseded)?;
    let files: Vec<_> = promoted
        .tree
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    let data = json!({ "id": id.as_str(), "files": files });
    Ok(Done::new(promoted.to_string(), data))
}
