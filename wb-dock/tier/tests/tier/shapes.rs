//! Components and kernels, in this process and in workers that compile or are sent code.

use bytes::Bytes;
use wb_dock::{Engine, Grant, Invocation, Services};
use wb_policy::{Cap, CapSet, Limits, Profile, Scopes, Tier, Trust};
use wb_tier::{Call, Error, Instance, Module, Process, Runner, Values};

use crate::guests::{ECHO, module};

/// Adds two numbers, fails, and gives a text back.
const COMPONENT: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (global $at (mut i32) (i32.const 1024))
    (func (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1)))
    (func (export "crash") unreachable)
    (func (export "spin") (loop (br 0)))
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
  (func (export "crash") (canon lift (core func $i "crash")))
  (func (export "spin") (canon lift (core func $i "spin")))
  (func (export "same") (param "input" string) (result string)
    (canon lift (core func $i "same") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))"#;

/// Gives back the frame without its first byte, and fails for an empty one.
const KERNEL: &str = r#"(module
  (memory (export "memory") 2)
  (func (export "in_ptr") (result i32) i32.const 1024)
  (func (export "out_ptr") (result i32) i32.const 1025)
  (func (export "process") (param i32) (result i32)
    (i32.sub (local.get 0) (i32.const 1))))"#;

/// What each call comes to, in words that must be the same everywhere.
pub(crate) fn observe(runner: &dyn Runner) -> Vec<String> {
    let mut limits: Limits = Grant::none().limits();
    // Software emulation is slow, and the limit is about the guest.
    limits.wall = std::time::Duration::from_secs(2);
    let grant = Grant::none().narrow_limits(limits);
    let services = Services::default();
    let component = Module::component(wat::parse_str(COMPONENT).unwrap());
    let call = |function: &str, values: Values| {
        let call = Call {
            function: function.to_owned(),
            values,
        };
        let invocation = Invocation::new("typed");
        match runner.call(&component, &grant, &services, invocation, &call) {
            Ok((value, outcome)) => format!("{value} {}", outcome.usage.memory_peak),
            Err(error) => format!("{}: {error}", error.code()),
        }
    };
    let wave = |function, text: &str| call(function, Values::Wave(text.to_owned()));
    let json = |function, text: &str| call(function, Values::Json(text.to_owned()));
    let kernel = Module::kernel(wat::parse_str(KERNEL).unwrap(), "process");
    let process = |module: &Module, frame: Vec<u8>| match runner.process(
        module,
        &grant,
        &services,
        "frames",
        frame.into(),
    ) {
        Ok((frame, outcome)) => format!("{frame:?} {}", outcome.usage.memory_peak),
        Err(error) => format!("{}: {error}", error.code()),
    };
    vec![
        wave("add", "2, 3"),
        json("add", r#"{"a": 2, "b": 3}"#),
        json("same", r#"["text \u00e9"]"#),
        wave("same", r#""more""#),
        wave("add", "2"),
        json("add", "no JSON"),
        wave("none", ""),
        wave("crash", ""),
        wave("spin", ""),
        wave("add", "0, 1"),
        process(&kernel, b"abc".to_vec()),
        process(&kernel, vec![b'x'; 100_000]),
        process(&kernel, Vec::new()),
        process(&kernel, vec![b'x'; 1 << 20]),
        process(&Module::kernel(kernel.wasm().clone(), "other"), Vec::new()),
    ]
}

#[test]
fn components_and_kernels_are_the_same_in_a_worker() {
    let engine = Engine::new().unwrap();
    let here = observe(&Instance::new(engine.clone()));
    assert_eq!(
        here[..4],
        ["5 65536", "5 65536", "\"text é\" 65536", "\"more\" 65536"]
    );
    let process = || Process::with_worker(env!("CARGO_BIN_EXE_wb-worker"));
    assert_eq!(observe(&process()), here, "compiled by the worker");
    assert_eq!(
        observe(&process().compiled_on(engine)),
        here,
        "sent as code"
    );
}

#[test]
fn each_shape_has_its_own_call() {
    let process = Process::with_worker(env!("CARGO_BIN_EXE_wb-worker"));
    let (grant, services) = (Grant::none(), Services::default());
    let command = module(ECHO);
    let component = Module::component(command.wasm().clone());
    let call = Call {
        function: "run".to_owned(),
        values: Values::Wave(String::new()),
    };
    let invocation = || Invocation::new("guest");
    let called = process.call(&command, &grant, &services, invocation(), &call);
    let ran = process.run(&component, &grant, &services, invocation());
    let processed = process.process(&command, &grant, &services, "guest", Bytes::new());
    assert_eq!(called.unwrap_err().code(), "dock/malformed");
    assert_eq!(ran.unwrap_err().code(), "dock/not-a-command");
    assert_eq!(processed.unwrap_err().code(), "dock/not-a-kernel");
    assert!(process.idle_workers().is_empty(), "no worker was needed");
}

#[test]
fn a_frame_in_the_shared_arena_crosses_the_wire() {
    // Gives back the frame that it was given, where it lies.
    let kernel = r#"(module
      (import "wb:frames" "input" (func $input (result i32)))
      (import "wb:frames" "input_len" (func $len (result i32)))
      (import "wb:frames" "output" (func $output (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "in_ptr") (result i32) i32.const 0)
      (func (export "out_ptr") (result i32) i32.const 0)
      (func (export "process") (param i32) (result i32)
        (memory.copy (call $output (call $len)) (call $input) (call $len))
        (call $len)))"#;
    let kernel = Module::kernel(wat::parse_str(kernel).unwrap(), "process");
    let process = Process::with_worker(env!("CARGO_BIN_EXE_wb-worker"));
    let declared = CapSet::of(Cap::Frames);
    let limits = Grant::none().limits();
    // None of the built-in profiles has it.
    let profile = Profile::new("frames", declared, limits, Scopes::default());
    let grant = Grant::decide(declared, Trust::FirstParty, &profile, None).unwrap();
    let frame = Bytes::from(vec![7; 1 << 20]);
    let processed = process.process(&kernel, &grant, &Services::default(), "f", frame.clone());
    assert_eq!(processed.unwrap().0, frame);
}

#[test]
fn a_program_that_may_not_run_needs_no_worker() {
    let engine = Engine::new().unwrap();
    let process = Process::with_worker("/nowhere/worker").compiled_on(engine);
    let refused = process.admit(
        &module(crate::guests::COMMANDS),
        &Grant::none(),
        &Services::default(),
    );
    let Err(Error::Dock(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.code(), "dock/not-granted");
    let admitted = process.admit(&module(ECHO), &Grant::none(), &Services::default());
    assert_eq!(admitted.unwrap_err().code(), "tier/start");
    assert_eq!(process.tier(), Tier::Process);
}
