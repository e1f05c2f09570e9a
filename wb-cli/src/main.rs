//! `wbx`: build, run, verify and ship sandboxed toolkits.
//!
//! A verb is a short file: arguments, a library call, the result in words. No
//! rule of the system lives here.

mod args;
mod done;
mod env;
mod exit;
mod failure;
mod input;
#[cfg(unix)]
mod interrupt;
mod progress;
mod render;
mod text;
mod ui;
mod verb;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::args::{Common, Wbx};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

fn main() -> ExitCode {
    // Before anything is opened: a worker is this very program.
    #[cfg(target_os = "linux")]
    wb_tier::worker_if_asked();
    #[cfg(unix)]
    interrupt::watch();
    match args::plain_run(std::env::args_os()).map_or_else(Wbx::try_parse, Ok) {
        Ok(wbx) => {
            let ui = Ui::new(wbx.common, wbx.verb.name());
            let done = verb::run(&wbx.verb, wbx.common, ui);
            #[cfg(unix)]
            interrupt::settle();
            ui.finish(done).into()
        }
        Err(error) => usage(&error).into(),
    }
}

/// Answers a command line that does not parse, or asks for help.
fn usage(error: &clap::Error) -> Exit {
    let asked = !error.use_stderr();
    // What follows the name of a command is the guest's.
    let args = std::env::args_os().skip(1).take_while(|arg| arg != "--");
    let args: Vec<_> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let json = args.iter().any(|arg| arg == "--json");
    if json && !asked {
        let common = Common {
            json,
            ..Common::default()
        };
        let text = error.to_string();
        let failure =
            Failure::usage(complaint(&text)).hint("`wbx --help` lists the verbs and their options");
        return Ui::new(common, verb_of(&args).leak()).finish(Err(failure));
    }
    let text = error.render();
    let _ = if asked {
        write!(anstream::stdout().lock(), "{}", text.ansi())
    } else {
        write!(anstream::stderr().lock(), "{}", text.ansi())
    };
    if asked { Exit::Done } else { Exit::Usage }
}

/// What is wrong with a command line, without the usage that follows it.
fn complaint(text: &str) -> String {
    let lines = text.trim_start_matches("error: ").lines().map(str::trim);
    let lines =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let lines: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("tip:"))
        .collect();
    lines.join(" ")
}

/// The verb as far as the words name one.
fn verb_of(args: &[String]) -> String {
    let mut command = Wbx::command();
    let mut verb = Vec::new();
    for arg in args.iter().filter(|arg| !arg.starts_with('-')) {
        let Some(found) = command.find_subcommand(arg).cloned() else {
            break;
        };
        verb.push(found.get_name().to_owned());
        command = found;
    }
    verb.join(" ")
}
