use std::fmt::Write as _;

use serde_json::{Value, json};
use wb_host::consent;
use wb_policy::Consent;

use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;

/// `wbx toolkit grants`
pub(crate) fn run(env: &Env) -> Result<Done, Failure> {
    let (mut lines, mut data) = (Vec::new(), Vec::new());
    for (id, record) in consent::all(&env.home)? {
        match record {
            Ok(record) => {
                lines.push(line(&record));
                data.push(json!(record));
            }
            // One that cannot be read does not hide the others; it grants nothing.
            Err(error) => {
                lines.push(format!("{:<16} {error}", id.as_str()));
                data.push(json!({ "toolkit": id, "error": error.to_string() }));
            }
        }
    }
    if lines.is_empty() {
        lines.push("(no consents)".to_owned());
    }
    Ok(Done::new(lines.join("\n"), data))
}

/// Toolkit, capabilities, how far they reach, and whose word it is.
fn line(record: &Consent) -> String {
    let mut line = format!("{:<16} {}", record.toolkit(), record.caps());
    for (cap, list) in reach(record) {
        let _ = write!(line, ", {cap} only {list}");
    }
    if let Some(artifact) = record.artifact() {
        let _ = write!(line, ", artifact {artifact:.12} only");
    }
    let _ = write!(line, " ({}, {})", record.by(), record.at());
    line
}

/// The lists that narrow a consent, as the record writes them.
fn reach(record: &Consent) -> Vec<(String, String)> {
    let Ok(Value::Object(scopes)) = serde_json::to_value(record.scopes()) else {
        return Vec::new();
    };
    let words = |list: Value| {
        let list = list.as_array().cloned().unwrap_or_default();
        let words: Vec<_> = list.iter().filter_map(Value::as_str).collect();
        words.join(" ")
    };
    scopes
        .into_iter()
        .map(|(cap, list)| (cap, words(list)))
        .collect()
}
