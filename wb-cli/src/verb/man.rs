use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use serde_json::json;
use wb_host::atomic::{self, Durability, Mode};

use crate::args::Wbx;
use crate::done::Done;
use crate::exit::Exit;
use crate::failure::Failure;

/// `wbx man [DIR]`
pub(crate) fn run(dir: Option<&Path>) -> Result<Done, Failure> {
    let mut root = Wbx::command();
    root.build();
    let Some(dir) = dir else {
        let page = page(root)?;
        let text = String::from_utf8_lossy(&page).trim_end().to_owned();
        return Ok(Done::new(text.clone(), json!({ "page": text })));
    };
    let mut names = Vec::new();
    write_pages(root, dir, &mut names)?;
    let text = format!("{} pages written to {}", names.len(), dir.display());
    Ok(Done::new(text, json!({ "pages": names })))
}

/// Writes the page of `command` and those of its verbs.
fn write_pages(command: Command, dir: &Path, names: &mut Vec<String>) -> Result<(), Failure> {
    for verb in command.get_subcommands() {
        write_pages(verb.clone(), dir, names)?;
    }
    let full = command.get_display_name().unwrap_or(command.get_name());
    let name = format!("{full}.1");
    let page = page(command)?;
    atomic::write(&dir.join(&name), &page, Mode::Shared, Durability::Cache)
        .map_err(|error| Failure::new(Exit::Failed, "cli/man", format!("`{name}`: {error}")))?;
    names.push(name);
    Ok(())
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::new(Exit::Failed, "cli/man", error.to_string()))?;
    Ok(page)
}
