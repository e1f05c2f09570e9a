use serde_json::json;
use wb_manifest::read;
use wb_registry::{find_skill, skills};

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
    let reading = read(&bytes);
    let data =
        json!({ "id": id, "manifest": reading.toolkits(), "text": manifest, "skills": slugs });
    Ok(Done::new(text, data))
}
