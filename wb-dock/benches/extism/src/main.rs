//! The same work as a kernel of the dock and as a plugin of extism, turn by
//! turn: prints what a call costs on both sides, for an empty frame and for 1 KiB.
//!
//! `cargo run --release` in this folder.

use std::hint::black_box;
use std::time::Instant;

use extism::{Manifest, Plugin, Wasm};
use wb_dock::{Engine, Grant, Services};

/// Returns its input: for the dock in its own memory, for extism by the functions of
/// its runtime, each side in the way that is quickest there.
const DOCK: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "in_ptr") (result i32) (i32.const 1024))
  (func (export "out_ptr") (result i32) (i32.const 1024))
  (func (export "process") (param i32) (result i32) (local.get 0)))"#;

const EXTISM: &str = r#"(module
  (import "extism:host/env" "input_offset" (func $input_offset (result i64)))
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (memory (export "memory") 1)
  (func (export "process") (result i32)
    (call $output_set (call $input_offset) (call $input_length))
    (i32.const 0)))"#;

const ROUNDS: usize = 100;
const BATCH: u32 = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = Engine::new()?.load(&wat::parse_str(DOCK)?)?;
    let kernel = program.admit_kernel("process", &Grant::none(), &Services::default())?;
    let mut dock = kernel.open("process")?;
    let manifest = Manifest::new([Wasm::data(wat::parse_str(EXTISM)?)]);
    let mut plugin = Plugin::new(&manifest, [], false)?;
    for len in [0, 1024] {
        let frame = vec![7_u8; len];
        assert_eq!(plugin.call::<&[u8], &[u8]>("process", &frame)?, frame);
        assert_eq!(dock.call(&frame)?, frame);
        let mut times = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            let started = Instant::now();
            for _ in 0..BATCH {
                black_box(dock.call(black_box(&frame))?);
            }
            times[0].push(started.elapsed().as_secs_f64() / f64::from(BATCH));
            let started = Instant::now();
            for _ in 0..BATCH {
                black_box(plugin.call::<&[u8], &[u8]>("process", black_box(&frame))?);
            }
            times[1].push(started.elapsed().as_secs_f64() / f64::from(BATCH));
        }
        let [ours, theirs] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2] * 1e9
        });
        println!(
            "{len} bytes: dock {ours:.1} ns, extism {theirs:.0} ns, {:.0} x",
            theirs / ours
        );
    }
    Ok(())
}
