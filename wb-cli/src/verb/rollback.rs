use serde_json::json;

use crate::args::Rollback;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;

/// `wbx rollback NAME [SHA]`
pub(crate) fn run(args: &Rollback, env: &Env) -> Result<Done, Failure> {
    let binding = env.nexus().rollback(&args.name, args.sha.as_deref())?;
    let text = format!("`{}` is now {}", args.name, binding.digest);
    Ok(Done::new(
        text,
        json!({ "name": args.name, "digest": binding.digest }),
    ))
}
