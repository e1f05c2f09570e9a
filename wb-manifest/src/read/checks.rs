use wb_oql::Severity;
use wb_policy::{Shape, Trust};

use super::fields::Fields;
use crate::diag;
use crate::key::Key;
use crate::manifest::Manifest;
use crate::{BuildSrc, CommandName};

impl Fields<'_, '_> {
    fn require(&mut self, severity: Severity, key: Key, needed_by: &str) {
        if self.found(key).is_none() {
            let empty = self.empty[key as usize];
            let fault = diag::missing_keyword(severity, self.place, key, empty, needed_by);
            self.findings.push(fault);
        }
    }

    /// What each shape needs, and what means nothing to it.
    pub(super) fn check(&mut self, manifest: &Manifest, is_whole: bool, is_entry: bool) {
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
        if let Some(name) = manifest.command().filter(CommandName::is_reserved)
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
