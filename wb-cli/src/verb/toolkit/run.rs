use std::io;

use serde_json::json;
use wb_dock::{Input, Output};
use wb_host::task::Pipeline;
use wb_host::{TaskStreams, TimedStdin};

use super::built;
use crate::args::TaskRun;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::size;
use crate::ui::Ui;
use crate::verb::run::guest_code;

/// `wbx toolkit run ID TASK -- ARGS`
pub(crate) fn run(args: &TaskRun, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let catalog = env.catalog();
    let (id, place) = catalog.find(&args.id)?;
    let (nexus, profile) = env.bounded(&args.bounds)?;
    let dir = format!("{}/{id}", env.shown(place.root()));
    let task = nexus.task((place, &id), &args.task, &args.args);
    let task = task.map_err(|error| built::failure(error, Some(&dir)))?;
    let lines: Vec<_> = task.lines.iter().map(line).collect();
    if args.dry_run {
        let text: Vec<_> = task.lines.iter().map(shown).collect();
        let data = json!({ "id": id, "task": args.task, "caption": task.caption, "lines": lines });
        return Ok(Done::new(text.join("\n"), data));
    }
    if let Some(caption) = &task.caption {
        ui.note(caption);
    }
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let streams = TaskStreams {
        stdin: Input::stream(TimedStdin::within(profile.limits().wall)),
        stdout: &|| {
            if ui.json() {
                Output::capture()
            } else {
                Output::stream(io::stdout())
            }
        },
        stderr: &|| {
            if ui.json() {
                Output::capture()
            } else {
                Output::stream(io::stderr())
            }
        },
    };
    let ended = nexus.run_task(&task, &profile, streams, &mut |line, ends| match ends {
        None => line.caption.iter().for_each(|caption| ui.note(caption)),
        // What was passed on as it came is not here again.
        Some(ends) => {
            stdout.extend(ends.last().into_iter().flat_map(|end| end.stdout.clone()));
            stderr.extend(ends.iter().flat_map(|end| end.stderr.clone()));
        }
    })?;
    if env.verbose {
        let memory = size(ended.usage.memory_peak);
        ui.note(&format!(
            "{}: exit {}, {memory} of memory",
            task.name, ended.exit_code
        ));
    }
    let data = json!({
        "id": id,
        "task": args.task,
        "caption": task.caption,
        "lines": lines,
        "exit_code": ended.exit_code,
        "stdout": String::from_utf8_lossy(&stdout),
        "stderr": String::from_utf8_lossy(&stderr),
        "memory": ended.usage.memory_peak,
    });
    let mut done = Done::new("", data);
    done.exit = Exit::Guest(guest_code(ended.exit_code));
    Ok(done)
}

/// A line for people: its calls below what it does.
fn shown(line: &Pipeline) -> String {
    let caption = line.caption.as_ref();
    let caption = caption.map_or_else(String::new, |caption| format!("# {caption}\n"));
    format!("{caption}{line}")
}

fn line(line: &Pipeline) -> serde_json::Value {
    let call = |call: &wb_host::task::Call| json!({ "command": call.name, "args": call.args });
    let calls: Vec<_> = line.calls.iter().map(call).collect();
    json!({ "line": line.line, "caption": line.caption, "calls": calls })
}
