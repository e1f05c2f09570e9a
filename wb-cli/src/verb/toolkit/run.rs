use std::io::{self, Write as _};

use serde_json::json;
use wb_dock::Input;
use wb_host::TimedStdin;

use crate::args::TaskRun;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::verb::run::guest_code;

/// `wbx toolkit run ID TASK -- ARGS`
pub(crate) fn run(args: &TaskRun, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let (id, place) = catalog.find(&args.id)?;
    let (nexus, profile) = env.bounded(&args.bounds)?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = nexus.run_task(
        (place, &id),
        &args.task,
        &args.args,
        &profile,
        Input::stream(TimedStdin::within(profile.limits().wall)),
        &mut |outcome| {
            if ui.json() {
                stdout.extend_from_slice(&outcome.stdout);
                stderr.extend_from_slice(&outcome.stderr);
            } else {
                // A reader that went away does not stop the recipe.
                let _ = io::stdout().write_all(&outcome.stdout);
                let _ = io::stderr().write_all(&outcome.stderr);
            }
        },
    )?;
    let data = json!({
        "id": id,
        "task": args.task,
        "exit_code": code,
        "stdout": String::from_utf8_lossy(&stdout),
        "stderr": String::from_utf8_lossy(&stderr),
    });
    let mut done = Done::new("", data);
    done.exit = Exit::Guest(guest_code(code));
    Ok(done)
}
