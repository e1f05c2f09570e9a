use std::borrow::Cow;

use crate::block::Block;
use crate::diag::Diagnostic;
use crate::headline::{Headline, PropertyDrawer};
use crate::table::Table;
use crate::{Span, scan, source};

/// The structure of an Org document, with the place of everything in it.
///
/// Reading takes time linear in the length, recurses nowhere and accepts any
/// bytes. Lines give the structure (headlines, drawers, blocks, keywords,
/// tables); what stands inside a line is left as text, see
/// [`links`](Self::links).
///
/// # Examples
///
/// ```
/// let doc = wb_oql::Document::parse(b"#+TITLE: Rev\n* rev :toolkit:\n");
/// assert_eq!(doc.keyword("title").map(|found| doc.str(found.value)), Some("Rev"));
/// assert!(doc.headlines()[0].has_tag(&doc, "toolkit"));
/// ```
#[derive(Clone, Debug)]
pub struct Document<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) preamble: Span,
    pub(crate) drawer: Option<PropertyDrawer>,
    pub(crate) headlines: Vec<Headline>,
    pub(crate) keywords: Vec<Keyword>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) tables: Vec<Table>,
    pub(crate) drawers: Vec<Span>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl<'a> Document<'a> {
    /// Longest document that is read, in bytes. What follows is left out, with
    /// a diagnostic.
    pub const MAX_LEN: usize = 16 << 20;

    /// Reads the structure of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Self {
        let (text, diagnostics) = source::decode(bytes);
        scan::document(text, diagnostics)
    }

    /// The text, as long as the bytes were: each byte that is not UTF-8 is a `?`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text at `span`.
    ///
    /// # Panics
    ///
    /// When `span` is of another document and does not fit this one.
    pub fn str(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// All of the text.
    pub fn span(&self) -> Span {
        Span::of(0..self.text.len())
    }

    /// What stands before the first headline.
    pub fn preamble(&self) -> Span {
        self.preamble
    }

    /// The properties of the document itself.
    pub fn drawer(&self) -> Option<&PropertyDrawer> {
        self.drawer.as_ref()
    }

    /// The headlines in document order.
    pub fn headlines(&self) -> &[Headline] {
        &self.headlines
    }

    /// The keywords in document order, without those inside of blocks and
    /// drawers and those that belong to an element, such as `#+CAPTION`.
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// The first keyword `key`, in any case.
    pub fn keyword(&self, key: &str) -> Option<&Keyword> {
        self.keywords
            .iter()
            .find(|found| self.str(found.key).eq_ignore_ascii_case(key))
    }

    /// The blocks in document order; one inside another follows it.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The tables in document order.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The drawers that are no property drawers.
    pub fn drawers(&self) -> &[Span] {
        &self.drawers
    }

    /// What is wrong with the text as Org.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

/// `#+KEY: value` as a line of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// The key as written, in any case.
    pub key: Span,
    /// The value without blanks around it; empty when there is none.
    pub value: Span,
    /// The whole line without its line break.
    pub line: Span,
    /// Index of the headline it stands under; `None` before the first.
    pub headline: Option<usize>,
}

/// `start..end` without blanks at both ends.
pub(crate) fn trim(text: &str, start: usize, end: usize) -> Span {
    let part = &text[start..end];
    let left = part.trim_ascii_start();
    let start = end - left.len();
    Span::of(start..start + left.trim_ascii_end().len())
}
