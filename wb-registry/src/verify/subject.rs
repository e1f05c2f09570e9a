use std::cell::OnceCell;

use wb_manifest::{
    Diagnostic, LineIndex, Manifest, PaletteEntry, Reading, Span, Tree, palette, read_document,
};
use wb_oql::Document;

use super::Surroundings;
use super::report::{Check, Finding, Findings, Outcome, Place};
use crate::skill::{Skill, skills};

/// A toolkit, read once for all checks.
pub(super) struct Subject<'a> {
    pub(super) dir: &'a str,
    pub(super) tree: &'a Tree,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) manifest: Page<'a>,
    pub(super) reading: Reading,
    pub(super) palette: Vec<PaletteEntry>,
    pub(super) skills: Vec<(Skill<'a>, Page<'a>)>,
}

/// A document of the toolkit.
pub(super) struct Page<'a> {
    pub(super) path: String,
    pub(super) document: Document<'a>,
}

impl<'a> Page<'a> {
    fn read(path: &str, contents: &'a [u8]) -> Self {
        Self {
            path: path.to_owned(),
            document: Document::parse(contents),
        }
    }

    /// Where `span` starts.
    pub(super) fn place(&self, span: Span) -> Place {
        let position = LineIndex::new(self.document.text()).position(span.start);
        Place {
            path: self.path.clone(),
            line: position.line,
            column: position.column,
        }
    }
}

/// One manifest of the toolkit: the file's own, a further `:toolkit:` headline
/// of it, or an entry of the palette.
pub(super) struct Unit<'s> {
    pub(super) manifest: &'s Manifest,
    pub(super) is_palette: bool,
    path: &'s str,
    contents: &'s [u8],
}

impl Unit<'_> {
    /// How bad it is to break what only matters where something runs.
    pub(super) fn rigor(&self) -> Outcome {
        match self.manifest.exec {
            Some(_) => Outcome::Fail,
            None => Outcome::Warning,
        }
    }

    pub(super) fn place(&self, span: Span) -> Place {
        Page::read(self.path, self.contents).place(span)
    }
}

impl<'a> Subject<'a> {
    /// Reads the toolkit; `None` when there is no manifest.
    pub(super) fn read(dir: &'a str, tree: &'a Tree, around: &'a Surroundings<'a>) -> Option<Self> {
        let manifest = Page::read("manifest.org", tree.get("manifest.org")?);
        let reading = read_document(&manifest.document);
        let read_skill = |skill: Skill<'a>| {
            let page = Page::read(skill.path.as_str(), skill.contents);
            (skill, page)
        };
        Some(Self {
            dir,
            tree,
            around,
            manifest,
            reading,
            palette: palette(tree),
            skills: skills(tree).into_iter().map(read_skill).collect(),
        })
    }

    /// Everything with a contract of its own.
    pub(super) fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        let contents = |path: &str| self.tree.get(path).map_or(&[][..], |bytes| &bytes[..]);
        let own = self.reading.toolkits().iter().map(move |manifest| Unit {
            manifest,
            is_palette: false,
            path: &self.manifest.path,
            contents: contents(&self.manifest.path),
        });
        let entries = self.palette.iter().map(move |entry| Unit {
            manifest: entry.reading.manifest(),
            is_palette: true,
            path: entry.path.as_str(),
            contents: contents(entry.path.as_str()),
        });
        own.chain(entries)
    }

    /// Adds what was found when the files were read.
    pub(super) fn add_diagnostics(&self, findings: &mut Findings) {
        add(
            &self.manifest.path,
            self.reading.diagnostics(),
            findings,
            || self.manifest.document.text(),
        );
        for entry in &self.palette {
            let document = OnceCell::new();
            let contents = self.tree.get(entry.path.as_str());
            add(
                entry.path.as_str(),
                entry.reading.diagnostics(),
                findings,
                || {
                    let bytes = contents.map_or(&[][..], |bytes| &bytes[..]);
                    document.get_or_init(|| Document::parse(bytes)).text()
                },
            );
        }
        for (skill, page) in &self.skills {
            let _ = skill;
            add(&page.path, page.document.diagnostics(), findings, || {
                page.document.text()
            });
        }
    }
}

fn add<'t>(
    path: &str,
    diagnostics: &[Diagnostic],
    findings: &mut Findings,
    text: impl FnOnce() -> &'t str,
) {
    // A skill table is asked for by the check that knows how many skills there are.
    let mut told = diagnostics
        .iter()
        .filter(|found| found.code != "manifest/no-skill-index")
        .peekable();
    if told.peek().is_none() {
        return;
    }
    let lines = LineIndex::new(text());
    for found in told {
        let position = lines.position(found.span.start);
        let mut message = found.message.clone();
        if found.code == "manifest/unknown-shape" {
            message = format!("unknown mode: {message}");
        }
        findings.add(Finding {
            check: check_of(found.code, path),
            outcome: found.severity.into(),
            code: found.code,
            message: message.into(),
            place: Some(Place {
                path: path.to_owned(),
                line: position.line,
                column: position.column,
            }),
            hints: found.hints.clone(),
        });
    }
}

/// The check under which a fault of the text is shown.
fn check_of(code: &str, path: &str) -> Check {
    match code.split_once('/').map_or(code, |(_, fault)| fault) {
        _ if code.starts_with("skill/") => Check::Skills,
        _ if code.starts_with("org/") && path.starts_with("skills/") => Check::Skills,
        "missing-keyword" | "missing-id" | "unknown-word" | "bad-version" | "bad-range"
        | "bad-requirement" | "bad-path" | "bad-url" | "bad-interval" | "repeated-keyword"
        | "unknown-keyword" | "unused-keyword" => Check::Keywords,
        "bad-name" | "reserved-name" => Check::Name,
        "drawer-mismatch" => Check::Drawer,
        "unknown-shape" => Check::Exec,
        "missing-sha256" | "bad-sha256" | "bad-source" | "unpinned-source" | "unknown-source"
        | "script-source" | "lane-mismatch" => Check::Build,
        "unknown-cap" | "repeated-cap" => Check::Caps,
        "missing-author" | "unsigned" | "unknown-trust" | "bad-did" | "bad-signature" => {
            Check::Trust
        }
        "unknown-role" | "unnamed-recipe" | "repeated-recipe" | "no-recipe" => Check::Tasks,
        "repeated-skill" | "no-skill-index" => Check::Index,
        _ => Check::Manifest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_text_has_its_check() {
        let elsewhere = ["manifest/no-toolkit"];
        for code in wb_manifest::CODES {
            let expected = elsewhere.contains(code);
            assert_eq!(
                check_of(code, "manifest.org") == Check::Manifest,
                expected,
                "{code}"
            );
        }
    }
}
