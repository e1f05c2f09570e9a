use serde_json::{Value, json};
use wb_manifest::{Manifest, ToolkitId, read};

use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;

/// `wbx toolkit list`
pub(crate) fn run(env: &Env) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let (mut lines, mut data) = (Vec::new(), Vec::new());
    for (dir, place) in catalog.all()? {
        let text = match place.manifest(&dir) {
            Ok(text) => text,
            // One that cannot be read does not hide the others.
            Err(error) => {
                lines.push(format!("{:<16} {:<12} {error}", dir.as_str(), "unreadable"));
                data.push(json!({ "id": dir, "error": error.to_string() }));
                continue;
            }
        };
        let reading = read(&text);
        for manifest in reading.toolkits() {
            let row = Row::of(&dir, manifest);
            lines.push(row.line());
            data.push(row.json());
        }
    }
    if lines.is_empty() {
        lines.push(format!("(no toolkits under {})", env.shown_toolkits()));
    }
    Ok(Done::new(lines.join("\n"), data))
}

struct Row {
    id: String,
    status: Option<String>,
    tagline: Option<String>,
    cli: Option<String>,
    skill_dir: String,
}

impl Row {
    fn of(dir: &ToolkitId, manifest: &Manifest) -> Self {
        let id = manifest.toolkit.as_ref().map(|id| id.value.to_string());
        Self {
            id: id.unwrap_or_else(|| dir.to_string()),
            status: manifest.status.as_ref().map(|s| s.value.to_string()),
            tagline: manifest.tagline.as_ref().map(|t| t.value.clone()),
            cli: manifest.cli_bin.as_ref().map(|name| name.value.to_string()),
            skill_dir: manifest.skill_dir().to_string(),
        }
    }

    fn line(&self) -> String {
        let status = self.status.as_deref().unwrap_or("-");
        let tagline = self.tagline.as_deref().unwrap_or_default();
        let line = format!("{:<16} {status:<12} {tagline}", self.id);
        line.trim_end().to_owned()
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "status": self.status,
            "tagline": self.tagline,
            "cli": self.cli,
            "skill_dir": self.skill_dir,
        })
    }
}
