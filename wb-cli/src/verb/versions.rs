use serde_json::json;

use crate::args::Named;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;

/// `wbx versions NAME`
pub(crate) fn run(args: &Named, env: &Env) -> Result<Done, Failure> {
    let (versions, live) = env.nexus().versions(&args.name)?;
    let row = |(i, binding): (usize, &std::sync::Arc<wb_registry::Binding>)| {
        let mark = if i == live { "*" } else { " " };
        format!("{mark} {}", binding.digest)
    };
    let text: Vec<_> = versions.iter().enumerate().map(row).collect();
    let data = json!({ "name": args.name, "live": live, "versions": versions
        .iter()
        .map(|binding| &**binding)
        .collect::<Vec<_>>() });
    Ok(Done::new(text.join("\n"), data))
}
