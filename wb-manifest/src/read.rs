use std::fmt;
use std::str::FromStr;

use wb_oql::{Diagnostic, Document, Keyword, Severity, Span};
use wb_policy::{Cap, Shape, Trust};

use crate::build_src::{InvalidSource, InvalidUrl};
use crate::diag::Findings;
use crate::key::{self, Key};
use crate::manifest::{Federation, Manifest, UnknownKeyword, parse_range};
use crate::vocabulary::UnknownWord;
use crate::{BuildSrc, Spanned, diag, recipe, skill_index};

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
    for &index in scopes
        .headlines
        .iter()
        .filter(|&&index| Some(index) != scopes.primary)
    {
        toolkits.push(read_toolkit(doc, &scopes, Some(index), &mut findings));
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

/// Which part of a document belongs to which toolkit.
///
/// What stands below a `:toolkit:` headline is its own; all else belongs to the
/// primary one. Further toolkits share only who made the file and its version.
pub(crate) struct Scopes {
    /// The `:toolkit:` headlines.
    headlines: Vec<usize>,
    /// The toolkit headline that each headline is or stands below.
    owners: Vec<Option<usize>>,
    pub(crate) primary: Option<usize>,
    is_entry: bool,
}

impl Scopes {
    pub(crate) fn of(doc: &Document<'_>) -> Self {
        let mut headlines = Vec::new();
        let mut owners: Vec<Option<usize>> = Vec::with_capacity(doc.headlines().len());
        for (index, headline) in doc.headlines().iter().enumerate() {
            if headline.has_tag(doc, "toolkit") {
                headlines.push(index);
                owners.push(Some(index));
            } else {
                owners.push(headline.parent.and_then(|parent| owners[parent]));
            }
        }
        let id = doc
            .keyword(Key::Toolkit.name())
            .map(|keyword| doc.str(keyword.value));
        let has_id = |&&index: &&usize| {
            let property = doc.headlines()[index].property(doc, "ID");
            property.is_some_and(|property| Some(doc.str(property.value)) == id)
        };
        let primary = headlines.iter().find(has_id).or(headlines.first()).copied();
        Self {
            headlines,
            owners,
            primary,
            is_entry: false,
        }
    }

    fn owner(&self, headline: Option<usize>) -> Option<usize> {
        headline.and_then(|index| self.owners[index])
    }

    /// Whether what stands under `place` belongs to `toolkit`.
    pub(crate) fn holds(&self, toolkit: Option<usize>, place: Option<usize>) -> bool {
        let owner = self.owner(place);
        owner == toolkit || (owner.is_none() && toolkit == self.primary)
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

/// The value of a keyword or property, not yet looked into.
#[derive(Clone, Copy)]
struct Found<'d> {
    text: &'d str,
    span: Span,
}

/// The keywords of one toolkit by what they mean.
struct Fields<'d, 'a> {
    doc: &'d Document<'a>,
    findings: &'d mut Findings,
    values: [Option<Found<'d>>; Key::ALL.len()],
    /// Lines of keywords that are stated without a value.
    empty: [Option<Span>; Key::ALL.len()],
    /// How bad a fault is that only matters where something is built or run.
    rigor: Severity,
    /// What to point at when something is missing.
    place: Span,
}

impl<'d, 'a> Fields<'d, 'a> {
    fn new(doc: &'d Document<'a>, findings: &'d mut Findings) -> Self {
        Self {
            doc,
            findings,
            values: [None; Key::ALL.len()],
            empty: [None; Key::ALL.len()],
            rigor: Severity::Warning,
            place: Span::empty(0),
        }
    }

    fn found(&self, key: Key) -> Option<Found<'d>> {
        self.values[key as usize]
    }

    fn add(&mut self, keyword: &Keyword, unknown: &mut Vec<UnknownKeyword>) {
        let name = self.doc.str(keyword.key);
        let text = self.doc.str(keyword.value);
        let Some(key) = Key::find(name) else {
            if !key::is_foreign(name) && self.findings.has_room(Severity::Note) {
                self.findings.push(diag::unknown_keyword(keyword.key, name));
            }
            unknown.push(UnknownKeyword {
                key: Spanned::new(name.to_owned(), keyword.key),
                value: Spanned::new(text.to_owned(), keyword.value),
            });
            return;
        };
        if text.is_empty() {
            self.empty[key as usize].get_or_insert(keyword.line);
        } else if let Some(first) = self.found(key) {
            self.findings
                .push(diag::repeated_keyword(keyword.line, key.name(), first.span));
        } else {
            self.values[key as usize] = Some(Found {
                text,
                span: keyword.value,
            });
        }
    }

    /// Takes over what the file states for all of its toolkits.
    fn share(&mut self, keyword: &Keyword) {
        let shared = [Key::Version, Key::Trust, Key::AuthorDid, Key::Signature];
        let text = self.doc.str(keyword.value);
        if let Some(key) = Key::find(self.doc.str(keyword.key))
            && shared.contains(&key)
            && self.found(key).is_none()
            && !text.is_empty()
        {
            self.values[key as usize] = Some(Found {
                text,
                span: keyword.value,
            });
        }
    }

    /// Holds the drawer against the keywords and fills in what only it states.
    fn mirror(&mut self, headline: &'d wb_oql::Headline) {
        let mirrored = [
            ("ID", Key::Toolkit),
            ("CLI_BIN", Key::CliBin),
            ("STATUS", Key::Status),
            ("SKILL_DIR", Key::SkillDir),
        ];
        let mut has_id = false;
        for (name, key) in mirrored {
            let Some(property) = headline.property(self.doc, name) else {
                continue;
            };
            let text = self.doc.str(property.value);
            if text.is_empty() {
                continue;
            }
            has_id |= key == Key::Toolkit;
            match self.found(key) {
                Some(stated) if stated.text != text => {
                    self.findings.push(diag::drawer_mismatch(
                        property.value,
                        name,
                        text,
                        key,
                        stated.span,
                        stated.text,
                    ));
                }
                Some(_) => {}
                None => {
                    self.values[key as usize] = Some(Found {
                        text,
                        span: property.value,
                    });
                    // A keyword that only the drawer may replace is still missed.
                    if matches!(key, Key::CliBin | Key::SkillDir) {
                        self.empty[key as usize] = None;
                    }
                }
            }
        }
        if !has_id {
            let id = self.found(Key::Toolkit).map(|found| found.text);
            self.findings.push(diag::missing_id(headline.line, id));
        }
    }

    fn place_title(&self, headline: Option<usize>) -> Option<Spanned<String>> {
        let title = self.doc.headlines()[headline?].title;
        Some(Spanned::new(self.doc.str(title).to_owned(), title))
    }

    fn text(&self, key: Key) -> Option<Spanned<String>> {
        self.found(key)
            .map(|found| Spanned::new(found.text.to_owned(), found.span))
    }

    fn parsed<T: FromStr>(
        &mut self,
        key: Key,
        fault: impl FnOnce(Severity, Span, &str, &T::Err) -> Diagnostic,
    ) -> Option<Spanned<T>> {
        let found = self.found(key)?;
        match found.text.parse() {
            Ok(value) => Some(Spanned::new(value, found.span)),
            Err(error) => {
                self.findings
                    .push(fault(self.rigor, found.span, found.text, &error));
                None
            }
        }
    }

    fn word<T: FromStr<Err = UnknownWord>>(&mut self, key: Key) -> Option<Spanned<T>> {
        self.parsed(key, |rigor, span, _, fault| {
            diag::unknown_word(rigor, span, fault)
        })
    }

    fn path<T: FromStr<Err = crate::InvalidPath>>(&mut self, key: Key) -> Option<Spanned<T>> {
        self.parsed(key, |rigor, span, _, fault| {
            diag::bad_path(rigor, span, fault)
        })
    }

    fn words(&self, key: Key) -> Vec<Spanned<&'d str>> {
        let Some(found) = self.found(key) else {
            return Vec::new();
        };
        let base = found.text.as_ptr() as usize;
        let words = found
            .text
            .split(|c: char| c.is_ascii_whitespace() || c == ',');
        words
            .filter(|word| !word.is_empty())
            .map(|word| {
                let offset = word.as_ptr() as usize - base;
                Spanned::new(word, found.span.slice(offset, word.len()))
            })
            .collect()
    }

    fn owned_words(&self, key: Key) -> Vec<Spanned<String>> {
        let owned = |word: Spanned<&str>| Spanned::new(word.value.to_owned(), word.span);
        self.words(key).into_iter().map(owned).collect()
    }

    fn manifest(&mut self) -> Manifest {
        Manifest {
            title: self.text(Key::Title),
            toolkit: self.parsed(Key::Toolkit, |_, span, _, fault| {
                diag::bad_name(span, fault)
            }),
            version: self.parsed(Key::Version, diag::bad_version),
            status: self.word(Key::Status),
            tagline: self.text(Key::Tagline),
            exec: self.parsed(Key::Exec, |_, span, found, _| {
                diag::unknown_shape(span, found)
            }),
            trust: self.trust(),
            caps: self.caps(),
            build_lang: self.word(Key::BuildLang),
            build_src: self.build_src(),
            cli_bin: self.parsed(Key::CliBin, |_, span, _, fault| diag::bad_name(span, fault)),
            cli_version_range: self.range(),
            requires: self.requires(),
            arg_mode: self.word(Key::ArgMode),
            sha256: self.parsed(Key::Sha256, |rigor, span, _, fault| {
                diag::bad_sha256(rigor, span, fault)
            }),
            wasm_path: self.path(Key::WasmPath),
            preopen: self.path(Key::Preopen),
            author_did: self.parsed(Key::AuthorDid, display(diag::bad_did)),
            signature: self.signature(),
            wit: self.text(Key::Wit),
            entry: self.text(Key::Entry),
            federation: Federation {
                url: self.parsed(Key::Url, display::<InvalidUrl>(diag::bad_url)),
                rows_path: self.text(Key::RowsPath),
                env_keys: self.owned_words(Key::EnvKeys),
                entities: self.owned_words(Key::Entities),
                interval_ms: self.interval(),
            },
            skill_dir: self.path(Key::SkillDir),
            runtime: self.text(Key::Runtime),
            recipes: Vec::new(),
            checks: Vec::new(),
            skills: Vec::new(),
            unknown: Vec::new(),
            headline: Span::empty(0),
        }
    }

    /// An unknown word must not be taken for trust in the code.
    fn trust(&mut self) -> Option<Spanned<Trust>> {
        let found = self.found(Key::Trust)?;
        let trust = found.text.parse().unwrap_or_else(|_| {
            self.findings
                .push(diag::unknown_trust(found.span, found.text));
            Trust::ThirdParty
        });
        Some(Spanned::new(trust, found.span))
    }

    fn caps(&mut self) -> Vec<Spanned<Cap>> {
        let mut caps: Vec<Spanned<Cap>> = Vec::new();
        for word in self.words(Key::Caps) {
            let Ok(cap) = word.parse::<Cap>() else {
                if self.findings.has_room(self.rigor) {
                    self.findings
                        .push(diag::unknown_cap(self.rigor, word.span, word.value));
                }
                continue;
            };
            match caps.iter().find(|known| known.value == cap) {
                Some(first) => {
                    self.findings
                        .push(diag::repeated_cap(word.span, cap, first.span));
                }
                None => caps.push(Spanned::new(cap, word.span)),
            }
        }
        caps
    }

    fn build_src(&mut self) -> Option<Spanned<BuildSrc>> {
        let source =
            self.parsed::<BuildSrc>(Key::BuildSrc, |rigor, span, _, fault| match fault {
                InvalidSource::Path(fault) => diag::bad_path(rigor, span, fault),
                InvalidSource::Url(fault) => diag::bad_url(rigor, span, fault.to_string()),
                InvalidSource::Unpinned { .. } => diag::unpinned_source(rigor, span),
                InvalidSource::Name { .. } => diag::bad_source(rigor, span, fault.to_string()),
            })?;
        match &source.value {
            BuildSrc::Script(_) => self.findings.push(diag::script_source(source.span)),
            BuildSrc::Unknown(text) => {
                self.findings
                    .push(diag::unknown_source(self.rigor, source.span, text));
            }
            _ => {}
        }
        Some(source)
    }

    fn range(&mut self) -> Option<Spanned<semver::VersionReq>> {
        let found = self.found(Key::CliVersionRange)?;
        match parse_range(found.text) {
            Ok(range) => Some(Spanned::new(range, found.span)),
            Err(fault) => {
                self.findings
                    .push(diag::bad_range(found.span, found.text, &fault));
                None
            }
        }
    }

    fn requires(&mut self) -> Vec<Spanned<crate::Requirement>> {
        let mut requires = Vec::new();
        for word in self.words(Key::Requires) {
            match word.parse::<crate::Requirement>() {
                Ok(requirement) => requires.push(Spanned::new(requirement, word.span)),
                Err(fault) => {
                    self.findings
                        .push(diag::bad_requirement(word.span, fault.to_string()));
                }
            }
        }
        requires
    }

    fn signature(&mut self) -> Option<Spanned<String>> {
        let found = self.found(Key::Signature)?;
        // 64 bytes in base64 (RFC 4648) are 86 digits and two `=`.
        let digits = found.text.strip_suffix("==").unwrap_or("");
        let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        if digits.len() == 86 && digits.bytes().all(digit) {
            return Some(Spanned::new(found.text.to_owned(), found.span));
        }
        self.findings.push(diag::bad_signature(
            self.rigor,
            found.span,
            found.text.len(),
        ));
        None
    }

    fn interval(&mut self) -> Option<Spanned<u64>> {
        let found = self.found(Key::IntervalMs)?;
        match found.text.parse::<u64>() {
            Ok(interval) if interval > 0 => Some(Spanned::new(interval, found.span)),
            _ => {
                self.findings
                    .push(diag::bad_interval(self.rigor, found.span, found.text));
                None
            }
        }
    }

    fn require(&mut self, severity: Severity, key: Key, needed_by: &str) {
        if self.found(key).is_none() {
            let empty = self.empty[key as usize];
            let fault = diag::missing_keyword(severity, self.place, key, empty, needed_by);
            self.findings.push(fault);
        }
    }

    /// What each shape needs, and what means nothing to it.
    fn check(&mut self, manifest: &Manifest, is_whole: bool, is_entry: bool) {
        let rigor = self.rigor;
        if is_whole {
            for key in [
                Key::Title,
                Key::Toolkit,
                Key::Version,
                Key::Status,
                Key::Tagline,
            ] {
                self.require(rigor, key, "every toolkit");
            }
        }
        if is_entry {
            for key in [Key::Exec, Key::CliBin] {
                self.require(Severity::Error, key, "a palette entry");
            }
        }
        if let Some(shape) = manifest.shape() {
            let needed_by = format!("a toolkit of shape `{shape}`");
            if matches!(shape, Shape::Command | Shape::Posix) && !is_entry {
                self.require(rigor, Key::CliBin, &needed_by);
            }
            if shape.is_built() {
                self.require(rigor, Key::BuildSrc, &needed_by);
                // One that could not be read has its own finding.
                let stated = self.found(Key::BuildSrc).is_some();
                let names_no_lang = manifest.build_src.as_ref().map_or(!stated, |source| {
                    !source.is_prebuilt() && source.lang().is_none()
                });
                if names_no_lang {
                    self.require(rigor, Key::BuildLang, &needed_by);
                }
            }
            if shape == Shape::Federation {
                self.require(Severity::Warning, Key::Url, "a source without a plug-in");
            }
            self.check_unused(shape, manifest);
        }
        if let Some(name) = manifest.command().filter(crate::CommandName::is_reserved)
            && (manifest.cli_bin.is_some() || manifest.shape().is_some_and(Shape::is_built))
        {
            let stated = manifest.cli_bin.as_ref().map(|stated| stated.span);
            let span = stated.or(manifest.toolkit.as_ref().map(|id| id.span));
            self.findings
                .push(diag::reserved_name(span.unwrap_or(self.place), &name));
        }
        if let Some(source) = &manifest.build_src {
            if source.is_prebuilt() && self.found(Key::Sha256).is_none() {
                self.findings.push(diag::missing_sha256(rigor, source.span));
            }
            if let (Some(stated), Some(implied)) = (manifest.build_lang, source.lang())
                && stated.value != implied
            {
                let fault = diag::lane_mismatch(stated.span, stated.value, implied, source.span);
                self.findings.push(fault);
            }
        }
        // An unknown word is read as third-party, but may have meant the other.
        let third_party = Trust::ThirdParty.name();
        if let Some(trust) = self
            .found(Key::Trust)
            .filter(|trust| trust.text == third_party)
        {
            if self.found(Key::AuthorDid).is_none() {
                self.findings.push(diag::missing_author(rigor, trust.span));
            } else if self.found(Key::Signature).is_none() {
                self.findings.push(diag::unsigned(trust.span));
            }
        }
    }

    fn check_unused(&mut self, shape: Shape, manifest: &Manifest) {
        let archive = matches!(
            manifest.build_src.as_ref().map(|source| &source.value),
            Some(BuildSrc::Archive(_))
        );
        let typed = matches!(shape, Shape::Component | Shape::Kernel);
        let federated = shape == Shape::Federation;
        let uses = [
            (Key::ArgMode, shape == Shape::Command, "`#+EXEC: command`"),
            (Key::WasmPath, archive, "`#+BUILD_SRC: archive:`"),
            (Key::Preopen, archive, "`#+BUILD_SRC: archive:`"),
            (Key::Wit, shape == Shape::Component, "`#+EXEC: component`"),
            (
                Key::Entry,
                typed,
                "`#+EXEC: component` and `#+EXEC: kernel`",
            ),
            (Key::Url, federated, "`#+EXEC: federation`"),
            (Key::RowsPath, federated, "`#+EXEC: federation`"),
            (Key::Entities, federated, "`#+EXEC: federation`"),
            (Key::IntervalMs, federated, "`#+EXEC: federation`"),
        ];
        for (key, used, used_by) in uses {
            if let Some(found) = self.found(key).filter(|_| !used) {
                self.findings
                    .push(diag::unused_keyword(found.span, key, used_by));
            }
        }
    }
}

/// A fault that says no more than the error it is made from.
fn display<E: fmt::Display>(
    fault: fn(Severity, Span, String) -> Diagnostic,
) -> impl FnOnce(Severity, Span, &str, &E) -> Diagnostic {
    move |severity, span, _, error| fault(severity, span, error.to_string())
}
