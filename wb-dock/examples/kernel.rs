//! A kernel: instantiated once, called for frame after frame, then on all cores.
//!
//! `cargo run -p wb-dock --example kernel`

#![allow(clippy::print_stdout, reason = "an example of a front end")]

use std::thread::available_parallelism;

use wb_dock::{Engine, ErrorKind, Grant, Services};

/// Inverts every byte. `in_ptr` and `out_ptr` say where its buffers are, `in_cap` how
/// much fits; an empty frame is an error of its own.
const INVERTS: &str = r#"(module
  (memory (export "memory") 2)
  (func (export "in_ptr") (result i32) (i32.const 1024))
  (func (export "in_cap") (result i32) (i32.const 64000))
  (func (export "out_ptr") (result i32) (i32.const 66000))
  (func (export "process") (param $len i32) (result i32)
    (local $i i32)
    (if (i32.eqz (local.get $len)) (then (return (i32.const -1))))
    (loop $next
      (i32.store8 offset=66000 (local.get $i)
        (i32.xor (i32.load8_u offset=1024 (local.get $i)) (i32.const 0xff)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $len))))
    (local.get $len)))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = Engine::new()?.load(&wat::parse_str(INVERTS)?)?;
    let inverts = program.admit_kernel("process", &Grant::none(), &Services::default())?;

    let mut instance = inverts.open("inverts")?;
    println!("{:02x?}", instance.call(&[0x00, 0x0f, 0xf0])?);

    // Without a copy: the frame is written where the kernel reads it.
    instance.input(4)?.fill(0x55);
    println!("{:02x?}", instance.run(4)?);

    let error = instance.call(&[]).expect_err("there is nothing to invert");
    println!("{error}");
    assert!(matches!(
        error.kind(),
        ErrorKind::KernelFailed { code: -1, .. }
    ));

    // A frame that fails does not touch the others; results are in order.
    let frames: Vec<Vec<u8>> = (0..8).map(|n| vec![n; usize::from(n)]).collect();
    let sums = inverts.map("inverts", &frames, available_parallelism()?, |frame| {
        frame.iter().map(|byte| u32::from(*byte)).sum::<u32>()
    });
    for (index, sum) in sums.into_iter().enumerate() {
        match sum {
            Ok(sum) => println!("frame {index}: {sum}"),
            Err(error) => println!("frame {index}: {error}"),
        }
    }
    Ok(())
}
