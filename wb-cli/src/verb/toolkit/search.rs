use serde_json::{Value, json};
use wb_registry::{Hit, search};

use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::ui::Ui;

/// `wbx toolkit search QUERY`
pub(crate) fn run(query: &str, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let mut toolkits = Vec::new();
    for (id, place) in catalog.all()? {
        match place.tree(&id) {
            Ok(tree) => toolkits.push((tree, id)),
            Err(error) => ui.note(&format!("`{id}` is passed over: {error}")),
        }
    }
    let hits = search(toolkits.iter().map(|(tree, id)| (id.as_str(), tree)), query);
    let data: Vec<_> = hits.iter().map(json).collect();
    if hits.is_empty() {
        return Ok(Done::new(format!("(no matches for {query})"), data));
    }
    let lines: Vec<_> = hits.iter().map(ToString::to_string).collect();
    Ok(Done::new(lines.join("\n"), data))
}

fn json(hit: &Hit) -> Value {
    json!({ "path": hit.path, "line": hit.line, "text": hit.text, "score": hit.score })
}
