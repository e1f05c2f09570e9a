//! Components on the stack of whoever calls them.

use std::thread;
use std::time::Duration;

use wb_dock::{Component, Engine, ErrorKind, Grant, Invocation, Services};
use wb_policy::Resource;

use crate::support::{limited, wasm};

fn echo(grant: &Grant) -> Component {
    let engine = Engine::builder().callers_stack().build().unwrap();
    let program = engine.load_component(&wasm("echo")).unwrap();
    program.admit(grant, &Services::default()).unwrap()
}

#[test]
fn calls_give_what_they_give_on_a_stack_of_their_own() {
    let echo = echo(&Grant::none());
    let called = echo.call_wave("run", r#""it""#).unwrap();
    assert_eq!(called.value, r#""it""#);
    let mut instance = echo.start(Invocation::new("echo")).unwrap();
    let text = instance.typed::<(&str,), (String,)>("run").unwrap();
    for it in ["a", "b"] {
        assert_eq!(instance.call(&text, (it,)).unwrap(), (it.to_owned(),));
    }
}

#[test]
fn a_thread_with_one_mebibyte_is_enough_for_deep_recursion() {
    let echo = echo(&Grant::none());
    let recurses = move || echo.call_wave("recurse", "").unwrap_err();
    let thread = thread::Builder::new().stack_size(1 << 20);
    let error = thread.spawn(recurses).unwrap().join().unwrap();
    assert_eq!(error.to_string(), "`recurse` crashed: call stack exhausted");
}

#[test]
fn time_and_memory_end_as_ever() {
    let grant = limited(|limits| {
        limits.wall = Duration::from_millis(30);
        limits.memory = 4 << 20;
    });
    for (function, resource) in [("spin", Resource::Wall), ("grow", Resource::Memory)] {
        let error = echo(&grant).call_wave(function, "").unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Limit(limit) if limit.resource == resource),
            "{error}"
        );
    }
}
