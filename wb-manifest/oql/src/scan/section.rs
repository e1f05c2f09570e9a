use std::collections::BTreeMap;

use super::{Line, Scan};
use crate::Span;
use crate::block::{self, Block, BlockKind, HeaderArg};
use crate::diag;
use crate::document::{Keyword, trim};
use crate::table::Table;

/// Reads what stands between two headlines.
///
/// The begin of a block or drawer asks an index for its end, which is made once
/// a section: text that opens and never closes costs no more than any other.
pub(super) struct Section<'s, 'a> {
    scan: &'s mut Scan<'a>,
    end: usize,
    ends: Option<Ends>,
    open: Vec<Container>,
    above: Affiliated,
}

/// An open block or drawer that holds elements.
struct Container {
    content_end: usize,
    next: usize,
}

/// What stands above an element and belongs to it.
#[derive(Default)]
struct Affiliated {
    label: Option<Span>,
    captions: Vec<Span>,
    args: Vec<HeaderArg>,
}

/// Line starts by what the lines end, in ascending order.
type Ends = BTreeMap<EndName, Vec<usize>>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum EndName {
    /// `#+end_NAME` in lower case; `:` for `#+end:`.
    Block(String),
    /// `:END:`
    Drawer,
}

impl<'s, 'a> Section<'s, 'a> {
    pub(super) fn new(scan: &'s mut Scan<'a>, end: usize) -> Self {
        Self {
            scan,
            end,
            ends: None,
            open: Vec::new(),
            above: Affiliated::default(),
        }
    }

    pub(super) fn read(mut self, start: usize) {
        let mut at = start;
        while at < self.end {
            if let Some(closed) = self.open.pop_if(|open| at >= open.content_end) {
                at = closed.next;
                continue;
            }
            let line = self.scan.line(at, self.limit());
            let rest = self.scan.bytes()[line.start..line.end].trim_ascii_start();
            let first = line.end - rest.len();
            let above = std::mem::take(&mut self.above);
            at = match rest {
                [b'#', b'+', ..] => match block_begin(&self.scan.doc.text, first, line.end) {
                    Some((kind, name)) => self.block(kind, name, line, above),
                    None => self.keyword(first, line, above),
                },
                [b':', ..] => self.drawer(first, line),
                [b'|', ..] => self.table(line),
                _ => line.next,
            };
        }
    }

    /// Where the innermost open container ends.
    fn limit(&self) -> usize {
        self.open.last().map_or(self.end, |open| open.content_end)
    }

    fn block(&mut self, kind: BlockKind, name: Span, begin: Line, above: Affiliated) -> usize {
        let doc = &self.scan.doc;
        let end_name = EndName::Block(doc.str(name).to_ascii_lowercase());
        let Some(last) = self.end_of(&end_name, begin.next) else {
            let line = trim(&self.scan.doc.text, begin.start, begin.end);
            let fault = diag::unclosed_block(line, self.scan.doc.str(name));
            self.scan.report(fault);
            return begin.next;
        };
        let rest = Span::of(name.end as usize..begin.end);
        let (language, mut args) = match kind {
            BlockKind::Source => block::source_line(&self.scan.doc.text, rest),
            _ => (None, Vec::new()),
        };
        args.extend(above.args);
        self.scan.doc.blocks.push(Block {
            kind,
            name,
            span: Span::of(begin.start..last.end),
            content: Span::of(begin.next..last.start),
            language,
            args,
            label: above.label,
            captions: above.captions,
            headline: self.scan.headline,
        });
        if !kind.holds_elements() {
            return last.next;
        }
        self.open.push(Container {
            content_end: last.start,
            next: last.next,
        });
        begin.next
    }

    fn drawer(&mut self, first: usize, line: Line) -> usize {
        let Some(name) = drawer_begin(&self.scan.doc.text, first, line.end) else {
            return line.next;
        };
        if let Some(last) = self.end_of(&EndName::Drawer, line.next) {
            self.scan.doc.drawers.push(Span::of(first..last.end));
            self.open.push(Container {
                content_end: last.start,
                next: last.next,
            });
        } else if self.scan.doc.str(name).eq_ignore_ascii_case("properties") {
            self.scan
                .report(diag::unclosed_drawer(Span::of(first..line.end)));
        }
        line.next
    }

    fn table(&mut self, first: Line) -> usize {
        let limit = self.limit();
        let mut table = Table::new(self.scan.headline, first.start);
        let mut line = first;
        loop {
            table.push_line(&self.scan.doc.text, line.start, line.end);
            if line.next >= limit {
                break;
            }
            let next = self.scan.line(line.next, limit);
            let rest = self.scan.bytes()[next.start..next.end].trim_ascii_start();
            if rest.first() != Some(&b'|') {
                break;
            }
            line = next;
        }
        self.scan.doc.tables.push(table);
        line.next
    }

    fn keyword(&mut self, first: usize, line: Line, mut above: Affiliated) -> usize {
        let doc = &mut self.scan.doc;
        let Some(keyword) = read_keyword(&doc.text, first, line, self.scan.headline) else {
            return line.next;
        };
        let key = doc.str(keyword.key).to_ascii_lowercase();
        match key.as_str() {
            "caption" => above.captions.push(keyword.value),
            "name" => above.label = Some(keyword.value),
            "header" | "headers" => {
                let range = keyword.value.range();
                above
                    .args
                    .extend(block::header_args(&doc.text, range.start, range.end));
            }
            // These belong to the element too, but say nothing that is read.
            "plot" | "results" => {}
            _ if key.starts_with("attr_") => {}
            _ => {
                if self.open.is_empty() {
                    doc.keywords.push(keyword);
                }
                return line.next;
            }
        }
        self.above = above;
        line.next
    }

    /// The first line from `from` on that ends `name` inside of the innermost
    /// open container.
    fn end_of(&mut self, name: &EndName, from: usize) -> Option<Line> {
        let limit = self.limit();
        let ends = self
            .ends
            .get_or_insert_with(|| index(self.scan, from, self.end));
        let starts = ends.get(name)?;
        let start = *starts.get(starts.partition_point(|&start| start < from))?;
        (start < limit).then(|| self.scan.line(start, self.end))
    }
}

/// The lines from `from` to `end` that can end a block or drawer.
fn index(scan: &Scan<'_>, from: usize, end: usize) -> Ends {
    let mut ends = Ends::new();
    let mut at = from;
    while at < end {
        let line = scan.line(at, end);
        at = line.next;
        if let Some(name) = end_name(scan.bytes()[line.start..line.end].trim_ascii()) {
            ends.entry(name).or_default().push(line.start);
        }
    }
    ends
}

fn end_name(line: &[u8]) -> Option<EndName> {
    if line.eq_ignore_ascii_case(b":END:") {
        return Some(EndName::Drawer);
    }
    let (word, name) = line.split_at_checked(5)?;
    if !word.eq_ignore_ascii_case(b"#+end") {
        return None;
    }
    match name {
        b":" => Some(EndName::Block(":".to_owned())),
        [b'_', name @ ..] if is_block_name(name) => {
            let name = std::str::from_utf8(name).expect("a block name is ascii");
            Some(EndName::Block(name.to_ascii_lowercase()))
        }
        _ => None,
    }
}

fn is_block_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// The kind and name of the block that the line starts.
fn block_begin(text: &str, first: usize, end: usize) -> Option<(BlockKind, Span)> {
    const BEGIN: &str = "#+begin";
    let (begin, rest) = text.as_bytes()[first..end].split_at_checked(BEGIN.len())?;
    if !begin.eq_ignore_ascii_case(BEGIN.as_bytes()) {
        return None;
    }
    let start = first + BEGIN.len();
    match rest {
        [b':', ..] => Some((BlockKind::Dynamic, Span::of(start..start + 1))),
        [b'_', rest @ ..] => {
            let len = rest
                .iter()
                .take_while(|byte| !byte.is_ascii_whitespace())
                .count();
            let name = Span::of(start + 1..start + 1 + len);
            is_block_name(&rest[..len]).then(|| (BlockKind::of(&text[name.range()]), name))
        }
        _ => None,
    }
}

/// The name in a line that is just `:NAME:`.
fn drawer_begin(text: &str, first: usize, end: usize) -> Option<Span> {
    let line = text[first..end].trim_ascii_end();
    let name = line.strip_prefix(':')?.strip_suffix(':')?;
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let named = !name.is_empty() && name.chars().all(allowed);
    named.then(|| Span::of(first + 1..first + 1 + name.len()))
}

fn read_keyword(text: &str, first: usize, line: Line, headline: Option<usize>) -> Option<Keyword> {
    let start = first + "#+".len();
    let rest = &text[start..line.end];
    let stop = rest.find(|c: char| c == ':' || c == '[' || c.is_ascii_whitespace())?;
    let colon = match rest.as_bytes()[stop] {
        b':' => stop,
        // `#+CAPTION[short]: long`
        b'[' => stop + rest[stop..].find("]:")? + 1,
        _ => return None,
    };
    (stop > 0).then(|| Keyword {
        key: Span::of(start..start + stop),
        value: trim(text, start + colon + 1, line.end),
        line: Span::of(line.start..line.end),
        headline,
    })
}
