use std::collections::VecDeque;

use wb_dock::cap::Failure;

/// Bytes of the longest line, and of the data of one event.
const LONGEST: usize = 1 << 20;

/// Reads the data of server-sent events (WHATWG HTML, 9.2.6) from bytes that come in any pieces.
///
/// Names, ids and retry times are passed over: both formats repeat in the data what matters.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    /// The last byte was a carriage return, to which a line feed may still belong.
    after_return: bool,
    started: bool,
    data: Option<String>,
    complete: VecDeque<String>,
}

impl Events {
    /// Takes what has come.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut rest = bytes;
        if self.after_return && !rest.is_empty() {
            self.after_return = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            self.extend(&rest[..end])?;
            self.end_line()?;
            let returned = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if returned {
                self.after_return = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
        self.extend(rest)
    }

    /// The data of the next event that is complete.
    pub(super) fn next(&mut self) -> Option<String> {
        self.complete.pop_front()
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.line.len() + bytes.len() > LONGEST {
            return Err(too_long());
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), Failure> {
        let mut line = &self.line[..];
        if !self.started {
            self.started = true;
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            self.complete.extend(self.data.take());
        } else if let Some(value) = field(line, b"data") {
            // Only whole lines are decoded, so no character is cut in two.
            let value = String::from_utf8_lossy(value);
            match &mut self.data {
                None => self.data = Some(value.into_owned()),
                Some(data) if data.len() + value.len() < LONGEST => {
                    data.push('\n');
                    data.push_str(&value);
                }
                Some(_) => return Err(too_long()),
            }
        }
        self.line.clear();
        Ok(())
    }
}

/// The value of the field called `name`, if `line` is one.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

fn too_long() -> Failure {
    Failure::limit(format!(
        "an event of the model has more than {LONGEST} bytes"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut events = Events::default();
        for piece in pieces {
            events.push(piece).unwrap();
        }
        std::iter::from_fn(|| events.next()).collect()
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        for (stream, expected) in [
            ("data: a\n\n", &["a"][..]),
            ("data:a\r\rdata:  b\r\n\r\n", &["a", " b"]),
            ("\u{feff}data: a\n\n", &["a"]),
            ("data: a\ndata: b\ndata\n\n", &["a\nb\n"]),
            (": comment\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", &["a"]),
            ("event: x\n\n\n\n", &[]),
            ("database: a\n\n Data: a\n\n", &[]),
            ("data: cut", &[]),
            ("data: cut\n", &[]),
            ("data: a\r\n\ndata\n\n", &["a", ""]),
        ] {
            assert_eq!(events([stream.as_bytes()]), expected, "{stream:?}");
        }
    }

    #[test]
    fn a_line_has_an_end() {
        let mut events = Events::default();
        let piece = vec![b'x'; 64 << 10];
        let pushed: Result<Vec<()>, Failure> = (0..32).map(|_| events.push(&piece)).collect();
        assert_eq!(pushed.unwrap_err().kind, wb_dock::cap::FailureKind::Limit);

        let mut events = Events::default();
        let line = [b"data: ".as_slice(), &[b'x'; 1000], b"\n"].concat();
        let pushed: Result<Vec<()>, Failure> = (0..2000).map(|_| events.push(&line)).collect();
        assert_eq!(pushed.unwrap_err().kind, wb_dock::cap::FailureKind::Limit);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            stream in "(data: ?[a\u{e4}\u{1f980}]{0,3}|:|x)?(\n|\r|\r\n){1,3}{0,12}",
            cuts in prop::collection::vec(1_usize..5, 1..8),
        ) {
            let bytes = stream.as_bytes();
            let mut rest = bytes;
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, later) = rest.split_at(rest.len().min(*cut));
                pieces.push(piece);
                rest = later;
            }
            prop_assert_eq!(events(pieces), events([bytes]));
        }

        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            events(bytes.chunks(7));
        }
    }
}
