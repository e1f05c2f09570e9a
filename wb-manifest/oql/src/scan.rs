//! One pass over the lines of a document.
//!
//! Each begin of a block or drawer asks an index for its end, which is made
//! once a section. So text that opens and never closes costs no more than any
//! other, and nothing recurses.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::{memchr, memchr_iter};

use crate::block::{self, Block, BlockKind, HeaderArg};
use crate::diag::{self, Diagnostic};
use crate::document::{Document, Keyword, trim};
use crate::headline::{Headline, Property, PropertyDrawer};
use crate::table::Table;
use crate::{Span, source};

/// Findings of one kind are of no more use by the thousand.
const MAX_DIAGNOSTICS: usize = 100;

pub(crate) fn document(text: Cow<'_, str>, diagnostics: Vec<Diagnostic>) -> Document<'_> {
    let start = source::byte_order_mark(&text);
    let doc = Document {
        preamble: Span::empty(start as u32),
        text,
        drawer: None,
        headlines: Vec::new(),
        keywords: Vec::new(),
        blocks: Vec::new(),
        tables: Vec::new(),
        drawers: Vec::new(),
        diagnostics,
    };
    let mut scan = Scan {
        doc,
        headline: None,
    };
    let first = scan.next_headline(start);
    scan.doc.preamble = Span::of(start..first);
    scan.section(start, first);
    let mut at = first;
    while at < scan.doc.text.len() {
        at = scan.headline(at);
    }
    scan.close_subtrees();
    scan.doc
}

/// How many stars start a headline here; 0 for any other line.
pub(crate) fn headline_level(line: &[u8]) -> usize {
    let stars = line.iter().take_while(|&&byte| byte == b'*').count();
    if line.get(stars) == Some(&b' ') {
        stars
    } else {
        0
    }
}

struct Scan<'a> {
    doc: Document<'a>,
    /// Index of the headline whose section is read.
    headline: Option<usize>,
}

/// A line of a section: its text without the break, and where the next starts.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

/// What stands above an element and belongs to it.
#[derive(Default)]
struct Affiliated {
    label: Option<Span>,
    captions: Vec<Span>,
    args: Vec<HeaderArg>,
}

impl Affiliated {
    fn is_empty(&self) -> bool {
        self.label.is_none() && self.captions.is_empty() && self.args.is_empty()
    }
}

/// An open block or drawer that holds elements.
struct Container {
    content_end: usize,
    next: usize,
}

impl<'a> Scan<'a> {
    fn bytes(&self) -> &[u8] {
        self.doc.text.as_bytes()
    }

    /// The line at `start`, which ends at `limit` at the latest.
    fn line(&self, start: usize, limit: usize) -> Line {
        let rest = &self.bytes()[start..limit];
        let (len, next) = match memchr(b'\n', rest) {
            Some(at) => (at, start + at + 1),
            None => (rest.len(), limit),
        };
        let len = if rest[..len].ends_with(b"\r") {
            len - 1
        } else {
            len
        };
        Line {
            start,
            end: start + len,
            next,
        }
    }

    /// Where the first headline at or behind line start `from` starts.
    fn next_headline(&self, from: usize) -> usize {
        let bytes = self.bytes();
        if headline_level(&bytes[from..]) > 0 {
            return from;
        }
        memchr_iter(b'\n', &bytes[from..])
            .map(|at| from + at + 1)
            .find(|&start| bytes.get(start) == Some(&b'*') && headline_level(&bytes[start..]) > 0)
            .unwrap_or(bytes.len())
    }

    /// Reads the headline at `start` with its section; gives the next one's start.
    fn headline(&mut self, start: usize) -> usize {
        let line = self.line(start, self.doc.text.len());
        let level = headline_level(&self.bytes()[start..]);
        let mut headline = Headline::read(&self.doc.text, Span::of(start..line.end), level);
        let end = self.next_headline(line.next);
        headline.section = Span::of(line.next..end);
        self.headline = Some(self.doc.headlines.len());
        self.doc.headlines.push(headline);
        self.section(line.next, end);
        end
    }

    /// Fills in what each subtree spans and stands under.
    fn close_subtrees(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        let end = self.doc.text.len() as u32;
        for index in 0..self.doc.headlines.len() {
            let (level, start) = {
                let headline = &self.doc.headlines[index];
                (headline.level, headline.line.start)
            };
            while let Some(&last) = open.last() {
                if self.doc.headlines[last].level < level {
                    break;
                }
                self.doc.headlines[last].subtree.end = start;
                open.pop();
            }
            self.doc.headlines[index].parent = open.last().copied();
            open.push(index);
        }
        for index in open {
            self.doc.headlines[index].subtree.end = end;
        }
    }

    fn section(&mut self, start: usize, end: usize) {
        let mut at = self.front_matter(start, end);
        let mut ends = None;
        let mut containers: Vec<Container> = Vec::new();
        let mut above = Affiliated::default();
        while at < end {
            let limit = match containers.last() {
                Some(open) if at >= open.content_end => {
                    at = open.next;
                    containers.pop();
                    continue;
                }
                Some(open) => open.content_end,
                None => end,
            };
            let line = self.line(at, limit);
            at = line.next;
            let rest = self.bytes()[line.start..line.end].trim_ascii_start();
            let first = line.end - rest.len();
            match rest.first() {
                Some(b'#') if rest.starts_with(b"#+") => {
                    if let Some((kind, name)) = block_begin(&self.doc.text, first, line.end) {
                        let found = self.end_of(&mut ends, line.next, end, limit, name);
                        let above = std::mem::take(&mut above);
                        at = match found {
                            Some(last) => {
                                self.block(kind, name, line, last, above);
                                if kind.holds_elements() {
                                    let (content_end, next) = (last.start, last.next);
                                    containers.push(Container { content_end, next });
                                    line.next
                                } else {
                                    last.next
                                }
                            }
                            None => {
                                let span = Span::of(first..line.end);
                                let name = self.doc.str(name).to_owned();
                                self.report(|| diag::unclosed_block(span, &name));
                                line.next
                            }
                        };
                    } else {
                        self.keyword(first, line, containers.is_empty(), &mut above);
                    }
                    continue;
                }
                Some(b':') => {
                    if let Some(name) = drawer_begin(&self.doc.text, first, line.end) {
                        let end_name = EndName::Drawer;
                        match self.find_end(&mut ends, line.next, end, limit, &end_name) {
                            Some(last) => {
                                self.doc.drawers.push(Span::of(first..last.end));
                                let (content_end, next) = (last.start, last.next);
                                containers.push(Container { content_end, next });
                            }
                            None if self.doc.str(name).eq_ignore_ascii_case("properties") => {
                                self.report(|| diag::unclosed_drawer(Span::of(first..line.end)));
                            }
                            None => {}
                        }
                    }
                }
                Some(b'|') => at = self.table(line, limit),
                _ => {}
            }
            if !above.is_empty() {
                above = Affiliated::default();
            }
        }
    }

    /// Reads planning and properties, which only the first lines of a section
    /// can be, and gives the start of what follows.
    fn front_matter(&mut self, start: usize, end: usize) -> usize {
        let mut at = start;
        let mut planning = self.headline;
        while at < end {
            let line = self.line(at, end);
            let text = &self.doc.text[line.start..line.end];
            let word = text.trim_ascii();
            if word.is_empty() {
                planning = None;
                at = line.next;
            } else if let Some(index) = planning
                && ["SCHEDULED:", "DEADLINE:", "CLOSED:"]
                    .iter()
                    .any(|key| word.starts_with(key))
            {
                self.doc.headlines[index].planning =
                    Some(trim(&self.doc.text, line.start, line.end));
                planning = None;
                at = line.next;
            } else if word.eq_ignore_ascii_case(":PROPERTIES:") {
                return self.properties(line, end).unwrap_or(start);
            } else {
                return at;
            }
        }
        at
    }

    fn properties(&mut self, begin: Line, end: usize) -> Option<usize> {
        let mut properties = Vec::new();
        let mut strange = Vec::new();
        let mut at = begin.next;
        loop {
            if at >= end {
                return None;
            }
            let line = self.line(at, end);
            let span = Span::of(line.start..line.end);
            let text = self.doc.str(span).trim_ascii();
            at = line.next;
            if text.eq_ignore_ascii_case(":END:") {
                let span = Span::of(begin.start..line.end);
                let drawer = Some(PropertyDrawer { span, properties });
                match self.headline {
                    Some(index) => self.doc.headlines[index].drawer = drawer,
                    None => self.doc.drawer = drawer,
                }
                for span in strange {
                    self.report(|| diag::not_a_property(span));
                }
                return Some(at);
            }
            match Property::read(&self.doc.text, span) {
                Some(property) => properties.push(property),
                None if text.is_empty() => {}
                None => strange.push(span),
            }
        }
    }

    fn keyword(&mut self, first: usize, line: Line, counts: bool, above: &mut Affiliated) {
        let Some(keyword) = read_keyword(&self.doc.text, first, line, self.headline) else {
            *above = Affiliated::default();
            return;
        };
        let key = self.doc.str(keyword.key);
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        if is("caption") {
            above.captions.push(keyword.value);
        } else if is("name") {
            above.label = Some(keyword.value);
        } else if is("header") || is("headers") {
            let Span { start, end } = keyword.value;
            above.args.extend(block::header_args(
                &self.doc.text,
                start as usize,
                end as usize,
            ));
        } else if key
            .get(..5)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("attr_"))
            || is("results")
            || is("plot")
        {
            // Belongs to the element as well, but is of no use here.
        } else {
            *above = Affiliated::default();
            if counts {
                self.doc.keywords.push(keyword);
            }
        }
    }

    fn block(&mut self, kind: BlockKind, name: Span, begin: Line, last: Line, above: Affiliated) {
        let rest = Span::of(name.end as usize..begin.end);
        let (language, mut args) = match kind {
            BlockKind::Source => block::source_line(&self.doc.text, rest),
            _ => (None, Vec::new()),
        };
        args.extend(above.args);
        self.doc.blocks.push(Block {
            kind,
            name,
            span: Span::of(begin.start..last.end),
            content: Span::of(begin.next..last.start),
            language,
            args,
            label: above.label,
            captions: above.captions,
            headline: self.headline,
        });
    }

    fn table(&mut self, first: Line, limit: usize) -> usize {
        let mut table = Table::new(self.headline, first.start);
        let mut line = first;
        loop {
            table.push_line(&self.doc.text, line.start, line.end);
            if line.next >= limit {
                break;
            }
            let next = self.line(line.next, limit);
            let rest = self.bytes()[next.start..next.end].trim_ascii_start();
            if rest.first() != Some(&b'|') {
                break;
            }
            line = next;
        }
        self.doc.tables.push(table);
        line.next
    }

    fn end_of(
        &self,
        ends: &mut Option<Ends>,
        from: usize,
        end: usize,
        limit: usize,
        name: Span,
    ) -> Option<Line> {
        let name = EndName::Block(self.doc.str(name).to_ascii_lowercase());
        self.find_end(ends, from, end, limit, &name)
    }

    /// The first line from `from` to before `limit` that ends `name`.
    fn find_end(
        &self,
        ends: &mut Option<Ends>,
        from: usize,
        end: usize,
        limit: usize,
        name: &EndName,
    ) -> Option<Line> {
        let ends = ends.get_or_insert_with(|| self.ends(from, end));
        let starts = ends.get(name)?;
        let start = *starts.get(starts.partition_point(|&start| start < from))?;
        (start < limit).then(|| self.line(start, end))
    }

    /// The lines of a section that can end a block or drawer.
    fn ends(&self, from: usize, end: usize) -> Ends {
        let mut ends = Ends::new();
        let mut at = from;
        while at < end {
            let line = self.line(at, end);
            let rest = self.bytes()[line.start..line.end].trim_ascii();
            at = line.next;
            let name = if rest.eq_ignore_ascii_case(b":END:") {
                EndName::Drawer
            } else if rest.len() > 5 && rest[..5].eq_ignore_ascii_case(b"#+end") {
                match &rest[5..] {
                    b":" => EndName::Block(":".to_owned()),
                    [b'_', name @ ..] if is_block_name(name) => {
                        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                        EndName::Block(name)
                    }
                    _ => continue,
                }
            } else {
                continue;
            };
            ends.entry(name).or_default().push(line.start);
        }
        ends
    }

    fn report(&mut self, diagnostic: impl FnOnce() -> Diagnostic) {
        if self.doc.diagnostics.len() < MAX_DIAGNOSTICS {
            self.doc.diagnostics.push(diagnostic());
        }
    }
}

/// Line starts by what they end, in ascending order.
type Ends = BTreeMap<EndName, Vec<usize>>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum EndName {
    /// `#+end_NAME` in lower case; `:` for `#+end:`.
    Block(String),
    /// `:END:`
    Drawer,
}

fn is_block_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic())
}

/// The kind and name of the block that the line starts.
fn block_begin(text: &str, first: usize, end: usize) -> Option<(BlockKind, Span)> {
    const BEGIN: &str = "#+begin";
    let line = &text[first..end];
    let prefix = line.get(..BEGIN.len())?;
    if !prefix.eq_ignore_ascii_case(BEGIN) {
        return None;
    }
    let start = first + BEGIN.len();
    match text.as_bytes().get(start)? {
        b':' if start < end => Some((BlockKind::Dynamic, Span::of(start..start + 1))),
        b'_' => {
            let rest = &text[start + 1..end];
            let len = rest
                .find(|c: char| c.is_ascii_whitespace())
                .unwrap_or(rest.len());
            let name = &rest[..len];
            is_block_name(name.as_bytes())
                .then(|| (BlockKind::of(name), Span::of(start + 1..start + 1 + len)))
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
