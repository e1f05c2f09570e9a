//! Findings as text with the source line; the only place that draws them.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Nothing works until it is mended.
    Error,
    /// Probably a mistake.
    Warning,
    /// Worth knowing.
    Note,
}

/// One finding about somebody's text, ready to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct Finding<'a> {
    /// How serious it is.
    pub(crate) severity: Severity,
    /// Its stable name.
    pub(crate) code: Option<&'a str>,
    /// What was found.
    pub(crate) message: &'a str,
    /// Where.
    pub(crate) place: Option<Place<'a>>,
    /// What to do about it.
    pub(crate) hints: Vec<&'a str>,
}

/// Where a finding is.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    /// The file as the user knows it.
    pub(crate) file: &'a str,
    /// The file's text, if it is at hand.
    pub(crate) source: Option<&'a str>,
    /// The bytes meant, if the text is at hand.
    pub(crate) span: Range<usize>,
    /// The line, from 1, where the text is not at hand.
    pub(crate) line: usize,
    /// What stands under the span.
    pub(crate) label: Option<&'a str>,
}

/// The longest line that is drawn; a longer one is minified code and fills the screen.
const LONGEST: usize = 400;

/// Draws `findings`, one after the other.
pub(crate) fn draw(findings: &[Finding<'_>], colours: bool) -> String {
    let renderer = if colours {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let drawn: Vec<_> = findings
        .iter()
        .map(|finding| renderer.render(&[group(finding)]))
        .collect();
    drawn.join("\n\n")
}

fn group<'a>(finding: &Finding<'a>) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut title = level.primary_title(finding.message);
    if let Some(code) = finding.code {
        title = title.id(code);
    }
    let mut group = Group::with_title(title);
    if let Some(place) = &finding.place {
        group = match place.source.and_then(|source| window(source, &place.span)) {
            Some((text, first_line, span)) => group.element(
                Snippet::source(text)
                    .path(place.file)
                    .line_start(first_line)
                    .annotation(AnnotationKind::Primary.span(span).label(place.label)),
            ),
            None if place.line > 0 => group.element(Origin::path(place.file).line(place.line)),
            None => group.element(Origin::path(place.file)),
        };
    }
    for hint in &finding.hints {
        group = group.element(Level::HELP.message(*hint));
    }
    group
}

/// The lines of `source` that hold `span`, the number of the first, and the span in them.
///
/// Only these are handed on: drawing from a whole file would scan it for every
/// finding. `None` for a span outside the text or a line too long to show.
fn window<'a>(source: &'a str, span: &Range<usize>) -> Option<(&'a str, usize, Range<usize>)> {
    let before = source.get(..span.start)?;
    source.get(span.clone())?;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    // A finding over many lines is shown by its first.
    let line_end = source[span.start..]
        .find('\n')
        .map_or(source.len(), |newline| span.start + newline);
    if line_end - start > LONGEST {
        return None;
    }
    let line = before.matches('\n').count() + 1;
    let end = span.end.clamp(span.start, line_end);
    Some((
        &source[start..line_end],
        line,
        span.start - start..end - start,
    ))
}

/// The bytes of the word at `line` and `column` (bytes, from 1; column 0 is the whole line).
pub(crate) fn span_at(source: &str, line: u32, column: u32) -> Option<Range<usize>> {
    let mut start = 0;
    for _ in 1..line {
        start += source[start..].find('\n')? + 1;
    }
    let text = source[start..].lines().next().unwrap_or_default();
    if column == 0 {
        let indent = text.len() - text.trim_start().len();
        return Some(start + indent..start + text.trim_end().len().max(indent));
    }
    let at = (column as usize - 1).min(text.len());
    let at = (0..=at).rev().find(|&at| text.is_char_boundary(at))?;
    let word = text[at..]
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len() - at);
    let one = text[at..].chars().next().map_or(0, char::len_utf8);
    Some(start + at..start + at + word.max(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(source: &str, span: Range<usize>) -> Finding<'_> {
        Finding {
            severity: Severity::Error,
            code: Some("manifest/unknown-cap"),
            message: "unknown capability `brwose`",
            place: Some(Place {
                file: "manifest.org",
                source: Some(source),
                span,
                line: 2,
                label: Some("not a Dock capability"),
            }),
            hints: vec!["did you mean `browse`?"],
        }
    }

    #[test]
    fn a_finding_stands_below_its_line() {
        let source = "#+TITLE: t\n#+CAPS: vfs brwose\n* t :toolkit:\n";
        let at = source.find("brwose").unwrap();
        let drawn = draw(&[finding(source, at..at + 6)], false);
        assert_eq!(
            drawn,
            "\
error[manifest/unknown-cap]: unknown capability `brwose`
 --> manifest.org:2:13
  |
2 | #+CAPS: vfs brwose
  |             ^^^^^^ not a Dock capability
  |
  = help: did you mean `browse`?"
        );
    }

    #[test]
    fn a_line_too_long_to_show_is_named() {
        let source = "x".repeat(LONGEST + 1);
        let drawn = draw(&[finding(&source, 0..1)], false);
        assert!(drawn.contains("--> manifest.org:2"), "{drawn}");
        assert!(!drawn.contains("xxx"));
    }

    #[test]
    fn a_span_outside_the_text_is_harmless() {
        for span in [5..9, 0..99, 99..100] {
            assert!(draw(&[finding("ü\nb", span)], false).contains("manifest.org"));
        }
    }

    #[test]
    fn a_column_becomes_the_word_there() {
        let source = "int main() {\n  retrun 0;\n}\n";
        let word = |line, column| span_at(source, line, column).map(|span| &source[span]);
        assert_eq!(word(2, 3), Some("retrun"));
        assert_eq!(word(2, 11), Some(";"));
        assert_eq!(word(2, 0), Some("retrun 0;"));
        assert_eq!(word(2, 99), Some(""));
        assert_eq!(word(9, 1), None);
    }
}
