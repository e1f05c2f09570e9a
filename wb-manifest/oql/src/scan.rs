//! One pass over the lines of a document: headlines here, what stands below
//! them in `section`. Nothing recurses, so depth costs no stack.

mod section;

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use crate::diag::{self, Diagnostic};
use crate::document::{Document, trim};
use crate::headline::{Headline, Property, PropertyDrawer};
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

/// A line: its text without the break, and where the next one starts.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

impl Scan<'_> {
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
        let end = self.doc.text.len() as u32;
        let headlines = &mut self.doc.headlines;
        let mut open: Vec<usize> = Vec::new();
        for index in 0..headlines.len() {
            let (level, start) = (headlines[index].level, headlines[index].line.start);
            while let Some(last) = open.pop_if(|last| headlines[*last].level >= level) {
                headlines[last].subtree.end = start;
            }
            headlines[index].parent = open.last().copied();
            open.push(index);
        }
        for index in open {
            headlines[index].subtree.end = end;
        }
    }

    fn section(&mut self, start: usize, end: usize) {
        let start = self.front_matter(start, end);
        section::Section::new(self, end).read(start);
    }

    /// Reads planning and properties, which only the first lines of a section
    /// can be, and gives the start of what follows.
    fn front_matter(&mut self, start: usize, end: usize) -> usize {
        const PLANNING: [&str; 3] = ["SCHEDULED:", "DEADLINE:", "CLOSED:"];
        let mut at = start;
        let mut planning = self.headline;
        while at < end {
            let line = self.line(at, end);
            let text = self.doc.text[line.start..line.end].trim_ascii();
            if text.eq_ignore_ascii_case(":PROPERTIES:") {
                return self.properties(line, end).unwrap_or(start);
            }
            match planning.take() {
                Some(index) if PLANNING.iter().any(|key| text.starts_with(key)) => {
                    let span = trim(&self.doc.text, line.start, line.end);
                    self.doc.headlines[index].planning = Some(span);
                }
                _ if text.is_empty() => {}
                _ => return at,
            }
            at = line.next;
        }
        at
    }

    /// Reads the drawer that starts with the line `begin`, if it has an end.
    fn properties(&mut self, begin: Line, end: usize) -> Option<usize> {
        let mut properties = Vec::new();
        let mut strange = Vec::new();
        let mut at = begin.next;
        while at < end {
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
                    self.report(diag::not_a_property(span));
                }
                return Some(at);
            }
            match Property::read(&self.doc.text, span) {
                Some(property) => properties.push(property),
                None if text.is_empty() => {}
                None => strange.push(span),
            }
        }
        None
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.doc.diagnostics.len() < MAX_DIAGNOSTICS {
            self.doc.diagnostics.push(diagnostic);
        }
    }
}
