//! A program that imports more than it is granted does not start, and the error
//! names the import, the capability and the profile that would grant it.
//!
//! `cargo run -p wb-dock --example refused`

#![allow(clippy::print_stdout, reason = "an example of a front end")]

use wb_dock::{Engine, ErrorKind, Grant, Services};

/// Wants to run other commands, and something nobody has heard of.
const PROGRAM: &str = r#"(module
  (import "wb:commands" "run" (func (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "system" (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = Engine::new()?.load(&wat::parse_str(PROGRAM)?)?;
    let Err(error) = program.admit(&Grant::none(), &Services::default()) else {
        return Err("it was admitted".into());
    };
    println!("{}: {error}", error.code());
    if let ErrorKind::NotGranted { denied } = error.kind() {
        println!("{} imports are refused", denied.len());
    }
    Ok(())
}
