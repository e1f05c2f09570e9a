//! Numbers in words, and words that are only words.

use std::borrow::Cow;

/// `1 file`, `2 files`.
pub(crate) fn count(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

/// Bytes in the largest unit that keeps them above one: `1.5 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["bytes", "KiB", "MiB", "GiB"];
    let unit = (bytes.max(1).ilog2() / 10).min(3);
    if unit == 0 {
        return format!("{bytes} bytes");
    }
    let tenths = (u128::from(bytes) * 10) >> (10 * unit);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit as usize])
}

/// Seconds with the digits that matter: `0.04 s`, `12 s`.
pub(crate) fn seconds(time: std::time::Duration) -> String {
    let s = time.as_secs_f64();
    if s < 10.0 {
        format!("{s:.2} s")
    } else {
        format!("{s:.0} s")
    }
}

/// `text` without what would command a terminal: control characters other than
/// line ends and tabs, and those that turn the direction of the text around.
///
/// Toolkits are texts of strangers; what they show must be what they are.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_line_end = |at: usize| text[at..].starts_with("\r\n");
    let shown = |(at, c): (usize, char)| match c {
        '\n' | '\t' => c,
        '\r' if is_line_end(at) => c,
        // The pictures of the first 32 and of DEL.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => c,
    };
    if text.char_indices().all(|(at, c)| shown((at, c)) == c) {
        return text.into();
    }
    text.char_indices().map(shown).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_commands_the_terminal() {
        assert!(matches!(harmless("a\tb\r\nç\n"), Cow::Borrowed(_)));
        assert_eq!(
            harmless("\x1b]0;x\x07\r\u{9b}2J\u{202e}\x7f"),
            "\u{241b}]0;x\u{2407}\u{240d}\u{fffd}2J\u{fffd}\u{2421}"
        );
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (count(1, "file"), count(0, "file")),
            ("1 file".into(), "0 files".into())
        );
        let sizes = [0, 1023, 1024, 1_572_864, u64::MAX].map(size);
        assert_eq!(
            sizes,
            [
                "0 bytes",
                "1023 bytes",
                "1.0 KiB",
                "1.5 MiB",
                "17179869183.9 GiB"
            ]
        );
    }
}
