//! `wbx quickstart`: the whole ladder on a real program, in two scratch nexuses.
//!
//! Every step is the verb that a user would type, run by the same function; a
//! step that does not do what it says ends the tour.

mod tour;

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use wb_host::atomic::{self, Mode};

use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress;
use crate::text::{count, seconds};
use crate::ui::Ui;

use tour::Tour;

/// The program that climbs.
const SLUG: &str = include_str!("../../quickstart/slug.js");

/// The program that is refused.
const ASK: &str = include_str!("../../quickstart/ask.js");

/// Lines that `slug` gets to read.
const TITLES: usize = 2000;

/// `wbx quickstart`
pub(crate) fn run(env: &Env, ui: Ui) -> Result<Done, Failure> {
    let start = Instant::now();
    ui.say("Compilers: wasm modules, pinned by digest; what is there already is skipped.\n");
    let toolchains = env.nexus().toolchains()?.offline(env.offline);
    toolchains.install(&[], &*progress::follow(ui))?;
    let ready = toolchains.list().iter().filter(|pack| pack.ready()).count();
    let installed = start.elapsed();
    ui.say(&format!(
        "{} ready after {}\n",
        count(ready, "pack"),
        seconds(installed)
    ));

    let scratch = atomic::scratch_dir(&env.home.tmp(), Mode::Private).map_err(|e| broken(&e))?;
    let place = |name: &str| scratch.path().join(name);
    let work = place("work");
    fs::create_dir(&work).map_err(|e| broken(&e))?;
    write(&work, "slug.js", SLUG)?;
    write(&work, "ask.js", ASK)?;
    write(&work, "titles.txt", &titles())?;

    let first = Tour::new(env.elsewhere(&work, &place("first")), ui);
    let climb = first.climb()?;
    let second = Tour::new(env.elsewhere(&work, &place("second")), ui);
    second.arrive(&climb)?;
    let refusal = first.refuse()?;

    let text = format!(
        "What happened: slug.js was compiled in the sandbox and ran as a command; as a toolkit it\n\
         was built again and gave the same bytes, {:.12}…; packed, it was installed into a second\n\
         nexus by the sha256 of its bundle and gave the same output there. ask.js wanted more than\n\
         it was granted and was refused before any of it ran. The scratch nexuses are gone again.\n\
         All of it took {}.\n\n\
         Next, in a directory of your own:\n  \
           wbx toolkit build-inline NAME js FILE.js   a command from one file (or c, c++, ts)\n  \
           wbx run NAME -- ARGS                       run it, with pipes\n  \
           wbx toolkit promote NAME js FILE.js        make it a toolkit with sources\n  \
           wbx toolkit --help                         everything else",
        climb.artifact,
        seconds(start.elapsed()),
    );
    let data = json!({
        "packs": ready,
        "install_ms": installed.as_millis() as u64,
        "total_ms": start.elapsed().as_millis() as u64,
        "artifact": climb.artifact,
        "bundle": climb.bundle,
        "lines": TITLES,
        "refusal": refusal,
    });
    Ok(Done::new(text, data))
}

/// Many titles in several scripts.
fn titles() -> String {
    let some = [
        "Crème Brûlée & Œufs à la neige",
        "Don’t panic: Ünïcödé on every Straße!",
        "Привет, мир — чай и ёлка",
        "Καλημέρα κόσμε",
    ];
    let line = |i: usize| format!("{} {}\n", some[i % some.len()], i / some.len() + 1);
    (0..TITLES).map(line).collect()
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), Failure> {
    fs::write(dir.join(name), text).map_err(|e| broken(&e))
}

/// The scratch directory cannot be used.
fn broken(error: &std::io::Error) -> Failure {
    let message = format!("the nexus cannot be written to: {error}");
    Failure::new(Exit::Failed, "cli/scratch", message)
        .hint("set `WB_HOME` to a directory of your own")
}
