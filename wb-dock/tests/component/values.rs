use serde_json::{Value, json};
use wb_dock::{Engine, Function};

use crate::support::{component, wasm};

/// Function, argument in WAVE, argument in JSON. Each returns what it is given.
fn cases() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("point", "{x: -1, y: 2}", json!({"x": -1, "y": 2})),
        ("shape", "dot", json!("dot")),
        ("shape", "circle(2.5)", json!({"circle": 2.5})),
        ("color", "dark-blue", json!("dark-blue")),
        ("access", "{read, run}", json!(["read", "run"])),
        ("access", "{}", json!([])),
        ("maybe", "some(7)", json!(7)),
        ("maybe", "none", json!(null)),
        ("nested", "none", json!(null)),
        ("nested", "some(none)", json!({"some": null})),
        ("nested", "some(some(true))", json!({"some": true})),
        ("outcome", "ok(3)", json!({"ok": 3})),
        ("outcome", "err(\"no\")", json!({"err": "no"})),
        ("numbers", "[1, 2, 65535]", json!([1, 2, 65535])),
        ("numbers", "[]", json!([])),
        ("pair", "(7, '☃')", json!([7, "☃"])),
        ("long", "-9223372036854775808", json!(i64::MIN)),
        ("wide", "18446744073709551615", json!(u64::MAX)),
        ("real", "0.1", json!(0.1)),
        ("real", "nan", json!("nan")),
        ("real", "-inf", json!("-inf")),
        ("flag", "true", json!(true)),
        ("text", "\"a \\\"b\\\" ü\"", json!("a \"b\" ü")),
    ]
}

#[test]
fn wave_text_comes_back_as_it_went() {
    let shapes = component("shapes");
    for (function, wave, _) in cases() {
        let back = shapes.call_wave(function, wave).unwrap().value;
        assert_eq!(back, wave, "{function}");
    }
}

#[test]
fn json_comes_back_as_it_went() {
    let shapes = component("shapes");
    for (function, _, value) in cases() {
        let back = shapes.call_json(function, &json!([value])).unwrap().value;
        assert_eq!(back, value, "{function}");
    }
}

#[test]
fn parameters_can_be_given_by_name() {
    let shapes = component("shapes");
    let sum = |args: Value| {
        shapes
            .call_json("test:guest/shapes#sum", &args)
            .unwrap()
            .value
    };
    assert_eq!(sum(json!({"b": 2, "a": 1})), 3);
    assert_eq!(sum(json!({"a": 1})), 1);
    assert_eq!(sum(json!([1, null])), 1);
}

#[test]
fn wrong_json_is_told_with_what_was_wanted() {
    let shapes = component("shapes");
    for (function, args, message) in [
        (
            "point",
            json!([{"x": 1}]),
            "`at.y`: found `null`, wanted an integer that fits `i32`",
        ),
        (
            "point",
            json!([{"x": 1, "y": 2, "z": 3}]),
            "`at.z`: found `3`, wanted only the fields `x`, `y`",
        ),
        (
            "shape",
            json!(["square"]),
            "`it`: found `\"square\"`, wanted one of `dot`, `circle`",
        ),
        (
            "shape",
            json!(["circle"]),
            "`it`: found `\"circle\"`, wanted `{\"circle\": …}`",
        ),
        (
            "numbers",
            json!([[1, 65536]]),
            "`it.1`: found `65536`, wanted an integer that fits `u16`",
        ),
        (
            "pair",
            json!([[1, "ab"]]),
            "`it.1`: found `\"ab\"`, wanted a string of one character",
        ),
        (
            "outcome",
            json!([{"ok": 1, "err": "x"}]),
            "`it`: found `{\"err\":\"x\",\"ok\":1}`, wanted `{\"ok\": …}` or `{\"err\": …}`",
        ),
        (
            "text",
            json!([]),
            "found `[]`, wanted an array of 1 values or an object of them by name",
        ),
        (
            "text",
            json!("x"),
            "found `\"x\"`, wanted an array of 1 values or an object of them by name",
        ),
    ] {
        let error = shapes.call_json(function, &args).unwrap_err();
        let wanted = format!("`test:guest/shapes#{function}` cannot be called so: {message}");
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn wrong_wave_is_told_with_the_type() {
    let error = component("shapes")
        .call_wave("point", "{x: 1}")
        .unwrap_err();
    let message = error.to_string();
    let wanted = "`test:guest/shapes#point` cannot be called so: found `{x: 1}`, wanted \
                  `func(at: record { x: s32, y: s32 }) -> record { x: s32, y: s32 }`";
    assert!(message.starts_with(wanted), "{message}");
    for text in ["", "1", "{x: 1, y: 2}, 3", "{x: 1, y: 2})(", "\"", "{"] {
        let error = component("shapes").call_wave("point", text).unwrap_err();
        assert_eq!(error.code(), "dock/bad-call", "{text}");
    }
}

#[test]
fn functions_are_listed_with_their_types() {
    let component = component("shapes");
    let listed: Vec<String> = component
        .program()
        .functions()
        .map(ToString::to_string)
        .collect();
    assert!(
        listed.contains(&"sum: func(a: u8) -> u8".to_owned()),
        "{listed:#?}"
    );
    assert!(
        listed.contains(&"test:guest/shapes#sum: func(a: u32, b: option<u32>) -> u32".to_owned()),
        "{listed:#?}"
    );
    // The same is read without compiling anything.
    let read = Engine::new().unwrap().signatures(&wasm("shapes")).unwrap();
    assert_eq!(
        read.iter().map(ToString::to_string).collect::<Vec<_>>(),
        listed
    );
    let signatures: Vec<_> = component
        .program()
        .functions()
        .map(Function::signature)
        .collect();
    assert_eq!(read, signatures);
    // The function of the world goes before the one of the interface.
    assert_eq!(component.call_wave("sum", "5").unwrap().value, "5");
}
