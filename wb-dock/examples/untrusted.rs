//! Runs a command of a stranger: no files, no environment, no clock, no network.
//!
//! `cargo run -p wb-dock --example untrusted -- tool.wasm [ARGS...] < input`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "an example of a front end"
)]

use std::io::{Read, Write};

use wb_dock::{Engine, Grant, Invocation, Services};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: untrusted tool.wasm [ARGS...]")?;
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;

    let engine = Engine::new()?;
    let program = engine.load(&std::fs::read(path)?)?;
    let command = program.admit(&Grant::none(), &Services::default())?;
    let outcome = command.run(Invocation::new("tool").args(args).stdin(input))?;

    std::io::stdout().write_all(&outcome.stdout)?;
    std::io::stderr().write_all(&outcome.stderr)?;
    eprintln!("exit {}, {:?}", outcome.exit_code, outcome.usage);
    std::process::exit(outcome.exit_code);
}
