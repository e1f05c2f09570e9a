use std::time::Duration;

use wb_dock::{Engine, ErrorKind, Grant, Services};
use wb_policy::Resource;

use crate::support::{admit, component, component_of, limited, wasm};

fn exceeded(function: &str, grant: &Grant) -> Resource {
    let error = admit("echo", grant).call_wave(function, "").unwrap_err();
    match error.kind() {
        ErrorKind::Limit(exceeded) => {
            assert_eq!(&*exceeded.by, function);
            exceeded.resource
        }
        kind => panic!("{kind:?}"),
    }
}

#[test]
fn a_guest_that_spins_runs_out_of_time() {
    let grant = limited(|limits| limits.wall = Duration::from_millis(30));
    assert_eq!(exceeded("spin", &grant), Resource::Wall);
}

#[test]
fn a_guest_that_grows_runs_out_of_memory() {
    let grant = limited(|limits| limits.memory = 4 << 20);
    assert_eq!(exceeded("grow", &grant), Resource::Memory);
}

#[test]
fn a_guest_that_recurses_crashes_alone() {
    let error = component("echo").call_wave("recurse", "").unwrap_err();
    assert_eq!(error.to_string(), "`recurse` crashed: call stack exhausted");
}

#[test]
fn fuel_is_counted_over_all_calls_of_an_instance() {
    let engine = Engine::builder().fuel(true).build().unwrap();
    let grant = limited(|limits| limits.fuel = Some(100_000));
    let program = engine.load_component(&wasm("echo")).unwrap();
    let echo = program.admit(&grant, &Services::default()).unwrap();
    let mut echo = echo.start(wb_dock::Invocation::new("echo")).unwrap();
    let error = loop {
        if let Err(error) = echo.call_wave("count", "") {
            break error;
        }
    };
    assert!(matches!(error.kind(), ErrorKind::Limit(limit) if limit.resource == Resource::Fuel));
    assert_eq!(error.outcome().unwrap().usage.fuel, 100_000);
}

#[test]
fn a_component_is_no_larger_than_the_compile_limits() {
    let mut limits = wb_dock::CompileLimits::untrusted();
    limits.functions = 3;
    let engine = Engine::builder().compile_limits(limits).build().unwrap();
    let error = engine.load_component(&wasm("echo")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "module too large: 5 types, at most 3 allowed"
    );
    let mut limits = wb_dock::CompileLimits::untrusted();
    limits.parts = 0;
    let engine = Engine::builder().compile_limits(limits).build().unwrap();
    let error = engine.load_component(&wasm("echo")).unwrap_err();
    assert_eq!(error.code(), "dock/too-large");
}

#[test]
fn a_guest_that_hoards_handles_crashes_alone() {
    let wit = "package test:guest;
        world guest { import wasi:clocks/monotonic-clock@0.2.12; export hoard: func(); }";
    let wat = r#"(module
        (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration"
            (func $pollable (param i64) (result i32)))
        (memory (export "memory") 1)
        (func (export "hoard") (loop (drop (call $pollable (i64.const 1))) (br 0))))"#;
    let program = Engine::new()
        .unwrap()
        .load_component(&component_of(wit, wat))
        .unwrap();
    let hoard = program.admit(&Grant::none(), &Services::default()).unwrap();
    let error = hoard.call_wave("hoard", "").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("more than 4096 handles are open"),
        "{error}"
    );
}

#[test]
fn what_is_no_component_is_not_loaded() {
    let engine = Engine::new().unwrap();
    let core = wat::parse_str("(module)").unwrap();
    let error = engine.load_component(&core).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("this is a core module, a component was wanted"),
        "{error}"
    );
    let error = engine.load(&wasm("echo")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("this is a component, a core module was wanted"),
        "{error}"
    );
    for bytes in [&b""[..], b"\0asm", b"text"] {
        let error = engine.load_component(bytes).unwrap_err();
        assert_eq!(error.code(), "dock/malformed");
        assert!(
            error.to_string().ends_with("; a component was wanted"),
            "{error}"
        );
    }
}

#[test]
fn a_pool_has_room_for_so_many_and_no_more() {
    let engine = Engine::builder().pooling(2).build().unwrap();
    let program = engine.load_component(&wasm("echo")).unwrap();
    let echo = program.admit(&Grant::none(), &Services::default()).unwrap();
    let start = || echo.start(wb_dock::Invocation::new("echo"));
    let (one, other) = (start().unwrap(), start().unwrap());
    assert_eq!(start().unwrap_err().code(), "dock/busy");
    drop((one, other));
    start().unwrap();
}
