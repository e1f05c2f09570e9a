use std::io;

use serde_json::json;
use wb_dock::{Input, Invocation, Output};
use wb_host::{ErrorKind, TimedStdin};
use wb_policy::Shape;

use crate::args::Run;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::verb::{call, report};

/// `wbx run NAME [ARGS]`: a registered command, or the native program of a toolkit.
pub(crate) fn run(args: &Run, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let (name, arguments) = args.split();
    let (nexus, profile) = env.bounded(&args.bounds)?;
    let invocation = || {
        let invocation = Invocation::new(name)
            .args(arguments)
            .stdin(Input::stream(TimedStdin::within(profile.limits().wall)));
        if ui.json() {
            return invocation;
        }
        invocation
            .stdout(Output::stream(io::stdout()))
            .stderr(Output::stream(io::stderr()))
    };
    let outcome = match nexus.run(name, invocation(), &profile) {
        Ok(outcome) => outcome,
        // Nothing has run yet; only what is no command is looked at twice.
        Err(error) => match error.kind() {
            ErrorKind::NotRunnable {
                shape: Shape::Component,
                ..
            } => return call::entry(args, &nexus, &profile, ui),
            ErrorKind::NotRunnable {
                shape: Shape::Kernel,
                ..
            } => return call::kernel(args, &nexus, &profile, ui),
            ErrorKind::NoSuchCommand { .. } => {
                let native = nexus.native(&env.catalog(), name)?;
                nexus.run_native(&native, invocation(), &profile)?
            }
            _ => return Err(error.into()),
        },
    };
    if args.report || env.verbose {
        ui.note(&report::text(name, &outcome));
    }
    // The process ends: the system takes the memory back faster than we could.
    std::mem::forget(nexus);
    let mut data = json!({
        "name": name,
        "exit_code": outcome.exit_code,
        "stderr": String::from_utf8_lossy(&outcome.stderr),
        "ms": outcome.elapsed.as_millis() as u64,
        "memory": outcome.usage.memory_peak,
        "report": report::data(&outcome),
    });
    report::output(&mut data, &outcome.stdout);
    let mut done = Done::new("", data);
    done.exit = Exit::Guest(guest_code(outcome.exit_code));
    Ok(done)
}

/// What a calling process sees of an exit code: as on every Unix, its low byte,
/// but never 0 for a code that is not 0.
pub(crate) fn guest_code(code: i32) -> u8 {
    match (code, code.to_le_bytes()[0]) {
        (0, _) => 0,
        (_, 0) => 1,
        (_, low) => low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_never_looks_like_success() {
        assert_eq!([0, 3, 255, 256, -1].map(guest_code), [0, 3, 255, 1, 255]);
    }
}
