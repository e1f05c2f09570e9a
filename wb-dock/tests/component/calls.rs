use std::time::{Duration, Instant};

use wb_dock::{ErrorKind, Invocation, Services, Session};

use crate::support::{component, program};
use wb_dock::Grant;

#[test]
fn text_goes_in_and_comes_out() {
    let echo = component("echo");
    for text in ["", "hello", "Ünïcode 🙂", "a\0b", &"x".repeat(300_000)] {
        let (back,) = echo
            .call_typed::<(&str,), (String,)>("run", (text,))
            .unwrap()
            .value;
        assert_eq!(back, text);
    }
}

#[test]
fn every_call_has_an_instance_of_its_own() {
    let echo = component("echo");
    for _ in 0..3 {
        assert_eq!(echo.call_wave("count", "").unwrap().value, "1");
    }
}

#[test]
fn an_instance_keeps_what_its_calls_leave() {
    let mut echo = component("echo").start(Invocation::new("echo")).unwrap();
    let count = echo.typed::<(), (u32,)>("count").unwrap();
    for wanted in 1..=3 {
        assert_eq!(echo.call(&count, ()).unwrap(), (wanted,));
    }
    assert_eq!(echo.call_wave("count", "").unwrap(), "4");
    assert!(echo.finish().usage.memory_peak >= 65536);
}

#[test]
#[should_panic(expected = "a function of another instance")]
fn a_function_belongs_to_its_instance() {
    let echo = component("echo");
    let mut one = echo.start(Invocation::new("one")).unwrap();
    let mut other = echo.start(Invocation::new("other")).unwrap();
    let count = one.typed::<(), (u32,)>("count").unwrap();
    let _ = other.call(&count, ());
}

#[test]
fn an_instance_that_crashed_is_over() {
    let mut echo = component("echo").start(Invocation::new("echo")).unwrap();
    let error = echo.call_wave("crash", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`echo` crashed: wasm `unreachable` instruction executed"
    );
    assert!(error.outcome().is_some());
    let error = echo.call_wave("count", "").unwrap_err();
    assert_eq!(error.code(), "dock/instance-over");
}

#[test]
fn a_name_that_is_not_there_is_told_with_those_that_are() {
    let error = component("echo").call_wave("walk", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no function `walk`, there is `run`, `count`, `crash`, `spin`, `grow`, `recurse`"
    );
}

#[test]
fn a_wrong_type_is_told_with_the_right_one() {
    let error = component("echo")
        .call_typed::<(u32,), (u32,)>("run", (1,))
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BadCall { .. }));
    assert!(
        error
            .to_string()
            .contains("its type is `func(input: string) -> string`"),
        "{error}"
    );
}

#[test]
fn the_session_is_known_to_all() {
    let services = Services::default().session(Session {
        id: "s-1".into(),
        tenant: "acme".into(),
    });
    let component = program("session").admit(&Grant::none(), &services).unwrap();
    let (info,) = component
        .call_typed::<(&str,), (String,)>("run", ("",))
        .unwrap()
        .value;
    assert_eq!(info, r#"{"id":"s-1","tenant":"acme","profile":"compute"}"#);
}

#[test]
fn time_begins_anew_with_each_call() {
    let grant = crate::support::limited(|limits| limits.wall = Duration::from_millis(60));
    let echo = crate::support::admit("echo", &grant);
    let mut echo = echo.start(Invocation::new("echo")).unwrap();
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(150) {
        echo.call_wave("count", "").unwrap();
    }
}
