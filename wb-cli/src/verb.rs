//! One file a verb.

mod call;
mod completions;
mod doctor;
mod gc;
mod man;
mod quickstart;
mod report;
mod rollback;
pub(crate) mod run;
mod secret;
pub(crate) mod toolchain;
pub(crate) mod toolkit;
mod versions;

use crate::args::{Common, Verb};
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::ui::Ui;

/// Does what the command line asks.
pub(crate) fn run(verb: &Verb, common: Common, ui: Ui) -> Result<Done, Failure> {
    let env = Env::read(common)?;
    match verb {
        Verb::Toolkit(verb) => toolkit::run(verb, &env, ui),
        Verb::Run(args) => run::run(args, &env, ui),
        Verb::Call(args) => call::run(args, &env, ui),
        Verb::Versions(args) => versions::run(args, &env),
        Verb::Rollback(args) => rollback::run(args, &env),
        Verb::Gc(args) => gc::run(args, &env),
        Verb::Toolchain(verb) => toolchain::run(verb, &env, ui),
        Verb::Secret(verb) => secret::run(verb, &env),
        Verb::Quickstart => quickstart::run(&env, ui),
        Verb::Doctor(args) => doctor::run(args, &env),
        Verb::Completions { shell } => Ok(completions::run(*shell)),
        Verb::Man { dir } => man::run(dir.as_deref()),
    }
}
