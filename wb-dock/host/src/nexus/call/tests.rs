use wb_policy::Posture;

use super::*;
use crate::Home;

/// Adds two numbers, and gives a string back.
const COMPONENT: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (global $at (mut i32) (i32.const 1024))
    (func (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $at)
      (global.set $at (i32.add (global.get $at) (local.get 3))))
    (func (export "same") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $i "add")))
  (func (export "run") (param "input" string) (result string)
    (canon lift (core func $i "same") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))"#;

/// Gives back the frame without its first byte, and fails for an empty one.
const KERNEL: &str = r#"(module
  (memory (export "memory") 2)
  (func (export "in_ptr") (result i32) i32.const 1024)
  (func (export "out_ptr") (result i32) i32.const 1025)
  (func (export "process") (param i32) (result i32)
    (i32.sub (local.get 0) (i32.const 1))))"#;

fn nexus(shape: Shape, wat: &str) -> (tempfile::TempDir, Nexus) {
    let dir = tempfile::tempdir().unwrap();
    let nexus = Nexus::open(Home::at(dir.path().join("nexus")));
    let wasm = wat::parse_str(wat).unwrap();
    let bound = nexus.register(|store| {
        let digest = store.put(&wasm)?;
        let binding = Binding::command("it".parse().unwrap(), digest);
        Ok(vec![Binding { shape, ..binding }])
    });
    bound.unwrap();
    (dir, nexus)
}

fn call(nexus: &Nexus, function: Option<&str>, values: Values<'_>) -> Result<Value, Error> {
    let callable = nexus.callable("it", function, &Profile::compute())?;
    let returned = callable.call(values, Invocation::new("it"))?;
    assert!(!returned.is_err);
    Ok(returned.value)
}

#[test]
fn values_go_in_and_out_in_three_forms() {
    let (_dir, nexus) = nexus(Shape::Component, COMPONENT);
    let sum = call(&nexus, Some("add"), Values::Wave("2, 3"));
    assert_eq!(sum.unwrap(), "5");
    let sum = call(&nexus, Some("add"), Values::Json(&json!({"a": 2, "b": 3})));
    assert_eq!(sum.unwrap(), 5);
    let text = call(&nexus, None, Values::Text("not \"WAVE\""));
    assert_eq!(text.unwrap(), "not \"WAVE\"");
    for (function, values, code) in [
        (Some("add"), Values::Wave("2"), "dock/bad-call"),
        (Some("sub"), Values::Wave("2, 3"), "dock/no-such-function"),
    ] {
        assert_eq!(call(&nexus, function, values).unwrap_err().code(), code);
    }
}

#[test]
fn a_function_says_whether_it_takes_a_text() {
    let (_dir, nexus) = nexus(Shape::Component, COMPONENT);
    for (function, expected) in [("run", true), ("add", false)] {
        let callable = nexus.callable("it", Some(function), &Profile::compute());
        assert_eq!(callable.unwrap().function().takes_text(), expected);
    }
}

#[test]
fn a_kernel_takes_bytes_and_gives_bytes() {
    let (_dir, nexus) = nexus(Shape::Kernel, KERNEL);
    let processed = nexus.process("it", b"abc", &Profile::compute()).unwrap();
    assert_eq!(processed.bytes, "bc");
    let error = nexus.process("it", b"", &Profile::compute()).unwrap_err();
    assert_eq!(error.code(), "dock/kernel-failed");
}

#[test]
fn each_shape_has_its_own_way_to_run() {
    let (_dir, nexus) = nexus(Shape::Kernel, KERNEL);
    let error = call(&nexus, None, Values::Wave("")).unwrap_err();
    assert_eq!(error.code(), "host/not-runnable");
    assert_eq!(error.to_string(), "`it` is a kernel, expected a component");
    let error = nexus.run("it", Invocation::new("it"), &Profile::compute());
    assert_eq!(error.unwrap_err().code(), "host/not-runnable");
}

#[test]
fn what_must_run_in_a_worker_runs_nowhere_else() {
    let (_dir, nexus) = nexus(Shape::Component, COMPONENT);
    let nexus = nexus.with_posture(Posture {
        minimum: Tier::Process,
        ..Posture::default()
    });
    let error = call(&nexus, None, Values::Text("x")).unwrap_err();
    // This test is no worker, so the tier is not to be had; nothing weaker is tried.
    assert_eq!(error.code(), "tier/unavailable");
}
