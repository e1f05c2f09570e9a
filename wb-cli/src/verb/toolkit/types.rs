use std::path::{Path, PathBuf};

use serde_json::json;
use wb_host::Types;
use wb_host::atomic::{self, Durability, Mode};

use super::built;
use crate::args;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;

/// `wbx toolkit types ID [WHICH] [-o FILE]`
pub(crate) fn run(args: &args::Types, env: &Env) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let (id, place) = catalog.find(&args.id)?;
    let shown = format!("{}/{id}", env.shown(place.root()));
    let all = env.nexus().types(place, &id, args.which.as_deref());
    let all = all.map_err(|error| built::failure(error, Some(&shown)))?;
    if args.output.is_some() && all.len() > 1 {
        let names: Vec<_> = all.iter().map(|types| types.name.as_str()).collect();
        let message = format!("`{id}` has several components, expected one of them by name");
        return Err(Failure::usage(message).hint(format!("they are {}", names.join(", "))));
    }
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout {
        let text: String = all.iter().map(|types| types.text.as_str()).collect();
        let data: Vec<_> = all.iter().map(|types| entry(types, None)).collect();
        return Ok(Done::new(text.trim_end(), data));
    }
    let mut lines = Vec::new();
    let mut data = Vec::new();
    for types in &all {
        let (path, file) = match (&args.output, &types.source) {
            (Some(file), _) => (env.cwd.join(file), file.display().to_string()),
            (None, Some(source)) => {
                // `workbooks:engine/engine` is the world `engine`.
                let world = types.world.rsplit('/').next().unwrap_or(&types.world);
                let world = world.split('@').next().unwrap_or(world);
                let inner = match source.path() {
                    Some(source) => format!("{id}/{source}/{world}.d.ts"),
                    None => format!("{id}/{world}.d.ts"),
                };
                let path: PathBuf = place.root().join(&inner);
                (path, format!("{}/{inner}", env.shown(place.root())))
            }
            (None, None) => {
                let message = format!("`{}` is not built from a folder", types.name);
                return Err(Failure::usage(message).hint("`-o FILE` says where to write"));
            }
        };
        atomic::write(
            &path,
            types.text.as_bytes(),
            Mode::Shared,
            Durability::Synced,
        )
        .map_err(|error| Failure::new(Exit::Failed, "cli/output", format!("`{file}`: {error}")))?;
        lines.push(format!(
            "wrote the types of world `{}` → {file}",
            types.world
        ));
        data.push(entry(types, Some(&file)));
    }
    Ok(Done::new(lines.join("\n"), data))
}

fn entry(types: &Types, file: Option<&str>) -> serde_json::Value {
    let (name, world) = (&types.name, &types.world);
    match file {
        Some(file) => json!({ "name": name, "world": world, "file": file }),
        None => json!({ "name": name, "world": world, "text": types.text }),
    }
}
