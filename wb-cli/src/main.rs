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
mod progress;
mod render;
mod text;
mod ui;
mod verb;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Common, Wbx};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

fn main() -> ExitCode {
    match args::plain_run(std::env::args_os()).map_or_else(Wbx::try_parse, Ok) {
        Ok(wbx) => {
            let ui = Ui::new(wbx.common, wbx.verb.name());
            ui.finish(verb::run(&wbx.verb, wbx.common, ui)).into()
        }
        Err(error) => usage(&error).into(),
    }
}

/// Answers a command line that does not parse, or asks for help.
fn usage(error: &clap::Error) -> Exit {
    let asked = !error.use_stderr();
    let json = std::env::args_os().any(|arg| arg == "--json");
    if json && !asked {
        let common = Common {
            json,
            ..Common::default()
        };
        let text = error.to_string();
        let message = text.trim_start_matches("error: ").lines().next();
        let failure = Failure::usage(message.unwrap_or_default())
            .hint("`wbx --help` lists the verbs and their options");
        return Ui::new(common, "").finish(Err(failure));
    }
    let text = error.render();
    let _ = if asked {
        write!(anstream::stdout().lock(), "{}", text.ansi())
    } else {
        write!(anstream::stderr().lock(), "{}", text.ansi())
    };
    if asked { Exit::Done } else { Exit::Usage }
}
