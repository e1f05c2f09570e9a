use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;
use wb_manifest::read;
use wb_policy::Shape;
use wb_registry::{Binding, find_skill, skills};

use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;

/// `wbx toolkit show ID [SKILL]`
pub(crate) fn run(name: &str, skill: Option<&str>, env: &Env) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let (id, place) = catalog.find(name)?;
    let tree = place.tree(&id)?;
    if let Some(slug) = skill {
        let skill = find_skill(&tree, slug).ok_or_else(|| {
            let message = format!("no such skill: {id}/{slug}");
            Failure::new(Exit::NotFound, "cli/no-such-skill", message)
                .hint(format!("`wbx toolkit show {id}` lists its skills"))
        })?;
        let text = skill.to_string();
        let data = json!({ "id": id, "skill": skill.slug, "path": skill.path, "text": text });
        return Ok(Done::new(text.trim_end(), data));
    }
    let bytes = place.manifest(&id)?;
    let manifest = String::from_utf8_lossy(&bytes);
    let slugs: Vec<_> = skills(&tree).into_iter().map(|skill| skill.slug).collect();
    let mut text = format!("{}\n\nskills:", manifest.trim_end());
    for slug in &slugs {
        text.push_str("\n  ");
        text.push_str(slug.as_str());
    }
    let (table, _) = env.nexus().table()?;
    let own = |binding: &&Arc<Binding>| binding.toolkit.as_ref() == Some(&id);
    let registered: Vec<_> = table.iter().filter(own).map(|binding| &**binding).collect();
    if !registered.is_empty() {
        text.push_str("\n\nregistered:");
    }
    for binding in &registered {
        let _ = write!(text, "\n  {}", entry(binding));
    }
    let reading = read(&bytes);
    let data = json!({
        "id": id,
        "manifest": reading.toolkits(),
        "text": manifest,
        "skills": slugs,
        "registered": registered,
    });
    Ok(Done::new(text, data))
}

/// What the registry holds under a name: `luhn  component of world engine, entry run; …`.
fn entry(binding: &Binding) -> String {
    let mut text = format!("{:<16} {}", binding.name, binding.shape);
    if let Some(world) = &binding.world {
        let _ = write!(text, " of world {world}");
    }
    if let Some(entry) = &binding.entry {
        let _ = write!(text, ", entry {entry}");
    }
    if binding.shape == Shape::Command {
        let _ = write!(text, ", arguments as {}", binding.arg_mode);
    }
    let caps = match binding.caps.to_string() {
        none if none.is_empty() => "no caps".to_owned(),
        caps => format!("caps {caps}"),
    };
    let (trust, digest) = (binding.trust, binding.digest);
    let _ = write!(text, "; {caps}; {trust}; sha256 {digest:.12}");
    text
}
