//! Every finding about a manifest or skill, one function a fault.
//!
//! Severities that depend on the toolkit are passed in: what is an error where
//! something is built or run is a warning where text is only read.

use wb_oql::{Diagnostic, Severity, Span};
use wb_policy::{Cap, Shape};

use crate::key::Key;
use crate::name::{InvalidName, TaskName};
use crate::near::nearest;
use crate::rel_path::clip;
use crate::vocabulary::{UnknownWord, one_of};
use crate::{BuildSrc, CommandName, InvalidDigest, InvalidPath, Lang, SkillSlug};

use Severity::{Error, Note, Warning};

/// The codes of this crate, each made by one function.
pub const CODES: &[&str] = &[
    "manifest/no-toolkit",
    "manifest/too-many-toolkits",
    "manifest/missing-keyword",
    "manifest/missing-sha256",
    "manifest/missing-author",
    "manifest/missing-id",
    "manifest/unsigned",
    "manifest/repeated-keyword",
    "manifest/unknown-keyword",
    "manifest/unused-keyword",
    "manifest/unknown-shape",
    "manifest/unknown-trust",
    "manifest/unknown-cap",
    "manifest/repeated-cap",
    "manifest/unknown-word",
    "manifest/bad-name",
    "manifest/reserved-name",
    "manifest/bad-version",
    "manifest/bad-range",
    "manifest/bad-requirement",
    "manifest/bad-sha256",
    "manifest/bad-did",
    "manifest/bad-signature",
    "manifest/bad-path",
    "manifest/bad-source",
    "manifest/unpinned-source",
    "manifest/unknown-source",
    "manifest/script-source",
    "manifest/bad-url",
    "manifest/bad-interval",
    "manifest/lane-mismatch",
    "manifest/drawer-mismatch",
    "manifest/unknown-role",
    "manifest/unnamed-recipe",
    "manifest/repeated-recipe",
    "manifest/no-recipe",
    "manifest/no-skill-index",
    "manifest/repeated-skill",
    "skill/missing-keyword",
    "skill/wrong-name",
    "skill/missing-section",
    "skill/section-order",
    "skill/missing-flag",
    "skill/unknown-flag",
    "skill/missing-caption",
    "skill/length",
];

/// The findings about one text.
///
/// Thousands of them help nobody, and a hostile text has millions. So few are
/// kept, but an error always is when there was none before.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Diagnostic>,
    errors: usize,
}

impl Findings {
    const MAX: usize = 1000;

    pub(crate) fn new(list: &[Diagnostic]) -> Self {
        let mut findings = Self::default();
        findings.extend(list.iter().cloned());
        findings
    }

    /// Whether another finding would be kept; asked before one is made that
    /// takes long to make.
    pub(crate) fn has_room(&self, severity: Severity) -> bool {
        self.list.len() < Self::MAX || (severity == Error && self.errors == 0)
    }

    pub(crate) fn push(&mut self, found: Diagnostic) {
        if self.has_room(found.severity) {
            self.errors += usize::from(found.severity == Error);
            self.list.push(found);
        }
    }

    pub(crate) fn extend(&mut self, found: impl IntoIterator<Item = Diagnostic>) {
        found.into_iter().for_each(|found| self.push(found));
    }

    /// The findings in document order.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|found| found.span);
        self.list
    }
}

fn did_you_mean(diagnostic: Diagnostic, near: Option<&str>) -> Diagnostic {
    match near {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

pub(crate) fn no_toolkit() -> Diagnostic {
    let message = "no headline tagged `:toolkit:`, so nothing is discovered here";
    Diagnostic::new(Error, "manifest/no-toolkit", Span::empty(0), message)
        .hint("add a headline `* <name> :toolkit:` with the drawer `:PROPERTIES:`")
}

pub(crate) fn too_many_toolkits(headline: Span, found: usize, limit: usize) -> Diagnostic {
    let message = format!("{found} headlines tagged `:toolkit:`, expected at most {limit}");
    Diagnostic::new(Error, "manifest/too-many-toolkits", headline, message)
        .hint("the toolkits from here on are not read; move them to a file of their own")
}

pub(crate) fn missing_keyword(
    severity: Severity,
    place: Span,
    key: Key,
    empty: Option<Span>,
    needed_by: &str,
) -> Diagnostic {
    let name = key.name();
    let what = if empty.is_some() { "empty" } else { "no" };
    let message = format!("{what} `#+{name}`, which {needed_by} needs");
    Diagnostic::new(
        severity,
        "manifest/missing-keyword",
        empty.unwrap_or(place),
        message,
    )
    .hint(format!("add `#+{name}: {}`", example(key)))
}

fn example(key: Key) -> &'static str {
    match key {
        Key::Version => "0.1.0",
        Key::Status => "experimental",
        Key::Tagline => "<one sentence: when to reach for it>",
        Key::BuildLang => "c",
        Key::BuildSrc => "path:src",
        Key::Url => "https://…",
        _ => "<name>",
    }
}

pub(crate) fn missing_sha256(severity: Severity, source: Span) -> Diagnostic {
    let message = "a prebuilt artifact without `#+SHA256`, so anything could be fetched";
    Diagnostic::new(severity, "manifest/missing-sha256", source, message)
        .hint("add `#+SHA256: <64 hex digits>`")
}

pub(crate) fn missing_author(severity: Severity, trust: Span) -> Diagnostic {
    let message = "third-party code without `#+AUTHOR_DID`, so nobody answers for it";
    Diagnostic::new(severity, "manifest/missing-author", trust, message)
        .hint("its author signs it with `wbx toolkit sign`")
}

pub(crate) fn unsigned(trust: Span) -> Diagnostic {
    let message = "third-party code without `#+SIGNATURE`, which a registry will refuse";
    Diagnostic::new(Warning, "manifest/unsigned", trust, message)
        .hint("its author signs it with `wbx toolkit sign`")
}

pub(crate) fn missing_id(headline: Span, id: Option<&str>) -> Diagnostic {
    let message = "the `:toolkit:` headline has no property `:ID:`, expected that of `#+TOOLKIT`";
    Diagnostic::new(Warning, "manifest/missing-id", headline, message).hint(format!(
        "add `:ID: {}` to its `:PROPERTIES:` drawer",
        id.unwrap_or("<name>")
    ))
}

pub(crate) fn repeated_keyword(span: Span, key: &str, first: Span) -> Diagnostic {
    let message = format!("`#+{}` is stated again, the first one counts", clip(key));
    Diagnostic::new(Warning, "manifest/repeated-keyword", span, message)
        .label(first, "stated here first")
}

pub(crate) fn unknown_keyword(span: Span, found: &str) -> Diagnostic {
    let message = format!("unknown keyword `#+{}`, kept as it is", clip(found));
    let diagnostic = Diagnostic::new(Note, "manifest/unknown-keyword", span, message);
    let near = nearest(found, Key::ALL.iter().map(|key| key.name()));
    did_you_mean(diagnostic, near.map(|name| format!("#+{name}")).as_deref())
}

pub(crate) fn unused_keyword(span: Span, key: Key, used_by: &str) -> Diagnostic {
    let message = format!("`#+{}` means nothing here, only for {used_by}", key.name());
    Diagnostic::new(Note, "manifest/unused-keyword", span, message)
}

pub(crate) fn unknown_shape(span: Span, found: &str) -> Diagnostic {
    let names = Shape::ALL.map(Shape::name);
    let message = format!(
        "unknown shape `{}`, expected {}",
        clip(found),
        one_of(&names)
    );
    let diagnostic = Diagnostic::new(Error, "manifest/unknown-shape", span, message);
    did_you_mean(diagnostic, nearest(found, names))
}

pub(crate) fn unknown_trust(span: Span, found: &str) -> Diagnostic {
    let names = ["first-party", "third-party"];
    let message = format!(
        "unknown trust `{}`, expected {}",
        clip(found),
        one_of(&names)
    );
    let diagnostic = Diagnostic::new(Error, "manifest/unknown-trust", span, message);
    did_you_mean(diagnostic, nearest(found, names)).hint("read as `third-party`")
}

pub(crate) fn unknown_cap(severity: Severity, span: Span, found: &str) -> Diagnostic {
    let names = Cap::ALL.map(Cap::name);
    let message = format!("unknown capability `{}`", clip(found));
    let diagnostic = Diagnostic::new(severity, "manifest/unknown-cap", span, message);
    match nearest(found, names) {
        Some(near) => did_you_mean(diagnostic, Some(near)),
        None => diagnostic.hint(format!("expected {}", one_of(&names))),
    }
}

pub(crate) fn repeated_cap(span: Span, cap: Cap, first: Span) -> Diagnostic {
    let message = format!("the capability `{cap}` is listed again");
    Diagnostic::new(Note, "manifest/repeated-cap", span, message).label(first, "listed here first")
}

pub(crate) fn unknown_word(severity: Severity, span: Span, fault: &UnknownWord) -> Diagnostic {
    let found = clip(&fault.found);
    let message = format!(
        "unknown {} `{found}`, expected {}",
        fault.what,
        one_of(fault.expected)
    );
    let diagnostic = Diagnostic::new(severity, "manifest/unknown-word", span, message);
    // A start such as `exp` is a likelier slip than a word of its length.
    let start = |word: &&&str| !fault.found.is_empty() && word.starts_with(fault.found.as_str());
    let near = nearest(&fault.found, fault.expected.iter().copied())
        .or_else(|| fault.expected.iter().find(start).copied());
    did_you_mean(diagnostic, near)
}

pub(crate) fn bad_name(span: Span, fault: &InvalidName) -> Diagnostic {
    Diagnostic::new(Error, "manifest/bad-name", span, fault.to_string())
}

pub(crate) fn reserved_name(span: Span, name: &CommandName) -> Diagnostic {
    let message = format!("`{name}` is a reserved built-in command name");
    Diagnostic::new(Error, "manifest/reserved-name", span, message).hint("choose another name")
}

pub(crate) fn bad_version(
    severity: Severity,
    span: Span,
    found: &str,
    fault: &semver::Error,
) -> Diagnostic {
    let message = format!("`{}` is no semantic version: {fault}", clip(found));
    Diagnostic::new(severity, "manifest/bad-version", span, message)
        .hint("three numbers, such as `0.1.0`")
}

pub(crate) fn bad_range(span: Span, found: &str, fault: &semver::Error) -> Diagnostic {
    let message = format!("`{}` is no range of versions: {fault}", clip(found));
    Diagnostic::new(Warning, "manifest/bad-range", span, message).hint("such as `>=2.1, <3`")
}

pub(crate) fn bad_requirement(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(Warning, "manifest/bad-requirement", span, message)
}

pub(crate) fn bad_sha256(severity: Severity, span: Span, fault: &InvalidDigest) -> Diagnostic {
    Diagnostic::new(severity, "manifest/bad-sha256", span, fault.to_string())
}

pub(crate) fn bad_did(severity: Severity, span: Span, message: String) -> Diagnostic {
    Diagnostic::new(severity, "manifest/bad-did", span, message)
}

pub(crate) fn bad_signature(severity: Severity, span: Span, found: usize) -> Diagnostic {
    let message = format!(
        "a signature of {found} characters, expected 64 bytes in base64: 88 characters, `==` last"
    );
    Diagnostic::new(severity, "manifest/bad-signature", span, message)
        .hint("sign it again with `wbx toolkit sign`")
}

pub(crate) fn bad_path(severity: Severity, span: Span, fault: &InvalidPath) -> Diagnostic {
    Diagnostic::new(severity, "manifest/bad-path", span, fault.to_string())
}

pub(crate) fn bad_source(severity: Severity, span: Span, message: String) -> Diagnostic {
    Diagnostic::new(severity, "manifest/bad-source", span, message)
}

pub(crate) fn unpinned_source(severity: Severity, span: Span) -> Diagnostic {
    let message = "a repository without a pinned commit, so the source could change";
    Diagnostic::new(severity, "manifest/unpinned-source", span, message)
        .hint("write `git+https://<repository>#<40 hex digits>`")
}

pub(crate) fn unknown_source(severity: Severity, span: Span, found: &str) -> Diagnostic {
    let names = one_of(BuildSrc::PREFIXES);
    let message = format!(
        "unknown source `{}`, expected one that starts with {names}",
        clip(found)
    );
    let diagnostic = Diagnostic::new(severity, "manifest/unknown-source", span, message);
    match found.split_once(':') {
        Some((prefix, _)) => {
            let prefixes = BuildSrc::PREFIXES
                .iter()
                .map(|known| &known[..known.len() - 1]);
            let near = nearest(prefix, prefixes).map(|near| format!("{near}:"));
            did_you_mean(diagnostic, near.as_deref())
        }
        None if found.parse::<crate::RelDir>().is_ok() => {
            diagnostic.hint(format!("did you mean `path:{found}`?"))
        }
        None => diagnostic,
    }
}

pub(crate) fn script_source(span: Span) -> Diagnostic {
    let message = "`script:` would run on the host, and sources are only built in the sandbox";
    Diagnostic::new(Error, "manifest/script-source", span, message)
        .hint("use `path:` with a `#+BUILD_LANG`")
}

pub(crate) fn bad_url(severity: Severity, span: Span, message: String) -> Diagnostic {
    Diagnostic::new(severity, "manifest/bad-url", span, message)
}

pub(crate) fn bad_interval(severity: Severity, span: Span, found: &str) -> Diagnostic {
    let message = format!(
        "`{}` is no interval, expected milliseconds from 1",
        clip(found)
    );
    Diagnostic::new(severity, "manifest/bad-interval", span, message)
}

pub(crate) fn lane_mismatch(span: Span, stated: Lang, implied: Lang, source: Span) -> Diagnostic {
    let message = format!("`#+BUILD_LANG: {stated}` with a source that is {implied}");
    Diagnostic::new(Error, "manifest/lane-mismatch", span, message).label(source, "the source")
}

pub(crate) fn drawer_mismatch(
    span: Span,
    property: &str,
    found: &str,
    key: Key,
    keyword: Span,
    wanted: &str,
) -> Diagnostic {
    let (found, wanted, name) = (clip(found), clip(wanted), key.name());
    let message = format!("`:{property}: {found}` differs from `#+{name}: {wanted}`");
    Diagnostic::new(Error, "manifest/drawer-mismatch", span, message)
        .label(keyword, "the keyword")
        .hint(format!("write `:{property}: {wanted}`"))
}

pub(crate) fn unknown_role(span: Span, found: &str, known: &[&str]) -> Diagnostic {
    let message = format!("unknown role `{}`, expected {}", clip(found), one_of(known));
    let diagnostic = Diagnostic::new(Note, "manifest/unknown-role", span, message);
    did_you_mean(diagnostic, nearest(found, known.iter().copied()))
}

pub(crate) fn unnamed_recipe(span: Span) -> Diagnostic {
    let message = "a `:role task` block without a name, so nothing can call it";
    Diagnostic::new(Warning, "manifest/unnamed-recipe", span, message)
        .hint("put `#+NAME: <task>` on the line above")
}

pub(crate) fn repeated_recipe(span: Span, name: &TaskName, first: Span) -> Diagnostic {
    let message = format!("the task `{name}` is stated again, the first one counts");
    Diagnostic::new(Warning, "manifest/repeated-recipe", span, message)
        .label(first, "stated here first")
}

pub(crate) fn no_recipe(exec: Span) -> Diagnostic {
    let message = "`#+EXEC: task` without a `:role task` block";
    Diagnostic::new(Warning, "manifest/no-recipe", exec, message)
        .hint("add a block `#+begin_src bash :role task` with `#+NAME: <task>` above it")
}

pub(crate) fn no_skill_index(headline: Span) -> Diagnostic {
    let message = "no skill table, so a reader cannot choose a skill";
    Diagnostic::new(Note, "manifest/no-skill-index", headline, message)
        .hint("add a table headed `| Skill | Use when |`")
}

pub(crate) fn repeated_skill(span: Span, slug: &SkillSlug, first: Span) -> Diagnostic {
    let message = format!("the skill `{slug}` is listed again");
    Diagnostic::new(Warning, "manifest/repeated-skill", span, message)
        .label(first, "listed here first")
}

pub(crate) fn skill_missing_keyword(missing: &[&str]) -> Diagnostic {
    let names: Vec<_> = missing.iter().map(|name| format!("`#+{name}`")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let message = format!("no {}, which every skill has", one_of(&names));
    Diagnostic::new(Warning, "skill/missing-keyword", Span::empty(0), message)
}

pub(crate) fn skill_wrong_name(span: Span, found: &str, file: &SkillSlug) -> Diagnostic {
    let message = format!(
        "`#+SKILL: {}` in the file of the skill `{file}`",
        clip(found)
    );
    Diagnostic::new(Warning, "skill/wrong-name", span, message)
        .hint(format!("write `#+SKILL: {file}`"))
}

pub(crate) fn skill_missing_section(severity: Severity, title: &str) -> Diagnostic {
    let message = format!("no section `{title}`");
    Diagnostic::new(severity, "skill/missing-section", Span::empty(0), message)
        .hint(format!("add a headline `* {title}`"))
}

pub(crate) fn skill_section_order(span: Span, title: &str, before: &str) -> Diagnostic {
    let message = format!("the section `{title}` comes after `{before}`, expected it before");
    Diagnostic::new(Note, "skill/section-order", span, message)
}

pub(crate) fn skill_missing_flag(headline: Span, flag: &str) -> Diagnostic {
    let message = format!("no property `:{flag}:`, expected `yes` or `no`");
    Diagnostic::new(Warning, "skill/missing-flag", headline, message)
        .hint("agents ask people before they use a skill that says nothing")
}

pub(crate) fn skill_unknown_flag(
    span: Span,
    flag: &str,
    found: &str,
    expected: &[&str],
) -> Diagnostic {
    let message = format!("`:{flag}: {}`, expected {}", clip(found), one_of(expected));
    Diagnostic::new(Warning, "skill/unknown-flag", span, message)
}

pub(crate) fn skill_missing_caption(line: Span) -> Diagnostic {
    let message = "a block of the workflow without a caption, so it is in no table of contents";
    Diagnostic::new(Warning, "skill/missing-caption", line, message)
        .hint("put `#+CAPTION: <what it does>` on the line above")
}

pub(crate) fn skill_length(lines: usize, limit: usize) -> Diagnostic {
    let message = format!("a skill of {lines} lines, expected at most {limit}");
    Diagnostic::new(Warning, "skill/length", Span::empty(0), message)
        .hint("split it, or move detail to references")
}
