//! A task: commands side by side, joined by a pipe, that spend one budget; what a
//! recipe `says | shouts` is lowered to. No shell takes part.
//!
//! `cargo run -p wb-dock --example task`

#![allow(clippy::print_stdout, reason = "an example of a front end")]

use std::thread;

use wb_dock::{Engine, Grant, Input, Invocation, Job, Outcome, Output, Services};
use wb_policy::{Limits, Profile};

const SAYS: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\20\00\00\00two commands, one budget, no sh\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"#;

/// Passes its input on in capitals, as long as there is some.
const SHOUTS: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $capital (param $letter i32) (result i32)
    (select (i32.sub (local.get $letter) (i32.const 32)) (local.get $letter)
      (i32.lt_u (i32.sub (local.get $letter) (i32.const 97)) (i32.const 26))))
  (func (export "_start") (local $at i32)
    (loop $more
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 4096))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
      (local.set $at (i32.load (i32.const 4)))
      (if (local.get $at) (then
        (loop $next
          (local.set $at (i32.sub (local.get $at) (i32.const 1)))
          (i32.store8 offset=1024 (local.get $at)
            (call $capital (i32.load8_u offset=1024 (local.get $at))))
          (br_if $next (local.get $at)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br $more))))))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new()?;
    let admit = |text: &str| -> Result<_, Box<dyn std::error::Error>> {
        let program = engine.load(&wat::parse_str(text)?)?;
        Ok(program.admit(&Grant::none(), &Services::default())?)
    };
    let (says, shouts) = (admit(SAYS)?, admit(SHOUTS)?);

    // Two runs and no more, within the five seconds that the job has as a whole.
    let limits = Limits {
        children: 2,
        ..Profile::compute().limits()
    };
    let job = Job::start("loud", limits);
    let (reads, writes) = std::io::pipe()?;
    let (said, shouted) = thread::scope(|scope| {
        // What the first writes is read as it is written. Its end of the pipe goes
        // with the invocation, so that the second sees where it ends.
        let first = Invocation::new("says").stdout(Output::stream(writes));
        let first = scope.spawn(|| says.run_in(&job, first));
        let second = Invocation::new("shouts").stdin(Input::stream(reads));
        let shouted = shouts.run_in(&job, second);
        (first.join(), shouted)
    });
    let Outcome { exit_code, .. } = said.map_err(|_| "the thread panicked")??;
    let shouted = shouted?;
    print!("{}", String::from_utf8_lossy(&shouted.stdout));
    println!("exit {exit_code} and {}", shouted.exit_code);
    println!(
        "runs: {}, bytes: {}",
        job.usage().children,
        job.usage().output
    );

    // A third call would be one too many.
    let Err(error) = says.run_in(&job, Invocation::new("says")) else {
        return Err("the budget was spent".into());
    };
    println!("{error}");
    Ok(())
}
