use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use wb_host::atomic::{self, Durability, Mode};

use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::{count, size};
use crate::ui::Ui;

/// `wbx toolkit pack ID [-o FILE]`
pub(crate) fn run(name: &str, output: Option<&Path>, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let (id, place) = catalog.find(name)?;
    let packed = env.nexus().pack(place, &id)?;
    let file = output.map_or_else(|| PathBuf::from(format!("{id}.wbundle")), Path::to_owned);
    let fail = |error: std::io::Error| {
        let message = format!("`{}`: {error}", file.display());
        Failure::new(Exit::Failed, "cli/output", message)
    };
    let to_stdout = file == Path::new("-");
    if to_stdout && ui.json() {
        return Err(Failure::usage(
            "`-o -` and `--json` both want standard output",
        ));
    }
    if to_stdout {
        let mut out = std::io::stdout().lock();
        out.write_all(&packed.bytes)
            .and_then(|()| out.flush())
            .map_err(fail)?;
    } else {
        let path = env.cwd.join(&file);
        atomic::write(&path, &packed.bytes, Mode::Shared, Durability::Synced).map_err(fail)?;
    }
    let commands: Vec<_> = packed.commands.iter().map(|b| b.name.as_str()).collect();
    let text = format!(
        "packed `{id}` ({}, {}, {}) → {}\nsha256 {}\ninstall it elsewhere: \
         wbx toolkit install {} --sha {}",
        count(commands.len(), "command"),
        count(packed.documents, "document"),
        size(packed.bytes.len() as u64),
        file.display(),
        packed.digest,
        file.display(),
        packed.digest,
    );
    let data = json!({
        "id": id,
        "file": file,
        "sha256": packed.digest,
        "bytes": packed.bytes.len(),
        "commands": commands,
        "documents": packed.documents,
    });
    Ok(Done::new(
        if to_stdout { String::new() } else { text },
        data,
    ))
}
