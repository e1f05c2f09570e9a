//! Guests, each doing one thing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wb_tier::Module;

pub(crate) const NOTHING: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

pub(crate) const TRAPS: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") unreachable))"#;

/// Held by whoever runs [`SPINS`]: one test kills the worker that spins, and must
/// not find that of another.
static SPINNING: Mutex<()> = Mutex::new(());

/// A test that failed while it held it does not make the others fail.
pub(crate) fn spinning() -> MutexGuard<'static, ()> {
    SPINNING.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) const SPINS: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;

pub(crate) const GROWS: &str = r#"(module (memory (export "memory") 1)
    (func (export "_start") (loop (drop (memory.grow (i32.const 16))) (br 0))))"#;

/// Copies standard input to standard output.
pub(crate) const ECHO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (loop $more
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 4096))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (if (i32.load (i32.const 8)) (then
          (i32.store (i32.const 4) (i32.load (i32.const 8)))
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
          (br $more))))))"#;

/// Imports what needs a capability.
pub(crate) const COMMANDS: &str = r#"(module
    (import "wb:commands" "run" (func (param i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1) (func (export "_start")))"#;

/// Writes its arguments, a NUL after each.
const ARGS: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (drop (call $sizes (i32.const 0) (i32.const 20)))
      (drop (call $args (i32.const 100) (i32.const 1024)))
      (i32.store (i32.const 16) (i32.const 1024))
      (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))))"#;

pub(crate) fn module(wat: &str) -> Module {
    Module::new(wat::parse_str(wat).expect("the text is a module"))
}

pub(crate) fn echo_args() -> Module {
    module(ARGS)
}
