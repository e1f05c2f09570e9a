//! Texts of deployers and guests: no panic, and what is read prints as itself.

use proptest::prelude::*;

#[path = "../fuzz/checks.rs"]
mod checks;

fn check_all(bytes: &[u8]) {
    for check in checks::ALL {
        check(bytes);
    }
}

#[test]
fn checks_hold_for_texts_made_to_break_them() {
    for case in [
        "",
        "*",
        "*.example.org",
        "https://EXAMPLE.org:443",
        "http://[::ffff:127.0.0.1]:80",
        "https://*:*",
        "https://xn--a",
        "cache-*",
        "workspace/../x",
        "[profiles.x]\nextends = \"posix\"\nmemory = \"1 GiB\"\n",
        "[profiles.compute]\n",
        "[profiles.x]\nextends = \"x\"\n",
    ] {
        check_all(case.as_bytes());
    }
}

proptest! {
    #[test]
    fn checks_hold_for_any_text(text in "(https?://)?[*.a-zA-Z0-9:\\[\\]@/-]{0,24}", bytes: Vec<u8>) {
        check_all(text.as_bytes());
        check_all(&bytes);
    }
}
