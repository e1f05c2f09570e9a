//! A guest that never ends is ended, and the error says which limit it was.
//!
//! `cargo run -p wb-dock --example limits`

#![allow(clippy::print_stdout, reason = "an example of a front end")]

use std::time::Duration;

use wb_dock::{Engine, ErrorKind, Grant, Invocation, Services};
use wb_policy::Limits;

const SPINS: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "_start") (loop $again (br $again))))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let grant = Grant::none();
    let limits = Limits {
        wall: Duration::from_millis(100),
        ..grant.limits()
    };
    let program = Engine::new()?.load(&wat::parse_str(SPINS)?)?;
    let command = program.admit(&grant.narrow_limits(limits), &Services::default())?;
    let Err(error) = command.run(Invocation::new("spins")) else {
        return Err("it ended by itself".into());
    };
    println!("{error}");
    if let ErrorKind::Limit(exceeded) = error.kind() {
        println!("limit: {}, by: {}", exceeded.resource, exceeded.by);
    }
    if let Some(outcome) = error.outcome() {
        println!("until then: {:?}, {:?}", outcome.elapsed, outcome.usage);
    }
    Ok(())
}
