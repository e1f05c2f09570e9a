use wb_policy::Cap;

use crate::script::{Arg, calls};
use crate::services::everything;
use crate::support::granting;

#[test]
fn messages_come_in_order_and_once() {
    let script = calls! {
        "wb:queue" poll("t");
        "wb:queue" publish("t", "one");
        "wb:queue" publish("t", "");
        "wb:queue" publish("u", "other");
        "wb:queue" poll("t");
        "wb:queue" poll("t");
        "wb:queue" poll("t");
    };
    let answers = script.run(&granting(&[Cap::Queue]), &everything());
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
            (0, "")
        ]
    );
}

#[test]
fn sizes_are_checked_before_the_service() {
    let long = "t".repeat(129);
    let script = calls! {
        "wb:queue" publish("t", Arg::Zeros(256 << 10));
        "wb:queue" publish("t", Arg::Zeros((256 << 10) + 1));
        "wb:queue" poll(&long[..]);
        "wb:queue" poll("");
    };
    let answers = script.run(&granting(&[Cap::Queue]), &everything());
    assert_eq!(answers[0].number, 0);
    let failures = [1, 2, 3].map(|i: usize| answers[i].failure());
    assert_eq!(
        failures,
        [
            (-6, "the message has 262145 bytes, at most 262144 allowed"),
            (-6, "the topic has 129 bytes, at most 128 allowed"),
            (-4, "the topic is empty"),
        ]
    );
}
