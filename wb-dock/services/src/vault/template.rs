//! `{{secret:NAME}}` in a text.
//!
//! What does not have exactly this form is text like any other. A value that is
//! put in is not looked at again.

use std::ops::Range;

use memchr::memmem;

const OPEN: &[u8] = b"{{secret:";
const CLOSE: &[u8] = b"}}";

/// The longest name of a secret, in bytes.
const MAX_NAME: usize = 128;

/// Where a text asks for a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'t> {
    pub(super) range: Range<usize>,
    pub(super) name: &'t str,
}

/// The places of `text`, first to last.
pub(super) fn places(text: &[u8]) -> impl Iterator<Item = Place<'_>> {
    memmem::find_iter(text, OPEN).filter_map(|start| {
        let rest = &text[start + OPEN.len()..];
        let length = rest.iter().take(MAX_NAME + 1).take_while(|b| is_plain(**b));
        let (name, after) = rest.split_at(length.count());
        if name.is_empty() || name.len() > MAX_NAME || !after.starts_with(CLOSE) {
            return None;
        }
        let end = start + OPEN.len() + name.len() + CLOSE.len();
        Some(Place {
            range: start..end,
            name: str::from_utf8(name).ok()?,
        })
    })
}

/// Whether a secret may be called so.
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_exact_form_is_a_place() {
        let names = |text: &'static str| -> Vec<&str> {
            places(text.as_bytes()).map(|place| place.name).collect()
        };
        assert_eq!(names("Bearer {{secret:A_1.b-c}}"), ["A_1.b-c"]);
        assert_eq!(names("{{secret:A}}{{secret:B}}"), ["A", "B"]);
        assert_eq!(names("{{secret:{{secret:A}}}}"), ["A"]);
        for text in [
            "{{secret:}}",
            "{{secret: A}}",
            "{{secret:A }}",
            "{{secret:A}",
            "{{secret:A",
            "{{SECRET:A}}",
            "{secret:A}",
            "{{secret:Ä}}",
            "{{secret:A\n}}",
        ] {
            assert_eq!(names(text), [""; 0], "{text}");
        }
        let long = format!("{{{{secret:{}}}}}", "A".repeat(MAX_NAME + 1));
        assert_eq!(places(long.as_bytes()).count(), 0);
    }

    proptest! {
        #[test]
        fn places_do_not_overlap_and_name_what_is_there(
            parts in prop::collection::vec(prop_oneof![
                Just("{{secret:".to_owned()), Just("}}".to_owned()), "[A-Z.]{0,3}", "\\PC{0,4}",
            ], 0..24),
        ) {
            let text = parts.concat();
            let mut end = 0;
            for place in places(text.as_bytes()) {
                prop_assert!(place.range.start >= end && is_name(place.name));
                end = place.range.end;
                prop_assert_eq!(&text[place.range], format!("{{{{secret:{}}}}}", place.name));
            }
        }
    }
}
