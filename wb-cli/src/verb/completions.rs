use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use crate::args::Wbx;
use crate::done::Done;

/// `wbx completions SHELL`
pub(crate) fn run(shell: Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Wbx::command(), "wbx", &mut script);
    let script = String::from_utf8_lossy(&script).trim_end().to_owned();
    let data = json!({ "shell": shell.to_string(), "script": script });
    Done::new(script, data)
}
