//! Bundles and registries that were made or damaged by anybody: no panic, and nothing
//! else than what was packed.

use proptest::prelude::*;

#[path = "../fuzz/checks.rs"]
mod checks;

fn registry(entry: &str) -> String {
    format!(r#"{{"format":"wb-registry/1","bindings":{{"a":{entry}}}}}"#)
}

#[test]
fn checks_hold_for_texts_made_to_break_them() {
    let digest = "0".repeat(64);
    let entry = format!(r#"{{"name":"a","digest":"{digest}","shape":"command"}}"#);
    for case in [
        String::new(),
        "PK\u{3}\u{4}".to_owned(),
        "{}".to_owned(),
        registry(&format!(r#"{{"current":0,"versions":[{entry}]}}"#)),
        registry(&format!(r#"{{"current":9,"versions":[{entry}]}}"#)),
        registry(r#"{"current":0,"versions":[]}"#),
    ] {
        for check in checks::ALL {
            check(case.as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn checks_hold_for_any_bytes(bytes: Vec<u8>) {
        for check in checks::ALL {
            check(&bytes);
        }
    }
}
