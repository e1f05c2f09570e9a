use crate::Span;
use crate::document::trim;

/// A table: lines that start with `|`.
#[derive(Clone, Debug)]
pub struct Table {
    /// From the first row to the last, without its line break.
    pub span: Span,
    /// The rows in document order, without rules.
    pub rows: Vec<Row>,
    /// How many rows stand above the first rule; 0 when there is no rule.
    pub header_rows: usize,
    /// Index of the headline it stands under; `None` before the first.
    pub headline: Option<usize>,
}

/// A row of a [`Table`].
#[derive(Clone, Debug)]
pub struct Row {
    /// Its line without the line break.
    pub line: Span,
    /// The cells without blanks around them.
    pub cells: Vec<Span>,
}

impl Table {
    pub(crate) fn new(headline: Option<usize>, start: usize) -> Self {
        let span = Span::of(start..start);
        Self {
            span,
            rows: Vec::new(),
            header_rows: 0,
            headline,
        }
    }

    /// Adds the line `start..end`, whose first character that is no blank is `|`.
    pub(crate) fn push_line(&mut self, text: &str, start: usize, end: usize) {
        let line = trim(text, start, end);
        self.span.end = line.end;
        let inner = &text[line.start as usize + 1..line.end as usize];
        if inner.starts_with('-') {
            if self.header_rows == 0 {
                self.header_rows = self.rows.len();
            }
            return;
        }
        let mut start = line.start as usize + 1;
        let mut cells = Vec::new();
        for cell in inner.strip_suffix('|').unwrap_or(inner).split('|') {
            cells.push(trim(text, start, start + cell.len()));
            start += cell.len() + 1;
        }
        self.rows.push(Row { line, cells });
    }
}
