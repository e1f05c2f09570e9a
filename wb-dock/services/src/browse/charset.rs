//! In which encoding a page is written (WHATWG HTML, 13.2.3, shortened).

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes in which a page must name its encoding.
const PRESCANNED: usize = 1024;

/// `body` as text. A byte order mark decides, then the header, then the page itself; without
/// any of them it is UTF-8 if it can be, and what the web wrote before otherwise.
pub(super) fn decode<'a>(body: &'a [u8], content_type: &str, html: bool) -> Cow<'a, str> {
    let named = label(content_type.as_bytes()).or_else(|| {
        let start = &body[..body.len().min(PRESCANNED)];
        html.then(|| declared(start)).flatten()
    });
    let encoding = named.unwrap_or_else(|| match std::str::from_utf8(body) {
        Ok(_) => UTF_8,
        Err(_) => WINDOWS_1252,
    });
    // Looks for the byte order mark itself, and puts U+FFFD for what is malformed.
    encoding.decode(body).0
}

/// What the page's `meta` elements say.
fn declared(start: &[u8]) -> Option<&'static Encoding> {
    let lower = start.to_ascii_lowercase();
    let mut rest = &lower[..];
    while let Some(at) = memchr::memmem::find(rest, b"<meta") {
        rest = &rest[at + 5..];
        let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
        if let Some(encoding) = label(&rest[..end]) {
            // A page that could be read so far is not UTF-16, whatever it says.
            let wide = encoding == UTF_16LE || encoding == UTF_16BE;
            return Some(if wide { UTF_8 } else { encoding });
        }
    }
    None
}

/// The encoding after `charset=`.
fn label(text: &[u8]) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let at = memchr::memmem::find(&lower, b"charset")?;
    let value = lower[at + 7..].trim_ascii_start().strip_prefix(b"=")?;
    let value = value.trim_ascii_start();
    let quotes: &[u8] = b"\"'";
    let value = match value.split_first() {
        Some((quote, rest)) if quotes.contains(quote) => rest.split(|b| b == quote).next()?,
        _ => value
            .split(|b| b.is_ascii_whitespace() || b";\"'/>".contains(b))
            .next()?,
    };
    Encoding::for_label(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stronger_word_about_the_encoding_counts() {
        for (body, content_type, html, text) in [
            (
                &b"\xe4"[..],
                "text/html; charset=iso-8859-1",
                true,
                "\u{e4}",
            ),
            (b"\xc3\xa4", "text/html; charset=\"UTF-8\"", true, "\u{e4}"),
            (
                b"\xef\xbb\xbf\xc3\xa4",
                "text/html; charset=latin1",
                true,
                "\u{e4}",
            ),
            (b"\xff\xfe\xe4\x00", "", false, "\u{e4}"),
            (
                b"<meta charset=koi8-r>\xc1",
                "",
                true,
                "<meta charset=koi8-r>\u{430}",
            ),
            (
                b"<meta charset=utf-16>\xc3\xa4",
                "",
                true,
                "<meta charset=utf-16>\u{e4}",
            ),
            (
                b"<meta charset=koi8-r>\xc3\xa4",
                "",
                false,
                "<meta charset=koi8-r>\u{e4}",
            ),
            (
                b"\x93\xc3\xa4",
                "text/plain; charset=nonsense",
                false,
                "\u{201c}\u{c3}\u{a4}",
            ),
            (b"\xc3\xa4", "text/plain; charset", false, "\u{e4}"),
            (b"a\xff", "text/plain; charset=utf-8", false, "a\u{fffd}"),
        ] {
            assert_eq!(decode(body, content_type, html), text, "{content_type}");
        }
    }
}
