//! Makes text harmless for `orgize`, which reads well-meant documents fast and
//! others very slowly or until its stack ends.
//!
//! Measured with 0.10.0-alpha.10: a paragraph of 4 KiB of `*` takes 0.3 s and
//! grows with the square; about 4000 levels of nesting overflow a stack of
//! 2 MiB; each begin of a block that has no end is searched to the end of its
//! section. What is too much is overwritten by a `.`, so that all offsets stay.

use crate::block::{Block, BlockKind};
use crate::diag::{self, Diagnostic};
use crate::scan::headline_level;
use crate::{Document, Span};

/// Levels of headlines, blocks and lists that are kept.
const MAX_DEPTH: usize = 64;
/// List markers that may open one inside the other on a single line.
const MAX_MARKERS: usize = 8;
/// Lines such as `#+NAME:` that may stand above one element.
const MAX_AFFILIATED: usize = 16;
/// Markup bytes times length that one paragraph may have.
const PARAGRAPH_BUDGET: usize = 1 << 19;
/// The same for a whole document, some 0.3 s at worst, and what each byte adds.
const DOCUMENT_BUDGET: usize = 1 << 24;
const BUDGET_PER_BYTE: usize = 64;

/// Text as long as the document's that `orgize` reads in bounded time.
#[derive(Clone, Debug)]
pub struct Tamed {
    /// The text. Equal to the document's unless there are diagnostics or the
    /// document is one that `orgize` reads differently from Org.
    pub text: String,
    /// What was too much.
    pub diagnostics: Vec<Diagnostic>,
}

impl Tamed {
    /// The syntax tree; its offsets are those of the document.
    pub(crate) fn parse(&self) -> orgize::Org {
        orgize::Org::parse(&self.text)
    }
}

/// Overwrites in the text of `doc` what `orgize` cannot bear.
#[expect(clippy::missing_panics_doc, reason = "ascii is replaced by ascii")]
pub fn tame(doc: &Document<'_>) -> Tamed {
    let mut guard = Guard {
        doc,
        bytes: doc.text().as_bytes().to_vec(),
        diagnostics: Vec::new(),
        budget: DOCUMENT_BUDGET + BUDGET_PER_BYTE * doc.text().len(),
        paragraph: Paragraph::default(),
        affiliated: 0,
    };
    guard.blocks();
    guard.lines();
    let text = String::from_utf8(guard.bytes).expect("ascii was replaced by ascii");
    Tamed {
        text,
        diagnostics: guard.diagnostics,
    }
}

struct Guard<'d> {
    doc: &'d Document<'d>,
    bytes: Vec<u8>,
    diagnostics: Vec<Diagnostic>,
    budget: usize,
    paragraph: Paragraph,
    affiliated: usize,
}

/// A run of lines whose markup is read together.
#[derive(Default)]
struct Paragraph {
    start: usize,
    end: usize,
    markup: usize,
}

impl Guard<'_> {
    /// Gives each end the letter case of its begin, which `orgize` insists on,
    /// and unmakes blocks that it would search for in vain or nest too deep.
    fn blocks(&mut self) {
        let mut open: Vec<u32> = Vec::new();
        for block in self.doc.blocks() {
            open.retain(|&end| end > block.span.start);
            // It reads the begin of a dynamic block as a keyword, and seeks no end.
            if block.kind == BlockKind::Dynamic {
                continue;
            }
            let name = self.doc.str(block.name);
            let plain = name.bytes().all(|byte| byte.is_ascii_alphabetic());
            if open.len() >= MAX_DEPTH {
                self.report(diag::deep_nesting(block.span, MAX_DEPTH));
            }
            // It asserts in debug builds that what can hold elements holds some.
            let hollow =
                block.kind.holds_elements() && self.doc.str(block.content).trim().is_empty();
            if !plain || hollow || open.len() >= MAX_DEPTH {
                self.unmake(block);
                continue;
            }
            let end = end_line(block);
            let line = &self.doc.text()[end.range()];
            let at = end.start as usize + line.find('_').map_or(0, |at| at + 1);
            self.bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
            if block.kind.holds_elements() {
                open.push(block.span.end);
            }
        }
    }

    fn unmake(&mut self, block: &Block) {
        for line in [block.span, end_line(block)] {
            let text = &self.doc.text()[line.range()];
            if let Some(at) = text.find('#') {
                self.bytes[line.start as usize + at] = b'.';
            }
        }
    }

    fn lines(&mut self) {
        let text = self.doc.text();
        let begins: Vec<u32> = self
            .doc
            .blocks()
            .iter()
            .map(|block| block.span.start)
            .collect();
        let drawers = self.drawer_lines();
        let mut opaque = self
            .doc
            .blocks()
            .iter()
            .filter(|block| !block.kind.holds_elements());
        let mut next_opaque = opaque.next();
        let (mut start, mut latex) = (0, 0);
        while start < text.len() {
            let len = text[start..]
                .find('\n')
                .map_or(text.len() - start, |at| at + 1);
            let line = &text[start..start + len];
            while next_opaque.is_some_and(|block| block.content.end as usize <= start) {
                next_opaque = opaque.next();
            }
            if let Some(block) = next_opaque.filter(|block| block.content.start as usize <= start) {
                self.close_paragraph();
                start = block.content.end as usize;
                continue;
            }
            let rest = line.trim_ascii_start();
            let first = start + (line.len() - rest.len());
            let level = headline_level(line.as_bytes());
            if rest.is_empty() || level > 0 {
                self.close_paragraph();
                latex = 0;
            }
            if level > MAX_DEPTH {
                self.report(diag::deep_nesting(Span::of(start..start + len), MAX_DEPTH));
                self.bytes[start + MAX_DEPTH] = b' ';
                self.bytes[start + MAX_DEPTH + 1..start + level].fill(b'.');
            }
            let known = begins.binary_search(&(start as u32)).is_ok();
            match rest.as_bytes() {
                [b'#', b'+', after @ ..] => {
                    let begin = after
                        .get(..6)
                        .is_some_and(|word| word.eq_ignore_ascii_case(b"begin_"));
                    self.affiliated += 1;
                    if (begin && !known) || (!begin && self.affiliated > MAX_AFFILIATED) {
                        self.bytes[first] = b'.';
                    }
                }
                [b':', ..] if rest.trim_ascii_end().ends_with(':') => {
                    if drawers.binary_search(&(start as u32)).is_err() {
                        self.bytes[first] = b'.';
                    }
                }
                [b'\\', ..] => {
                    latex += 1;
                    if latex > MAX_MARKERS {
                        self.bytes[first] = b'.';
                    }
                }
                [b'|', ..] => self.close_paragraph(),
                _ => self.markers(first, start + len),
            }
            if !rest.starts_with("#+") {
                self.affiliated = 0;
            }
            self.add(start, start + len);
            if level > 0 || rest.starts_with('|') {
                self.close_paragraph();
            }
            start += len;
        }
        self.close_paragraph();
    }

    /// Starts of the lines that begin, end or are inside of a real drawer.
    fn drawer_lines(&self) -> Vec<u32> {
        let text = self.doc.text();
        let headlines = self
            .doc
            .headlines()
            .iter()
            .filter_map(|headline| headline.drawer.as_ref());
        let properties = headlines.chain(self.doc.drawer()).map(|drawer| drawer.span);
        let mut starts = Vec::new();
        for span in properties.chain(self.doc.drawers().iter().copied()) {
            let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
            starts.push(line_start(span.start as usize) as u32);
            starts.push(line_start(span.end as usize) as u32);
        }
        // Properties without a value look like drawers and are none.
        starts.sort_unstable();
        starts
    }

    /// Overwrites list markers that would nest too deep.
    fn markers(&mut self, first: usize, end: usize) {
        let indent = self.doc.text()[..first]
            .bytes()
            .rev()
            .take_while(|&byte| byte != b'\n');
        let too_far = indent.count() > MAX_DEPTH;
        let (mut at, mut count) = (first, 0);
        while let Some(len) = marker(&self.bytes[at..end]) {
            count += 1;
            if count == 1 {
                self.close_paragraph();
            }
            if too_far || count > MAX_MARKERS {
                self.bytes[at..at + len - 1].fill(b'.');
            }
            at += len;
        }
        if count > 0 && (too_far || count > MAX_MARKERS) {
            self.report(diag::deep_nesting(Span::of(first..at), MAX_DEPTH));
        }
    }

    fn add(&mut self, start: usize, end: usize) {
        if self.paragraph.markup == 0 {
            self.paragraph.start = start;
        }
        self.paragraph.end = end;
        self.paragraph.markup += self.bytes[start..end]
            .iter()
            .filter(|&&b| is_markup(b))
            .count();
    }

    fn close_paragraph(&mut self) {
        let Paragraph { start, end, markup } = std::mem::take(&mut self.paragraph);
        let cost = markup * end.saturating_sub(start);
        if cost <= PARAGRAPH_BUDGET && cost <= self.budget {
            self.budget -= cost;
            return;
        }
        self.report(diag::markup_ignored(Span::of(start..end)));
        let mut line_start = true;
        for at in start..end {
            // Stars of a headline stay: they are structure.
            let stars = if line_start {
                headline_level(&self.bytes[at..end]).min(MAX_DEPTH)
            } else {
                0
            };
            line_start = self.bytes[at] == b'\n';
            if stars == 0 && is_markup(self.bytes[at]) {
                self.bytes[at] = b'.';
            } else if stars > 0 {
                let line = self.bytes[at..end].iter().position(|&byte| byte == b'\n');
                let line_end = line.map_or(end, |len| at + len);
                for byte in &mut self.bytes[at + stars..line_end] {
                    if is_markup(*byte) {
                        *byte = b'.';
                    }
                }
                break;
            }
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < 100 {
            self.diagnostics.push(diagnostic);
        }
    }
}

fn end_line(block: &Block) -> Span {
    Span::new(block.content.end, block.span.end)
}

/// Length of the list marker at the start, with its blanks.
fn marker(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let len = match text {
        [b'-' | b'+' | b'*', ..] => 1,
        _ if digits > 0 && matches!(text.get(digits), Some(b'.' | b')')) => digits + 1,
        _ => return None,
    };
    let blanks = text[len..]
        .iter()
        .take_while(|&&byte| byte == b' ' || byte == b'\t')
        .count();
    (blanks > 0).then_some(len + blanks)
}

/// Whether `orgize` looks for an object that starts or ends with this byte.
const fn is_markup(byte: u8) -> bool {
    matches!(
        byte,
        b'*' | b'+' | b'/' | b'_' | b'=' | b'~' | b'@' | b'<' | b'[' | b'\\' | b'$' | b'{' | b'^'
    )
}
