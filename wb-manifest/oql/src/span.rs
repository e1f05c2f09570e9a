use std::fmt;
use std::ops::Range;

/// A range of bytes in a document.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` to before `end`.
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The bytes of `range`.
    ///
    /// # Panics
    ///
    /// When an offset does not fit 32 bits; documents are shorter, see
    /// [`Document::MAX_LEN`](crate::Document::MAX_LEN).
    pub fn of(range: Range<usize>) -> Self {
        let offset = |at: usize| u32::try_from(at).expect("documents are shorter than 4 GiB");
        Self {
            start: offset(range.start),
            end: offset(range.end),
        }
    }

    /// No bytes, just before offset `at`.
    pub const fn empty(at: u32) -> Self {
        Self { start: at, end: at }
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it holds no byte.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The range to index text with.
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether all of `inner` lies in it.
    pub const fn contains(self, inner: Self) -> bool {
        self.start <= inner.start && inner.end <= self.end
    }

    /// The `len` bytes from `offset` bytes after its start.
    #[must_use]
    pub fn slice(self, offset: usize, len: usize) -> Self {
        let start = self.start as usize + offset;
        Self::of(start..start + len)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A place for people: both numbers count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Finds lines and columns of offsets in one text.
///
/// # Examples
///
/// ```
/// let text = "#+TITLE: é\n#+CAPS: vfs\n";
/// let lines = wb_oql::LineIndex::new(text);
/// assert_eq!(lines.position(text.find("vfs").unwrap() as u32).to_string(), "2:9");
/// ```
#[derive(Clone, Debug)]
pub struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<u32>,
}

impl<'a> LineIndex<'a> {
    /// Indexes the lines of `text`.
    pub fn new(text: &'a str) -> Self {
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// The place of byte `offset`; the end of the text when it lies beyond.
    pub fn position(&self, offset: u32) -> Position {
        let offset = offset.min(self.text.len() as u32);
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts[line - 1];
        let before = &self.text.as_bytes()[start as usize..offset as usize];
        // A byte that continues a UTF-8 sequence starts no character.
        let characters = before.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        Position {
            line: line as u32,
            column: characters as u32 + 1,
        }
    }

    /// The text of line `line` (from 1) without its line break.
    pub fn line(&self, line: u32) -> &'a str {
        let index = line as usize;
        let Some(&start) = index
            .checked_sub(1)
            .and_then(|index| self.starts.get(index))
        else {
            return "";
        };
        let end = self
            .starts
            .get(index)
            .map_or(self.text.len(), |&next| next as usize - 1);
        let line = &self.text[start as usize..end];
        line.strip_suffix('\r').unwrap_or(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let lines = LineIndex::new("aé\r\nb\n");
        let place = |offset| lines.position(offset).to_string();
        assert_eq!(place(0), "1:1");
        assert_eq!(place(3), "1:3");
        assert_eq!(place(5), "2:1");
        assert_eq!(place(7), "3:1");
        assert_eq!(place(99), "3:1");
        assert_eq!(
            (lines.line(1), lines.line(2), lines.line(3)),
            ("aé", "b", "")
        );
        assert_eq!((lines.line(0), lines.line(9)), ("", ""));
    }
}
