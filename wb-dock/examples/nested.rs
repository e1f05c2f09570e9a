//! One command runs another by name; both spend from one budget, and a recorder
//! writes a line for each.
//!
//! `cargo run -p wb-dock --example nested`

#![allow(clippy::print_stdout, reason = "an example of a front end")]

use std::sync::Arc;

use wb_dock::{ArgMode, Commands, Engine, Event, Grant, Invocation, Recorder, Resolved, Services};
use wb_policy::{Cap, CapSet, Profile, Trust};

/// Runs `greet` and passes its output on.
const CALLER: &str = r#"(module
  (import "wb:commands" "run" (func $run (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wb:reply" "len" (func $len (param i32) (result i32)))
  (import "wb:reply" "read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "greet")
  (func (export "_start")
    (drop (call $run (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (i32.store (i32.const 16) (i32.const 1024))
    (i32.store (i32.const 20) (call $len (i32.const 1)))
    (drop (call $read (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 4096)))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))"#;

const GREET: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;

/// The one command there is.
struct Greet(Resolved);

impl Commands for Greet {
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String> {
        Ok((name == "greet").then(|| self.0.clone()))
    }
}

/// Prints a line of `_steps.jsonl` for every command that ran.
struct Steps;

impl Recorder for Steps {
    fn record(&self, event: &Event<'_>) {
        if let Event::Finished(step) = event {
            println!("{}", step.to_json_line("2026-01-02T03:04:05Z"));
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new()?;
    let greet = Resolved {
        code: engine.load(&wat::parse_str(GREET)?)?.into(),
        grant: Grant::none(),
        arg_mode: ArgMode::Argv,
    };
    let services = Services::default()
        .commands(Arc::new(Greet(greet)))
        .recorder(Arc::new(Steps));
    let declared = CapSet::of(Cap::Commands);
    let grant = Grant::decide(declared, Trust::FirstParty, &Profile::minimal(), None)?;
    let caller = engine.load(&wat::parse_str(CALLER)?)?;
    let outcome = caller
        .admit(&grant, &services)?
        .run(Invocation::new("caller"))?;
    println!("{}", String::from_utf8_lossy(&outcome.stdout).trim_end());
    Ok(())
}
