use wb_host::Inline;
use wb_manifest::ArgMode;

use super::built;
use super::grant::caps;
use crate::args::BuildInline;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::input;
use crate::ui::Ui;

/// `wbx toolkit build-inline NAME LANG FILE`
pub(crate) fn run(args: &BuildInline, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let source = &args.source;
    let file = match source.file.to_string_lossy() {
        file if file == "-" => "<stdin>".into(),
        file => file,
    };
    let inline = Inline {
        name: &source.name,
        lang: &source.lang,
        file: &file,
        source: input::existing(&source.file, env)?,
        arg_mode: args.arg_mode.parse().unwrap_or(ArgMode::Argv),
        caps: caps(std::slice::from_ref(&args.caps))?,
    };
    let options = wb_host::BuildOptions {
        replace: args.replace,
        ..built::options(args.options, env)
    };
    let nexus = env.nexus();
    if args.options.plan {
        let plan = nexus.plan_inline(&inline, options);
        return Ok(built::plan(&plan.map_err(|e| built::failure(e, None))?));
    }
    let made = nexus.build_inline(&inline, options);
    let made = made.map_err(|error| built::failure(error, None))?;
    built::warn(&made, None, env, ui);
    let name = &made.binding.name;
    let text = format!(
        "{}\nrun it via the Dock: run-command {name}",
        built::line(&made)
    );
    Ok(Done::new(text, built::json(&made)))
}
