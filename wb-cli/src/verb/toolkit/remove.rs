use std::fmt::Write as _;

use serde_json::json;

use crate::args::Remove;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::text::count;

/// `wbx toolkit remove NAME [SHA]`
pub(crate) fn run(args: &Remove, env: &Env) -> Result<Done, Failure> {
    let name = &args.name;
    let removed = env.nexus().remove(name, args.sha.as_deref())?;
    let digests: Vec<_> = removed.versions.iter().map(|v| v.digest).collect();
    let what = match (&args.sha, digests.as_slice()) {
        (Some(_), [digest]) => format!("version {digest:.12} of `{name}`"),
        _ => format!("`{name}` ({})", count(digests.len(), "version")),
    };
    let mut text = format!("forgot {what}");
    if let Some(id) = &removed.toolkit {
        let _ = write!(
            text,
            "\nremoved the installed toolkit `{id}`, its documents and any consent to it"
        );
    }
    text.push_str("\nits artifacts stay until the next: wbx gc");
    let data = json!({ "name": name, "forgotten": digests, "toolkit": removed.toolkit });
    Ok(Done::new(text, data))
}
