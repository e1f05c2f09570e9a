use wb_policy::Cap;

use super::scoped;
use crate::script::{Arg, calls};
use crate::services::everything;
use crate::support::granting;

#[test]
fn what_was_put_is_there_until_it_is_deleted() {
    let script = calls! {
        "wb:kv" get("a");
        "wb:kv" put("a", "one");
        "wb:kv" put("ab", "");
        "wb:kv" put("b", "two");
        "wb:kv" get("a");
        "wb:kv" get("ab");
        "wb:kv" list("a");
        "wb:kv" delete("a");
        "wb:kv" delete("a");
        "wb:kv" list("");
    };
    let answers = script.run(&granting(&[Cap::Kv]), &everything());
    let short: Vec<_> = answers.iter().map(|a| (a.number, a.value())).collect();
    assert_eq!(
        short,
        [
            (0, ""),
            (0, ""),
            (0, ""),
            (0, ""),
            (1, "one"),
            (1, ""),
            (2, "a\0ab\0"),
            (1, ""),
            (0, ""),
            (2, "ab\0b\0"),
        ]
    );
}

#[test]
fn keys_out_of_scope_are_refused_and_not_listed() {
    let services = everything();
    calls! { "wb:kv" put("mine/a", "1"); "wb:kv" put("theirs", "2"); }
        .run(&granting(&[Cap::Kv]), &services);
    let script = calls! {
        "wb:kv" get("mine/a");
        "wb:kv" get("theirs");
        "wb:kv" put("theirs", "3");
        "wb:kv" delete("theirs");
        "wb:kv" list("");
    };
    let answers = script.run(&scoped(Cap::Kv, r#"{"kv":["mine/*"]}"#), &services);
    assert_eq!(answers[0].value(), "1");
    for answer in &answers[1..4] {
        let refused = (-3, "the grant does not reach the key `theirs`");
        assert_eq!(answer.failure(), refused);
    }
    assert_eq!((answers[4].number, answers[4].value()), (1, "mine/a\0"));
}

#[test]
fn sizes_are_checked_before_the_service() {
    let long = "k".repeat(513);
    let script = calls! {
        "wb:kv" put("k", Arg::Zeros(1 << 20));
        "wb:kv" put("k", Arg::Zeros((1 << 20) + 1));
        "wb:kv" get(&long[..512]);
        "wb:kv" get(&long[..]);
        "wb:kv" get("");
        "wb:kv" get("a\0b");
        "wb:kv" get(&b"\xff"[..]);
        "wb:kv" get(Arg::At(0xffff_fff0, 0x20));
    };
    let answers = script.run(&granting(&[Cap::Kv]), &everything());
    assert_eq!((answers[0].number, answers[2].number), (0, 0));
    let failures = [1, 3, 4, 5, 6, 7].map(|i: usize| answers[i].failure());
    assert_eq!(
        failures,
        [
            (-6, "the value has 1048577 bytes, at most 1048576 allowed"),
            (-6, "the key has 513 bytes, at most 512 allowed"),
            (-4, "the key is empty"),
            (-4, "the key has a NUL in it"),
            (-4, "the key is not UTF-8"),
            (-4, "a pointer leads out of memory"),
        ]
    );
}
