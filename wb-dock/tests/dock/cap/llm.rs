use wb_policy::Cap;

use super::scoped;
use crate::script::calls;
use crate::services::everything;
use crate::support::granting;

const PROMPT: &str = r#"{"model":"small","messages":[{"role":"user","content":"one two three"}]}"#;

#[test]
fn an_answer_comes_whole_or_in_pieces() {
    let script = calls! {
        "wb:llm" complete("hello there");
        "wb:llm" complete(PROMPT);
        "wb:llm" open(PROMPT);
        "wb:llm" next(0);
        "wb:llm" next(0);
        "wb:llm" next(0);
        "wb:llm" next(0);
        "wb:llm" close(0);
        "wb:llm" next(0);
    };
    let answers = script.run(&granting(&[Cap::Llm]), &everything());
    let short: Vec<_> = answers[..8].iter().map(|a| (a.number, a.value())).collect();
    assert_eq!(
        short,
        [
            (11, "hello there"),
            (13, "one two three"),
            (0, ""),
            (4, "one "),
            (4, "two "),
            (5, "three"),
            (0, ""),
            (0, ""),
        ]
    );
    assert_eq!(answers[8].failure(), (-4, "handle 0 is not open"));
}

#[test]
fn a_scope_names_the_models() {
    let script = calls! {
        "wb:llm" complete(PROMPT);
        "wb:llm" open(r#"{"model":"large","messages":[{"role":"user","content":"x"}]}"#);
        "wb:llm" complete("whichever");
    };
    let answers = script.run(&scoped(Cap::Llm, r#"{"llm":["sm*"]}"#), &everything());
    assert_eq!(answers[0].number, 13);
    let refused = (-3, "the grant does not reach the model `large`");
    assert_eq!(answers[1].failure(), refused);
    let unnamed = (
        -3,
        "the grant reaches only some models, and the prompt names none",
    );
    assert_eq!(answers[2].failure(), unnamed);
}

#[test]
fn a_prompt_is_checked() {
    for prompt in [
        "{",
        r#"{"messages":[]}"#,
        r#"{"messages":[{"role":"system","content":"x"}]}"#,
        r#"{"messages":[{"role":"user","content":"x"}],"temperature":2.5}"#,
        r#"{"messages":[{"role":"user","content":"x"}],"tools":[]}"#,
    ] {
        let script = calls! { "wb:llm" complete(prompt); };
        let answers = script.run(&granting(&[Cap::Llm]), &everything());
        assert_eq!(answers[0].failure().0, -4, "{prompt}");
    }
}
