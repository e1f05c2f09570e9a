use wb_policy::Cap;

use super::scoped;
use crate::script::calls;
use crate::services::everything;
use crate::support::granting;

#[test]
fn a_secret_is_used_and_never_read() {
    let script = calls! {
        "wb:secrets" present("signing");
        "wb:secrets" present("other");
        "wb:secrets" sign("signing", "data");
        "wb:secrets" hmac("signing", "data");
        "wb:secrets" sign("other", "data");
    };
    let answers = script.run(&granting(&[Cap::Secrets]), &everything());
    assert_eq!((answers[0].number, answers[1].number), (1, 0));
    assert_eq!((answers[2].number, answers[2].value()), (11, "signed:data"));
    assert_eq!(answers[3].value(), "hmac-signed:data");
    assert_eq!(answers[4].failure(), (-1, "no secret `other`"));
}

#[test]
fn not_even_the_presence_is_told_out_of_scope() {
    let script = calls! {
        "wb:secrets" present("signing");
        "wb:secrets" sign("signing", "");
        "wb:secrets" hmac("signing", "");
        "wb:secrets" present("other");
    };
    let grant = scoped(Cap::Secrets, r#"{"secrets":["other"]}"#);
    let answers = script.run(&grant, &everything());
    for answer in &answers[..3] {
        let refused = (-3, "the grant does not reach the secret `signing`");
        assert_eq!(answer.failure(), refused);
    }
    assert_eq!(answers[3].number, 0);
}
