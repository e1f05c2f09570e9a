//! Verbs on compilers.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};

use serde_json::json;
use wb_host::toolchain::PackStatus;

use crate::args::ToolchainVerb;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress;
use crate::text::{count, size};
use crate::ui::Ui;

/// `wbx toolchain …`
pub(crate) fn run(verb: &ToolchainVerb, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let nexus = env.nexus();
    let toolchains = nexus.toolchains()?.offline(env.offline);
    let follow = || progress::follow(ui);
    match verb {
        ToolchainVerb::List => {
            let packs = toolchains.list();
            let lines: Vec<_> = packs.iter().map(line).collect();
            Ok(Done::new(
                lines.join("\n"),
                packs.iter().map(data).collect::<Vec<_>>(),
            ))
        }
        ToolchainVerb::Install { packs } => {
            toolchains.install(&names(packs), &*follow())?;
            let ready = toolchains.list().into_iter().filter(PackStatus::ready);
            let ready: Vec<_> = ready.map(|pack| pack.name).collect();
            let text = format!("{} ready: {}", count(ready.len(), "pack"), ready.join(" "));
            Ok(Done::new(text, json!({ "installed": ready })))
        }
        ToolchainVerb::Verify { packs } => {
            let checked = toolchains.verify(&names(packs))?;
            let lines: Vec<_> = checked.iter().map(|name| format!("✓ {name}")).collect();
            let text = if lines.is_empty() {
                "(no packs installed)".to_owned()
            } else {
                lines.join("\n")
            };
            Ok(Done::new(text, json!({ "verified": checked })))
        }
        ToolchainVerb::Export { file, packs } => {
            let fail = |error: std::io::Error| unwritable(file, &error);
            let mut out = BufWriter::new(File::create(file).map_err(fail)?);
            let exported = toolchains.export(&names(packs), &mut out)?;
            out.flush().map_err(fail)?;
            let text = format!("{} → {}", exported.join(" "), file.display());
            Ok(Done::new(
                text,
                json!({ "exported": exported, "file": file }),
            ))
        }
        ToolchainVerb::Import { file } => {
            let opened = File::open(file).map_err(|error| unwritable(file, &error))?;
            let imported = toolchains.import(&mut BufReader::new(opened), &*follow())?;
            let text = format!("{} imported", count(imported.len(), "pack"));
            Ok(Done::new(text, json!({ "imported": imported })))
        }
        ToolchainVerb::Remove { packs } => {
            let removed = toolchains.remove(&names(packs))?;
            let text = format!("{} removed", count(removed.len(), "pack"));
            Ok(Done::new(text, json!({ "removed": removed })))
        }
    }
}

fn names(packs: &[String]) -> Vec<&str> {
    packs.iter().map(String::as_str).collect()
}

fn line(pack: &PackStatus) -> String {
    let state = match (pack.installed, pack.compiled, pack.size) {
        (true, true, bytes) => size(bytes),
        // An installation that was interrupted while it compiled.
        (true, false, _) => "not compiled".to_owned(),
        (false, _, 0) => "-".to_owned(),
        (false, ..) => "outdated".to_owned(),
    };
    format!(
        "{:<12} {state:>12}  {} ({})",
        pack.name, pack.about, pack.licence
    )
}

fn data(pack: &PackStatus) -> serde_json::Value {
    json!({
        "name": pack.name,
        "about": pack.about,
        "origin": pack.origin,
        "licence": pack.licence,
        "digest": pack.digest,
        "installed": pack.installed,
        "compiled": pack.compiled,
        "size": pack.size,
    })
}

fn unwritable(file: &std::path::Path, error: &std::io::Error) -> Failure {
    let exit = match error.kind() {
        std::io::ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::Failed,
    };
    Failure::new(exit, "cli/file", format!("`{}`: {error}", file.display()))
}
