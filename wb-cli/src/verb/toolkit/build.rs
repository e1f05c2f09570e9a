use super::built;
use crate::args::Build;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::ui::Ui;

/// `wbx toolkit build ID [WHICH]`
pub(crate) fn run(args: &Build, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let (id, place) = catalog.find(&args.id)?;
    let dir = format!("{}/{id}", env.shown(place.root()));
    let dir = Some(dir.as_str());
    let options = wb_host::BuildOptions {
        allow_unsigned: args.allow_unsigned,
        replace: args.replace,
        ..built::options(args.options, env)
    };
    let nexus = env.nexus();
    let which = args.which.as_deref();
    if args.options.plan {
        let plans = nexus.plan(place, &id, which, options);
        let plans = plans.map_err(|error| built::failure(error, dir))?;
        return Ok(built::plans(&plans));
    }
    let all = nexus.build(place, &id, which, options);
    let all = all.map_err(|error| built::failure(error, dir))?;
    let mut lines = Vec::new();
    for made in &all {
        built::warn(made, dir, env, ui);
        lines.push(built::line(made));
        if made.is_unchanged() {
            let from = match made.before.as_ref().and_then(|b| b.toolkit.as_ref()) {
                None => "the session build",
                Some(_) => "the build before",
            };
            lines.push(format!(
                "same sha as {from}: the source gave the same bytes again"
            ));
        }
    }
    let data: Vec<_> = all.iter().map(built::json).collect();
    Ok(Done::new(lines.join("\n"), data))
}
