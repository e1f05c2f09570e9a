//! A graph of kernels that pass frames through a shared arena, without a copy.
//!
//! `cargo run -p wb-dock --example graph`

#![allow(clippy::print_stdout, reason = "an example of a front end")]

use wb_dock::{Engine, Grant, Graph, Services};
use wb_policy::{Cap, CapSet, Profiles, Trust};

/// Makes a frame in which every byte is one more. `input` and `output` are addresses
/// in its own memory, at whose end the arena lies.
const BRIGHTENS: &str = r#"(module
  (import "wb:frames" "input" (func $input (result i32)))
  (import "wb:frames" "output" (func $output (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "in_ptr") (result i32) (i32.const 0))
  (func (export "out_ptr") (result i32) (i32.const 0))
  (func (export "process") (param $len i32) (result i32)
    (local $i i32) (local $in i32) (local $out i32)
    (local.set $in (call $input))
    (local.set $out (call $output (local.get $len)))
    (if (i32.lt_s (local.get $out) (i32.const 0)) (then (return (local.get $out))))
    (loop $next
      (i32.store8 (i32.add (local.get $out) (local.get $i))
        (i32.add (i32.load8_u (i32.add (local.get $in) (local.get $i))) (i32.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $len))))
    (local.get $len)))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // No built-in profile has `frames`: it is for a deployer to grant.
    let profiles = "[profiles.media]\nextends = \"compute\"\nadd-caps = [\"frames\"]\n";
    let profiles = Profiles::from_toml(profiles)?;
    let profile = profiles.get("media").ok_or("it was declared above")?;
    let grant = Grant::decide(CapSet::of(Cap::Frames), Trust::FirstParty, profile, None)?;

    let program = Engine::new()?.load(&wat::parse_str(BRIGHTENS)?)?;
    let brightens = program.admit_kernel("process", &grant, &Services::default())?;
    let graph = Graph::builder()
        .kernel("once", &brightens)
        .kernel("twice", &brightens)
        .kernel("thrice", &brightens)
        .edge("once", "twice")
        .edge("twice", "thrice")
        .arena(1 << 20) // for the frames under way at one time
        .build()?;
    let mut running = graph.open()?;
    println!("{:?}", running.run(&[0, 10, 20])?);

    // One kernel may feed several: every end has a result.
    let fork = Graph::builder()
        .kernel("once", &brightens)
        .kernel("left", &brightens)
        .kernel("right", &brightens)
        .edge("once", "left")
        .edge("once", "right")
        .build()?;
    fork.open()?
        .run_each(&[1, 2, 3], |end, frame| println!("{end}: {frame:?}"))?;

    let cycle = Graph::builder()
        .kernel("a", &brightens)
        .kernel("b", &brightens)
        .edge("a", "b")
        .edge("b", "a");
    if let Err(error) = cycle.build() {
        println!("{error}");
    }
    Ok(())
}
