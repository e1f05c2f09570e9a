mod checks;
mod fields;
mod scopes;

use wb_oql::{Diagnostic, Document, Severity, Span};
use wb_policy::Shape;

use crate::diag::Findings;
use crate::key::Key;
use crate::manifest::Manifest;
use crate::{diag, recipe, skill_index};
use fields::Fields;
pub(crate) use scopes::Scopes;

/// Toolkits that are read from one file; each goes over all of its keywords.
const MAX_TOOLKITS: usize = 64;

/// What was read from a `manifest.org`.
#[derive(Clone, Debug)]
pub struct Reading {
    toolkits: Vec<Manifest>,
    diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// The toolkit that the file's keywords describe.
    pub fn manifest(&self) -> &Manifest {
        &self.toolkits[0]
    }

    /// All toolkits of the file: the one its keywords describe, then those of
    /// further `:toolkit:` headlines in document order. Never empty.
    pub fn toolkits(&self) -> &[Manifest] {
        &self.toolkits
    }

    /// The findings, in document order.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Whether a finding is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|found| found.severity == Severity::Error)
    }

    /// The first toolkit and the findings.
    pub fn into_parts(mut self) -> (Manifest, Vec<Diagnostic>) {
        (self.toolkits.swap_remove(0), self.diagnostics)
    }
}

/// Reads a `manifest.org`. Any bytes will do; what is wrong with them is told
/// by the diagnostics.
///
/// # Examples
///
/// ```
/// let reading = wb_manifest::read(b"#+TITLE: Rev\n#+CAPS: vfs brwose\n* rev :toolkit:\n");
/// assert_eq!(reading.manifest().cap_set().to_string(), "vfs");
/// let found = reading.diagnostics().iter().find(|found| found.code == "manifest/unknown-cap");
/// assert_eq!(found.unwrap().hints, ["did you mean `browse`?"]);
/// ```
pub fn read(bytes: &[u8]) -> Reading {
    read_document(&Document::parse(bytes))
}

/// Reads a manifest whose text is already parsed.
pub fn read_document(doc: &Document<'_>) -> Reading {
    let scopes = Scopes::of(doc);
    let mut findings = Findings::new(doc.diagnostics());
    if scopes.headlines.is_empty() {
        findings.push(diag::no_toolkit());
    }
    let mut toolkits = vec![read_toolkit(doc, &scopes, scopes.primary, &mut findings)];
    if let Some(&beyond) = scopes.headlines.get(MAX_TOOLKITS) {
        let line = doc.headlines()[beyond].line;
        findings.push(diag::too_many_toolkits(
            line,
            scopes.headlines.len(),
            MAX_TOOLKITS,
        ));
    }
    for &index in scopes.headlines.iter().take(MAX_TOOLKITS) {
        if Some(index) != scopes.primary {
            toolkits.push(read_toolkit(doc, &scopes, Some(index), &mut findings));
        }
    }
    Reading {
        toolkits,
        diagnostics: findings.finish(),
    }
}

/// Reads a palette entry: `runtimes/<name>.org` or
/// `runtimes/<name>/manifest.org`. It needs no `:toolkit:` headline.
pub fn read_palette_entry(bytes: &[u8]) -> Reading {
    let doc = Document::parse(bytes);
    let mut scopes = Scopes::of(&doc);
    scopes.is_entry = true;
    let mut findings = Findings::new(doc.diagnostics());
    let manifest = read_toolkit(&doc, &scopes, scopes.primary, &mut findings);
    Reading {
        toolkits: vec![manifest],
        diagnostics: findings.finish(),
    }
}

fn read_toolkit(
    doc: &Document<'_>,
    scopes: &Scopes,
    headline: Option<usize>,
    findings: &mut Findings,
) -> Manifest {
    let is_primary = headline == scopes.primary;
    let mut fields = Fields::new(doc, findings);
    let mut unknown = Vec::new();
    for keyword in doc.keywords() {
        if scopes.holds(headline, keyword.headline) {
            fields.add(keyword, &mut unknown);
        } else if !is_primary && scopes.owner(keyword.headline).is_none() {
            fields.share(keyword);
        }
    }
    fields.rigor = match fields.found(Key::Exec) {
        Some(_) => Severity::Error,
        None => Severity::Warning,
    };
    fields.place = headline.map_or(Span::empty(0), |index| doc.headlines()[index].line);
    if let Some(index) = headline {
        fields.mirror(&doc.headlines()[index]);
    }
    let mut manifest = fields.manifest();
    manifest.unknown = unknown;
    manifest.headline = fields.place;
    if !is_primary && manifest.title.is_none() {
        let title = fields.place_title(headline);
        manifest.title = title;
    }
    fields.check(&manifest, is_primary && !scopes.is_entry, scopes.is_entry);

    let blocks = doc
        .blocks()
        .iter()
        .filter(|block| scopes.holds(headline, block.headline));
    (manifest.recipes, manifest.checks) = recipe::read(doc, blocks, findings);
    let tables = doc
        .tables()
        .iter()
        .filter(|table| scopes.holds(headline, table.headline));
    manifest.skills = skill_index::read(doc, tables, findings);
    if let Some(exec) = manifest.exec.filter(|exec| exec.value == Shape::Task)
        && manifest.recipes.is_empty()
    {
        findings.push(diag::no_recipe(exec.span));
    }
    if headline.is_some() && !scopes.is_entry && manifest.skills.is_empty() {
        findings.push(diag::no_skill_index(manifest.headline));
    }
    manifest
}
