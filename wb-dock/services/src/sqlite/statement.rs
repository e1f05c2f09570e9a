//! Where the one statement of a text begins and ends.
//!
//! SQLite prepares one statement after the other and copies the rest of the text
//! each time, which is quadratic for a megabyte of semicolons. So a text is cut to its
//! statement before SQLite sees it. The cut need not know all of SQL: where it errs,
//! SQLite finds a second statement, which is refused as well.

/// The statement in `sql`, without what is empty around it; nothing when there is
/// none or when an empty statement stands between others.
pub(super) fn only(sql: &str) -> Option<&str> {
    let bytes = sql.as_bytes();
    let (mut at, mut begin, mut end) = (0, None, 0);
    // Semicolons since the last token.
    let mut semicolons = 0;
    while at < bytes.len() {
        let next = token(bytes, at);
        match bytes[at] {
            byte if is_space(byte) => {}
            b'-' | b'/' if next > at + 1 => {}
            b';' => semicolons += 1,
            _ if begin.is_some() && semicolons > 1 => return None,
            _ => {
                begin.get_or_insert(at);
                (semicolons, end) = (0, next);
            }
        }
        at = next;
    }
    sql.get(begin?..end)
}

/// Where the token, comment or blank that begins at `at` ends.
fn token(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let after = |skip: usize, end: &[u8]| {
        let found = memchr::memmem::find(&rest[skip.min(rest.len())..], end);
        found.map_or(bytes.len(), |found| at + skip + found + end.len())
    };
    match rest {
        // A doubled quote inside ends one quote and begins the next.
        [quote @ (b'\'' | b'"' | b'`'), ..] => after(1, &[*quote]),
        [b'[', ..] => after(1, b"]"),
        [b'-', b'-', ..] => after(2, b"\n"),
        [b'/', b'*', ..] => after(2, b"*/"),
        _ => at + 1,
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_comments_and_semicolons_around_it_go() {
        for (text, wanted) in [
            ("SELECT 1", Some("SELECT 1")),
            (" ;; -- a ; b\n /* c ; */ SELECT 1 ;;\n", Some("SELECT 1")),
            (
                "SELECT ';', \";\", `;`, [;] ; -- end",
                Some("SELECT ';', \";\", `;`, [;]"),
            ),
            ("SELECT 'it''s; so'", Some("SELECT 'it''s; so'")),
            ("SELECT 1 - 1 / 2", Some("SELECT 1 - 1 / 2")),
            ("SELECT 1 -- ;", Some("SELECT 1")),
            // SQLite tells whether these are a trigger or two statements.
            ("SELECT 1; SELECT 2", Some("SELECT 1; SELECT 2")),
            ("SELECT 1;; SELECT 2", None),
            ("", None),
            (" ; -- ;", None),
            ("SELECT 'open", Some("SELECT 'open")),
            ("/* open", None),
        ] {
            assert_eq!(only(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cut_within_itself(text in "[;'\"`\\[\\]/*\\- \nSx€]{0,40}") {
            if let Some(only) = only(&text) {
                prop_assert!(text.contains(only) && !only.is_empty());
                prop_assert!(!only.starts_with([';', ' ', '\n']));
            }
        }
    }
}
