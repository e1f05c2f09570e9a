//! A component: functions with types, called as Rust, as text and as JSON.
//!
//! `cargo run -p wb-dock --example component`

#![allow(clippy::print_stdout, reason = "an example of a front end")]

use serde_json::json;
use wb_dock::{Engine, Grant, Invocation, Services};

/// As a compiler makes it; this one is small enough to be written down.
const SHAPES: &str = r#"(component
  (core module $m
    (global $count (mut i32) (i32.const 0))
    (func (export "area") (param $width i32) (param $height i32) (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (i32.mul (local.get $width) (local.get $height)))
    (func (export "count") (result i32) (global.get $count)))
  (core instance $i (instantiate $m))
  (type $size (record (field "width" u32) (field "height" u32)))
  (export $exported "size" (type $size))
  (func (export "area") (param "of" $exported) (result u32) (canon lift (core func $i "area")))
  (func (export "count") (result u32) (canon lift (core func $i "count"))))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = Engine::new()?.load_component(&wat::parse_str(SHAPES)?)?;
    for function in program.functions() {
        println!("{function}");
    }
    let shapes = program.admit(&Grant::none(), &Services::default())?;

    // A fresh instance for each call, with text or JSON in and out.
    let area = shapes.call_wave("area", "{width: 3, height: 4}")?;
    println!("as text: {}, in {:?}", area.value, area.outcome.elapsed);
    let area = shapes.call_json("area", &json!([{"width": 3, "height": 4}]))?;
    println!("as JSON: {}", area.value);

    // One instance, called again and again: it remembers.
    let mut instance = shapes.start(Invocation::new("shapes"))?;
    for side in 1..=3 {
        instance.call_json("area", &json!([{"width": side, "height": side}]))?;
    }
    let count = instance.typed::<(), (u32,)>("count")?;
    let (count,) = instance.call(&count, ())?;
    println!("calls: {count}");
    Ok(())
}
