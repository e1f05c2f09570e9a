use serde_json::json;

use crate::args::Remove;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::text::count;

/// `wbx toolkit remove NAME [SHA]`
pub(crate) fn run(args: &Remove, env: &Env) -> Result<Done, Failure> {
    let name = &args.name;
    let forgotten = env.nexus().remove(name, args.sha.as_deref())?;
    let digests: Vec<_> = forgotten.iter().map(|binding| binding.digest).collect();
    let what = match (&args.sha, digests.as_slice()) {
        (Some(_), [digest]) => format!("version {digest:.12} of `{name}`"),
        _ => format!("`{name}` ({})", count(digests.len(), "version")),
    };
    let text = format!("forgot {what}\nits artifacts stay until the next: wbx gc");
    Ok(Done::new(
        text,
        json!({ "name": name, "forgotten": digests }),
    ))
}
