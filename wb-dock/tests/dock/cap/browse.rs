use wb_policy::Cap;

use super::scoped;
use crate::script::calls;
use crate::services::everything;
use crate::support::granting;

#[test]
fn a_page_is_json() {
    let script = calls! { "wb:browse" fetch("https://a.example/"); };
    let answers = script.run(&granting(&[Cap::Browse]), &everything());
    assert_eq!(
        answers[0].value(),
        r#"{"url":"https://a.example/","status":200,"title":"Echo","text":"Hello","links":[{"text":"self","url":"https://a.example/"}]}"#
    );
}

#[test]
fn browse_has_a_list_of_its_own() {
    let script = calls! {
        "wb:browse" fetch("https://a.example/");
        "wb:browse" fetch("https://b.example/");
        "wb:browse" fetch("ftp://a.example/");
    };
    let scopes = r#"{"net":["https://b.example"],"browse":["https://a.example"]}"#;
    let answers = script.run(&scoped(Cap::Browse, scopes), &everything());
    assert!(answers[0].number > 0);
    let refused = (-3, "the grant does not reach `https://b.example`");
    assert_eq!(answers[1].failure(), refused);
    assert_eq!(answers[2].failure().0, -4);
}
