use std::collections::BTreeMap;

use wb_manifest::{
    Diagnostic, LineIndex, Manifest, PaletteEntry, Reading, SkillReading, Span, Status, Tree,
    palette, read_document, read_skill,
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
    pub(super) document: Document<'a>,
    pub(super) reading: Reading,
    pub(super) palette: Vec<PaletteEntry>,
    pub(super) skills: Vec<(Skill<'a>, SkillReading)>,
}

/// Where the manifest lies.
pub(super) const MANIFEST: &str = "manifest.org";

/// One manifest of the toolkit: the file's own, a further `:toolkit:` headline
/// of it, or an entry of the palette.
#[derive(Clone, Copy)]
pub(super) struct Unit<'s> {
    pub(super) manifest: &'s Manifest,
    pub(super) path: &'s str,
}

impl Unit<'_> {
    pub(super) fn is_palette(&self) -> bool {
        self.path != MANIFEST
    }

    /// How bad it is to break what only matters where something runs.
    pub(super) fn rigor(&self) -> Outcome {
        match self.manifest.exec {
            Some(_) => Outcome::Fail,
            None => Outcome::Warning,
        }
    }
}

impl<'a> Subject<'a> {
    /// Reads the toolkit; `None` when there is no manifest.
    pub(super) fn read(dir: &'a str, tree: &'a Tree, around: &'a Surroundings<'a>) -> Option<Self> {
        let document = Document::parse(tree.get(MANIFEST)?);
        let reading = read_document(&document);
        let skills = skills(tree).into_iter().map(|skill| {
            let reading = read_skill(&skill.slug, skill.contents);
            (skill, reading)
        });
        Some(Self {
            dir,
            tree,
            around,
            document,
            reading,
            palette: palette(tree),
            skills: skills.collect(),
        })
    }

    /// Everything with a contract of its own; first the file's own manifest.
    pub(super) fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        let own = self.reading.toolkits().iter().map(|manifest| Unit {
            manifest,
            path: MANIFEST,
        });
        let entries = self.palette.iter().map(|entry| Unit {
            manifest: entry.reading.manifest(),
            path: entry.path.as_str(),
        });
        own.chain(entries)
    }

    /// How bad it is to break what only matters where something runs.
    pub(super) fn rigor(&self) -> Outcome {
        let manifest = self.reading.manifest();
        Unit {
            manifest,
            path: MANIFEST,
        }
        .rigor()
    }

    /// Where `span` of the file at `path` starts.
    pub(super) fn place(&self, path: &str, span: Span) -> Place {
        let mut places = self.places(path, std::iter::once(span));
        places.remove(&span).expect("the place of the only span")
    }

    /// Where the `spans` of the file at `path` start.
    fn places(&self, path: &str, spans: impl Iterator<Item = Span>) -> BTreeMap<Span, Place> {
        let other;
        let document = if path == MANIFEST {
            &self.document
        } else {
            other = Document::parse(self.tree.get(path).map_or(&[], |bytes| &bytes[..]));
            &other
        };
        let lines = LineIndex::new(document.text());
        spans
            .map(|span| {
                let position = lines.position(span.start);
                let place = Place {
                    path: path.to_owned(),
                    line: position.line,
                    column: position.column,
                };
                (span, place)
            })
            .collect()
    }

    /// Adds what was found when the files were read.
    pub(super) fn add_diagnostics(&self, findings: &mut Findings) {
        self.add(MANIFEST, self.reading.diagnostics(), findings);
        for entry in &self.palette {
            self.add(entry.path.as_str(), entry.reading.diagnostics(), findings);
        }
        for (skill, reading) in &self.skills {
            self.add(skill.path.as_str(), &reading.diagnostics, findings);
        }
    }

    fn add(&self, path: &str, diagnostics: &[Diagnostic], findings: &mut Findings) {
        // A skill table is asked for by the check that knows how many skills there are.
        let told: Vec<_> = diagnostics
            .iter()
            .filter(|found| found.code != "manifest/no-skill-index")
            .collect();
        if told.is_empty() {
            return;
        }
        let places = self.places(path, told.iter().map(|found| found.span));
        for found in told {
            let check = check_of(found.code);
            let mut outcome = Outcome::from(found.severity);
            if check == Check::Skills && self.is_draft() {
                outcome = outcome.min(Outcome::Note);
            }
            let message = match found.code {
                "manifest/unknown-shape" => format!("unknown mode: {}", found.message),
                _ => found.message.clone(),
            };
            findings.add(Finding {
                check,
                outcome,
                code: found.code,
                message: message.into(),
                place: places.get(&found.span).cloned(),
                hints: found.hints.clone(),
            });
        }
    }

    /// Whether the skills of the toolkit are still being written.
    fn is_draft(&self) -> bool {
        let status = self.reading.manifest().status.map(|status| status.value);
        matches!(status, Some(Status::Experimental | Status::Imported))
    }
}

/// The check under which a fault of the text is shown.
fn check_of(code: &str) -> Check {
    match code.split_once('/').map_or(code, |(_, fault)| fault) {
        _ if code.starts_with("skill/") => Check::Skills,
        "missing-keyword" | "unknown-word" | "bad-version" | "bad-range" | "bad-requirement"
        | "bad-url" | "bad-interval" | "repeated-keyword" | "unknown-keyword"
        | "unused-keyword" => Check::Keywords,
        "bad-name" | "reserved-name" => Check::Name,
        "drawer-mismatch" | "missing-id" => Check::Drawer,
        "unknown-shape" => Check::Exec,
        "bad-path" | "missing-sha256" | "bad-sha256" | "bad-source" | "unpinned-source"
        | "unknown-source" | "script-source" | "lane-mismatch" => Check::Build,
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
        for code in wb_manifest::CODES {
            let is_about_all = ["manifest/no-toolkit", "manifest/too-many-toolkits"].contains(code);
            assert_eq!(check_of(code) == Check::Manifest, is_about_all, "{code}");
        }
    }
}
