use std::borrow::Cow;

use crate::document::trim;
use crate::{Document, Span};

/// What kind of block it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// `#+begin_src`
    Source,
    /// `#+begin_example`
    Example,
    /// `#+begin_export`
    Export,
    /// `#+begin_comment`
    Comment,
    /// `#+begin_verse`
    Verse,
    /// `#+begin_quote`
    Quote,
    /// `#+begin_center`
    Center,
    /// `#+begin:`, whose contents a program writes.
    Dynamic,
    /// Any other name.
    Special,
}

impl BlockKind {
    pub(crate) fn of(name: &str) -> Self {
        const NAMES: [(&str, BlockKind); 8] = [
            ("src", BlockKind::Source),
            ("example", BlockKind::Example),
            ("export", BlockKind::Export),
            ("comment", BlockKind::Comment),
            ("verse", BlockKind::Verse),
            ("quote", BlockKind::Quote),
            ("center", BlockKind::Center),
            (":", BlockKind::Dynamic),
        ];
        let found = NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(Self::Special, |&(_, kind)| kind)
    }

    /// Whether the contents are Org again; the others hold plain text.
    pub const fn holds_elements(self) -> bool {
        matches!(
            self,
            Self::Quote | Self::Center | Self::Dynamic | Self::Special
        )
    }
}

/// A block from `#+begin_…` to `#+end_…`.
#[derive(Clone, Debug)]
pub struct Block {
    /// What kind it is.
    pub kind: BlockKind,
    /// The name behind `begin_`; a dynamic block has its `:`.
    pub name: Span,
    /// From the first line to the last, without its line break.
    pub span: Span,
    /// The lines in between.
    pub content: Span,
    /// The language of a source block.
    pub language: Option<Span>,
    /// The header arguments of a source block, those of `#+HEADER` lines last.
    pub args: Vec<HeaderArg>,
    /// The value of `#+NAME` above it.
    pub label: Option<Span>,
    /// The values of `#+CAPTION` above it.
    pub captions: Vec<Span>,
    /// Index of the headline it stands under; `None` before the first.
    pub headline: Option<usize>,
}

impl Block {
    /// The first header argument `key`, written without its colon.
    pub fn arg(&self, doc: &Document<'_>, key: &str) -> Option<&HeaderArg> {
        self.args.iter().find(|arg| doc.str(arg.key) == key)
    }

    /// The contents, without the `,` that protects lines starting with `*` or
    /// `#+` from being read as Org.
    pub fn unescaped<'d>(&self, doc: &'d Document<'_>) -> Cow<'d, str> {
        let content = doc.str(self.content);
        let protected = |line: &str| {
            let line = line.trim_start_matches([' ', '\t']);
            let bare = line.trim_start_matches(',');
            bare.len() < line.len() && (bare.starts_with('*') || bare.starts_with("#+"))
        };
        if self.kind.holds_elements() || !content.split_inclusive('\n').any(protected) {
            return content.into();
        }
        let mut plain = String::with_capacity(content.len());
        for line in content.split_inclusive('\n') {
            match line.split_once(',') {
                Some((blanks, rest)) if protected(line) => {
                    plain.push_str(blanks);
                    plain.push_str(rest);
                }
                _ => plain.push_str(line),
            }
        }
        plain.into()
    }
}

/// `:key value` behind a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderArg {
    /// The key without its colon.
    pub key: Span,
    /// The value without blanks around it; empty when there is none.
    pub value: Span,
}

/// Reads what follows `#+begin_src`: language, switches, header arguments.
///
/// The language may be missing (`#+begin_src :role pre`, `#+begin_src -n`).
pub(crate) fn source_line(text: &str, rest: Span) -> (Option<Span>, Vec<HeaderArg>) {
    let rest = trim(text, rest.start as usize, rest.end as usize);
    let line = &text[rest.range()];
    let word = line
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(line.len());
    let named = !line.is_empty() && !line.starts_with([':', '-', '+']);
    let language = named.then(|| rest.slice(0, word));
    let args_start = rest.start as usize + if named { word } else { 0 };
    (language, header_args(text, args_start, rest.end as usize))
}

/// Reads `:key value` pairs. A colon inside quotes or brackets starts none.
pub(crate) fn header_args(text: &str, start: usize, end: usize) -> Vec<HeaderArg> {
    let bytes = text.as_bytes();
    let mut starts = Vec::new();
    let (mut quoted, mut depth) = (false, 0_usize);
    for at in start..end {
        match bytes[at] {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 0
                && (at == start || bytes[at - 1].is_ascii_whitespace())
                && bytes[at + 1..end]
                    .first()
                    .is_some_and(|next| !next.is_ascii_whitespace()) =>
            {
                starts.push(at);
            }
            _ => {}
        }
    }
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(end));
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| {
            let arg = &text[start + 1..end];
            let word = arg
                .find(|c: char| c.is_ascii_whitespace())
                .unwrap_or(arg.len());
            HeaderArg {
                key: Span::of(start + 1..start + 1 + word),
                value: trim(text, start + 1 + word, end),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(line: &str) -> (Option<&str>, Vec<(&str, &str)>) {
        let (language, args) = source_line(line, Span::of(0..line.len()));
        let part = |span: Span| &line[span.range()];
        let args = args
            .iter()
            .map(|arg| (part(arg.key), part(arg.value)))
            .collect();
        (language.map(part), args)
    }

    #[test]
    fn a_language_may_be_missing() {
        assert_eq!(
            source(" bash :role task"),
            (Some("bash"), vec![("role", "task")])
        );
        assert_eq!(source(" :role user"), (None, vec![("role", "user")]));
        assert_eq!(source(" -n :role user"), (None, vec![("role", "user")]));
        assert_eq!(source(""), (None, vec![]));
        assert_eq!(source(" c -n 20 -r"), (Some("c"), vec![]));
    }

    #[test]
    fn colons_in_values_start_no_argument() {
        let (_, args) = source("sh :var x=\"a :b\" y=(list :c) :persist :path a:b :empty");
        assert_eq!(
            args,
            [
                ("var", "x=\"a :b\" y=(list :c)"),
                ("persist", ""),
                ("path", "a:b"),
                ("empty", ""),
            ]
        );
    }

    #[test]
    fn protected_lines_are_read_plain() {
        let text = b"#+begin_example\n,* star\n  ,#+KEY: x\n,,*\n, plain\n#+end_example\n";
        let doc = Document::parse(text);
        assert_eq!(
            doc.blocks()[0].unescaped(&doc),
            "* star\n  #+KEY: x\n,*\n, plain\n"
        );
    }
}
