use wb_oql::{Document, Headline, Span};

use crate::read::Scopes;

/// The text of a manifest, changed in place.
///
/// Every byte that an edit is not about stays as it is: blanks, comments,
/// unknown keywords, line ends, even bytes that are no text.
///
/// # Examples
///
/// ```
/// use wb_manifest::ManifestText;
///
/// let mut text = ManifestText::new(&b"#+title:   Rev   \n\n* rev :toolkit:\n"[..]);
/// text.set_keyword("VERSION", "0.2.0")?;
/// text.set_property("ID", "rev")?;
/// assert_eq!(
///     text.as_bytes(),
///     b"#+title:   Rev   \n#+VERSION: 0.2.0\n\n* rev :toolkit:\n:PROPERTIES:\n:ID: rev\n:END:\n",
/// );
/// # Ok::<(), wb_manifest::EditError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestText(Vec<u8>);

/// Why a manifest cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// A key that would not be read back.
    #[error("the key `{}`, expected letters, digits, `_` or `-`", crate::rel_path::clip(.key))]
    Key {
        /// The key.
        key: String,
    },
    /// A value that would not be read back: empty, of several lines, or with
    /// blanks around it.
    #[error(
        "the value `{}`, expected one line without blanks around it",
        crate::rel_path::clip(.value)
    )]
    Value {
        /// The value.
        value: String,
    },
    /// There is no `:toolkit:` headline to give a property to.
    #[error("no headline tagged `:toolkit:`, expected one to give properties to")]
    NoToolkit,
}

impl ManifestText {
    /// Starts from what a file holds.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// What the file should hold.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the file should hold.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Gives `#+key` this value: where it is stated, else as a new line behind
    /// the keywords at the top.
    ///
    /// # Errors
    ///
    /// [`EditError::Key`] and [`EditError::Value`] for what would not be read
    /// back.
    pub fn set_keyword(&mut self, key: &str, value: &str) -> Result<(), EditError> {
        check(key, value)?;
        let doc = Document::parse(&self.0);
        let scopes = Scopes::of(&doc);
        let stated = || {
            doc.keywords().iter().filter(|found| {
                doc.str(found.key).eq_ignore_ascii_case(key)
                    && scopes.holds(scopes.primary, found.headline)
            })
        };
        // Empty ones are absent to readers, so one that is not empty counts.
        let found = stated()
            .find(|found| !found.value.is_empty())
            .or_else(|| stated().next());
        let (at, text) = match found {
            Some(found) if found.value.is_empty() => {
                let colon = doc.str(found.line).trim_ascii_end().len();
                let at = found.line.start as usize + colon;
                (Span::of(at..at), format!(" {value}"))
            }
            Some(found) => (found.value, value.to_owned()),
            None => {
                let last = doc
                    .keywords()
                    .iter()
                    .rfind(|found| found.headline.is_none());
                let after = last
                    .map(|found| found.line)
                    .or(doc.drawer().map(|drawer| drawer.span));
                new_line(&doc, after, &format!("#+{key}: {value}"))
            }
        };
        self.replace(at, &text);
        Ok(())
    }

    /// Takes every line `#+key` of the toolkit away, and says how many.
    pub fn remove_keyword(&mut self, key: &str) -> usize {
        let doc = Document::parse(&self.0);
        let scopes = Scopes::of(&doc);
        let lines: Vec<_> = doc
            .keywords()
            .iter()
            .filter(|found| {
                doc.str(found.key).eq_ignore_ascii_case(key)
                    && scopes.holds(scopes.primary, found.headline)
            })
            .map(|found| Span::new(found.line.start, next_line(&doc, found.line.end)))
            .collect();
        for &line in lines.iter().rev() {
            self.replace(line, "");
        }
        lines.len()
    }

    /// Gives the property `:key:` of the `:toolkit:` headline this value, with
    /// a drawer around it if there is none.
    ///
    /// # Errors
    ///
    /// [`EditError::NoToolkit`] without such a headline, else as
    /// [`set_keyword`](Self::set_keyword).
    pub fn set_property(&mut self, key: &str, value: &str) -> Result<(), EditError> {
        check(key, value)?;
        let doc = Document::parse(&self.0);
        let primary = Scopes::of(&doc).primary.ok_or(EditError::NoToolkit)?;
        let headline = &doc.headlines()[primary];
        let (at, text) = match (&headline.drawer, headline.property(&doc, key)) {
            (_, Some(found)) if found.value.is_empty() => {
                let at = found.line.start as usize + doc.str(found.line).trim_ascii_end().len();
                (Span::of(at..at), format!(" {value}"))
            }
            (_, Some(found)) => (found.value, value.to_owned()),
            (Some(drawer), None) => {
                let text = doc.str(drawer.span);
                let end = drawer.span.start as usize + text.rfind('\n').map_or(0, |at| at + 1);
                let indent = &doc.text()[end..drawer.span.end as usize];
                let indent = &indent[..indent.len() - indent.trim_ascii_start().len()];
                let line = format!("{indent}:{key}: {value}{}", line_break(&doc));
                (Span::of(end..end), line)
            }
            (None, None) => new_drawer(&doc, headline, key, value),
        };
        self.replace(at, &text);
        Ok(())
    }

    /// Puts `section`, a headline and what belongs to it, where a headline of
    /// the first level with the same title has its subtree, else at the end.
    pub fn put_section(&mut self, section: &str) {
        let doc = Document::parse(&self.0);
        let new = Document::parse(section.as_bytes());
        let title = new
            .headlines()
            .first()
            .map(|headline| new.str(headline.title));
        let same =
            |headline: &&Headline| headline.level == 1 && title == Some(doc.str(headline.title));
        let old = doc
            .headlines()
            .iter()
            .find(same)
            .map(|headline| headline.subtree);
        let eol = line_break(&doc);
        let mut text = section.trim_end().replace("\r\n", "\n").replace('\n', eol);
        text.push_str(eol);
        let at = old.unwrap_or(Span::of(self.0.len()..self.0.len()));
        if !self.0[..at.start as usize].is_empty() && self.0[at.start as usize - 1] != b'\n' {
            text.insert_str(0, eol);
        }
        self.replace(at, &text);
    }

    fn replace(&mut self, span: Span, text: &str) {
        self.0.splice(span.range(), text.bytes());
    }
}

fn check(key: &str, value: &str) -> Result<(), EditError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    // `#+begin_…` and `#+end_…` are blocks whatever follows.
    let block = ["begin_", "end_"].iter().any(|word| {
        key.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    });
    if key.is_empty() || !key.chars().all(allowed) || block {
        return Err(EditError::Key {
            key: key.to_owned(),
        });
    }
    let one_line = !value.contains(['\n', '\r']);
    if value.is_empty() || !one_line || value.trim() != value {
        return Err(EditError::Value {
            value: value.to_owned(),
        });
    }
    Ok(())
}

fn line_break(doc: &Document<'_>) -> &'static str {
    match doc.text().find('\n') {
        Some(at) if doc.text()[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Where the line after the one that ends at `end` starts.
fn next_line(doc: &Document<'_>, end: u32) -> u32 {
    let rest = &doc.text()[end as usize..];
    end + rest.find('\n').map_or(rest.len(), |at| at + 1) as u32
}

/// A line behind the one at `after`, or at the top.
fn new_line(doc: &Document<'_>, after: Option<Span>, line: &str) -> (Span, String) {
    let eol = line_break(doc);
    let at = after.map_or(doc.preamble().start, |after| next_line(doc, after.end)) as usize;
    let behind_text = at > 0 && after.is_some() && !doc.text()[..at].ends_with('\n');
    let text = if behind_text {
        format!("{eol}{line}")
    } else {
        format!("{line}{eol}")
    };
    (Span::of(at..at), text)
}

fn new_drawer(doc: &Document<'_>, headline: &Headline, key: &str, value: &str) -> (Span, String) {
    let eol = line_break(doc);
    let drawer = format!(":PROPERTIES:{eol}:{key}: {value}{eol}:END:");
    new_line(
        doc,
        Some(headline.planning.unwrap_or(headline.line)),
        &drawer,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;
    use proptest::prelude::*;

    fn edited(text: &str, edit: impl FnOnce(&mut ManifestText)) -> String {
        let mut manifest = ManifestText::new(text.as_bytes());
        edit(&mut manifest);
        String::from_utf8(manifest.into_bytes()).unwrap()
    }

    #[test]
    fn a_value_is_replaced_where_it_stands() {
        let text = "# why\n#+Version:\t0.1.0  \r\n#+VERSION: 9.9.9\n* x :toolkit:\n";
        assert_eq!(
            edited(text, |text| text.set_keyword("VERSION", "0.2.0").unwrap()),
            "# why\n#+Version:\t0.2.0  \r\n#+VERSION: 9.9.9\n* x :toolkit:\n"
        );
    }

    #[test]
    fn line_ends_are_kept() {
        assert_eq!(
            edited("#+TITLE: x\r\n\r\n* x :toolkit:\r\n", |text| {
                text.set_keyword("TAGLINE", "y").unwrap();
                text.set_property("ID", "x").unwrap();
            }),
            "#+TITLE: x\r\n#+TAGLINE: y\r\n\r\n* x :toolkit:\r\n:PROPERTIES:\r\n:ID: x\r\n:END:\r\n"
        );
        assert_eq!(
            edited("#+A: x", |text| text.set_keyword("B", "y").unwrap()),
            "#+A: x\n#+B: y"
        );
    }

    #[test]
    fn properties_go_where_they_are_or_before_the_end() {
        let text = "* x :toolkit:\n  :PROPERTIES:\n  :ID:   x\n  :STATUS:\n  :END:\n";
        assert_eq!(
            edited(text, |text| {
                text.set_property("id", "y").unwrap();
                text.set_property("STATUS", "stable").unwrap();
                text.set_property("CLI_BIN", "z").unwrap();
            }),
            "* x :toolkit:\n  :PROPERTIES:\n  :ID:   y\n  :STATUS: stable\n  :CLI_BIN: z\n  :END:\n"
        );
    }

    #[test]
    fn a_section_replaces_the_one_of_its_title() {
        let text = "* x :toolkit:\n* Audit\nold\n** detail\n* Notes\n";
        assert_eq!(
            edited(text, |text| text.put_section("* Audit\nnew\n")),
            "* x :toolkit:\n* Audit\nnew\n* Notes\n"
        );
        assert_eq!(
            edited("* x", |text| text.put_section("* Audit")),
            "* x\n* Audit\n"
        );
    }

    #[test]
    fn removing_leaves_blocks_and_other_toolkits_alone() {
        let text = "#+SIGNATURE: a\n#+begin_example\n#+SIGNATURE: b\n#+end_example\n\
                    * x :toolkit:\n#+signature: c\n* y :toolkit:\n#+SIGNATURE: d\n";
        assert_eq!(
            edited(text, |text| assert_eq!(text.remove_keyword("SIGNATURE"), 2)),
            "#+begin_example\n#+SIGNATURE: b\n#+end_example\n\
             * x :toolkit:\n* y :toolkit:\n#+SIGNATURE: d\n"
        );
    }

    #[test]
    fn what_would_not_be_read_back_is_refused() {
        let mut text = ManifestText::new("");
        assert!(matches!(
            text.set_keyword("A B", "x"),
            Err(EditError::Key { .. })
        ));
        assert!(matches!(
            text.set_keyword("begin_src", "x"),
            Err(EditError::Key { .. })
        ));
        assert!(matches!(
            text.set_keyword("A", "x\n#+B: y"),
            Err(EditError::Value { .. })
        ));
        assert!(matches!(
            text.set_keyword("A", ""),
            Err(EditError::Value { .. })
        ));
        assert_eq!(text.set_property("ID", "x"), Err(EditError::NoToolkit));
        assert_eq!(text.as_bytes(), b"");
    }

    fn manifests() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            3 => "#\\+(TITLE|title|TAGLINE|CAPS):[ \t]{0,2}[a-z]{0,4} {0,2}",
            1 => "# [a-z]{0,5}",
            1 => Just(String::new()),
            1 => "#\\+begin_example",
            1 => "#\\+end_example",
            2 => Just("* x :toolkit:".to_owned()),
            1 => "\\*{1,2} [a-z]{1,3}",
            1 => Just(":PROPERTIES:".to_owned()),
            1 => ":(ID|STATUS):[ ]{0,2}[a-z]{0,2}",
            1 => Just(":END:".to_owned()),
            1 => "\\PC{0,10}",
        ];
        let eol = prop_oneof![9 => Just("\n"), 1 => Just("\r\n"), 1 => Just("")];
        proptest::collection::vec((line, eol), 0..16)
            .prop_map(|lines| lines.into_iter().map(|(line, eol)| line + eol).collect())
    }

    proptest! {
        #[test]
        fn no_edit_is_the_identity(bytes: Vec<u8>) {
            prop_assert_eq!(ManifestText::new(bytes.clone()).into_bytes(), bytes);
        }

        #[test]
        fn what_is_set_is_read_and_all_else_stays(text in manifests(), value in "[a-z]{1,4}( [a-z]{1,4})?") {
            let mut edited = ManifestText::new(text.as_bytes());
            edited.set_keyword("TAGLINE", &value).unwrap();
            let reading = read(edited.as_bytes());
            prop_assert_eq!(&reading.manifest().tagline.as_ref().unwrap().value, &value);
            let before = read(text.as_bytes());
            let title = |manifest: &crate::Manifest| manifest.title.as_ref().map(|t| t.value.clone());
            prop_assert_eq!(title(reading.manifest()), title(before.manifest()));
            // Setting it again changes no byte.
            let once = edited.clone();
            edited.set_keyword("TAGLINE", &value).unwrap();
            prop_assert_eq!(once, edited);
        }

        #[test]
        fn a_property_that_is_set_is_read(text in manifests(), value in "[a-z]{1,4}") {
            let mut edited = ManifestText::new(text.as_bytes());
            if edited.set_property("STATUS", &value).is_ok() {
                let doc = Document::parse(edited.as_bytes());
                let headline = &doc.headlines()[Scopes::of(&doc).primary.unwrap()];
                let found = headline.property(&doc, "STATUS").unwrap();
                prop_assert_eq!(doc.str(found.value), value);
            }
        }

        #[test]
        fn what_is_removed_is_gone(text in manifests()) {
            let mut edited = ManifestText::new(text.as_bytes());
            let removed = edited.remove_keyword("TITLE");
            prop_assert!(removed > 0 || edited.as_bytes() == text.as_bytes());
            prop_assert!(read(edited.as_bytes()).manifest().title.is_none());
        }
    }
}
