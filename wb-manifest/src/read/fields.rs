use std::fmt;
use std::str::FromStr;

use wb_oql::{Diagnostic, Document, Headline, Keyword, Severity, Span};
use wb_policy::{ArgMode, Cap, Trust};

use crate::build_src::{InvalidSource, InvalidUrl};
use crate::diag::{self, Findings};
use crate::key::{self, Key};
use crate::manifest::{Federation, Manifest, UnknownKeyword, parse_range};
use crate::vocabulary::UnknownWord;
use crate::{BuildSrc, Spanned};

/// The value of a keyword or property, not yet looked into.
#[derive(Clone, Copy)]
pub(super) struct Found<'d> {
    pub(super) text: &'d str,
    pub(super) span: Span,
}

/// The keywords of one toolkit by what they mean.
pub(super) struct Fields<'d, 'a> {
    pub(super) doc: &'d Document<'a>,
    pub(super) findings: &'d mut Findings,
    pub(super) values: [Option<Found<'d>>; Key::ALL.len()],
    /// Lines of keywords that are stated without a value.
    pub(super) empty: [Option<Span>; Key::ALL.len()],
    /// How bad a fault is that only matters where something is built or run.
    pub(super) rigor: Severity,
    /// What to point at when something is missing.
    pub(super) place: Span,
}

impl<'d, 'a> Fields<'d, 'a> {
    pub(super) fn new(doc: &'d Document<'a>, findings: &'d mut Findings) -> Self {
        Self {
            doc,
            findings,
            values: [None; Key::ALL.len()],
            empty: [None; Key::ALL.len()],
            rigor: Severity::Warning,
            place: Span::empty(0),
        }
    }

    pub(super) fn found(&self, key: Key) -> Option<Found<'d>> {
        self.values[key as usize]
    }

    pub(super) fn add(&mut self, keyword: &Keyword, unknown: &mut Vec<UnknownKeyword>) {
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
    pub(super) fn share(&mut self, keyword: &Keyword) {
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
    pub(super) fn mirror(&mut self, headline: &'d Headline) {
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

    pub(super) fn place_title(&self, headline: Option<usize>) -> Option<Spanned<String>> {
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

    pub(super) fn manifest(&mut self) -> Manifest {
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
            arg_mode: self.parsed(Key::ArgMode, |rigor, span, found, _| {
                let fault = UnknownWord {
                    what: "argument mode",
                    found: found.to_owned(),
                    expected: ArgMode::NAMES,
                };
                diag::unknown_word(rigor, span, &fault)
            }),
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
}

/// A fault that says no more than the error it is made from.
fn display<E: fmt::Display>(
    fault: fn(Severity, Span, String) -> Diagnostic,
) -> impl FnOnce(Severity, Span, &str, &E) -> Diagnostic {
    move |severity, span, _, error| fault(severity, span, error.to_string())
}
