use std::borrow::Cow;

use crate::diag::{self, Diagnostic};
use crate::{Document, Span};

/// Reads bytes as text of the same length, so that offsets in the text are
/// offsets in the file: each byte that is not UTF-8 becomes a `?`.
pub(crate) fn decode(bytes: &[u8]) -> (Cow<'_, str>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let bytes = if bytes.len() > Document::MAX_LEN {
        diagnostics.push(diag::too_large(bytes.len(), Document::MAX_LEN));
        &bytes[..Document::MAX_LEN]
    } else {
        bytes
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(first) => {
            let mut text = String::with_capacity(bytes.len());
            let mut invalid = 0;
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(chunk.invalid().iter().map(|_| '?'));
                invalid += chunk.invalid().len();
            }
            let at = first.valid_up_to();
            diagnostics.push(diag::not_utf8(Span::of(at..at + 1), invalid));
            text.into()
        }
    };
    (text, diagnostics)
}

/// Length of the byte order mark that some editors put first.
pub(crate) fn byte_order_mark(text: &str) -> usize {
    if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_bytes_have_the_same_offsets(bytes: Vec<u8>) {
            let (text, diagnostics) = decode(&bytes);
            prop_assert_eq!(text.len(), bytes.len());
            prop_assert_eq!(diagnostics.is_empty(), std::str::from_utf8(&bytes).is_ok());
            for (at, ascii) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii()) {
                prop_assert!(bytes[at] == ascii || ascii == b'?');
            }
        }
    }

    #[test]
    fn a_file_beyond_the_limit_is_cut() {
        let bytes = vec![b'*'; Document::MAX_LEN + 1];
        let (text, diagnostics) = decode(&bytes);
        assert_eq!(text.len(), Document::MAX_LEN);
        assert_eq!(diagnostics[0].code, "org/too-large");
    }
}
