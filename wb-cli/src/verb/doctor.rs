use wb_host::Repair;
use wb_host::doctor::{Check, examine};

use crate::args::Doctor;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::count;

/// `wbx doctor [--repair]`
pub(crate) fn run(args: &Doctor, env: &Env) -> Result<Done, Failure> {
    let nexus = env.nexus();
    let mut checks = Vec::new();
    if args.repair {
        let done = match nexus.repair()? {
            Repair::NotNeeded => "nothing to mend",
            Repair::Previous => "went back to the state before the last change",
            Repair::Empty => "set the damaged file aside and started an empty one",
        };
        let done = match nexus.sweep()? {
            0 => done.to_owned(),
            swept => format!("{done}; removed {}", count(swept, "leftover")),
        };
        checks.push(Check::good("repair", done));
    }
    checks.extend(examine(&nexus));
    let text: Vec<_> = checks.iter().map(line).collect();
    let healthy = checks.iter().all(|check| check.ok);
    let mut done = Done::new(text.join("\n"), checks);
    done.exit = if healthy { Exit::Done } else { Exit::Failed };
    Ok(done)
}

fn line(check: &Check) -> String {
    let mark = if check.ok { '✓' } else { '✗' };
    let hint = check.hint.as_ref();
    let hint = hint.map_or_else(String::new, |hint| format!("\n    {hint}"));
    format!("{mark} {}: {}{hint}", check.name, check.found)
}
