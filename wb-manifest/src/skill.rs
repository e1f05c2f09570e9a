use schemars::JsonSchema;
use serde::Serialize;
use wb_oql::{BlockKind, Diagnostic, Document, Headline, Severity, Span};

use crate::diag::Findings;
use crate::recipe::{self, Check, Recipe};
use crate::vocabulary::one_of;
use crate::{SkillSlug, Spanned, diag};

/// What a skill file states.
///
/// Real skills fall short of the authoring standard in many ways, so its
/// findings are warnings at most.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Skill {
    /// The name of its file.
    pub slug: SkillSlug,
    /// `#+TITLE`
    pub title: Option<Spanned<String>>,
    /// `#+TOOLKIT`: the toolkit it belongs to.
    pub toolkit: Option<Spanned<String>>,
    /// `#+VERSION`
    pub version: Option<Spanned<String>>,
    /// `#+STATUS`
    pub status: Option<Spanned<String>>,
    /// `#+DESCRIPTION`: the need it answers.
    pub description: Option<Spanned<String>>,
    /// `#+TAGS`
    pub tags: Vec<Spanned<String>>,
    /// What an agent should know before it starts.
    pub flags: SkillFlags,
    /// The sections of the authoring standard that it has, in document order.
    pub sections: Vec<Section>,
    /// The captions of its source blocks: its table of contents.
    pub captions: Vec<Spanned<String>>,
    /// Where its links lead.
    pub links: Vec<SkillLink>,
    /// The `:role task` blocks.
    pub recipes: Vec<Recipe>,
    /// The `:role pre` and `:role post` blocks.
    pub checks: Vec<Check>,
    /// How many lines it has.
    pub lines: usize,
}

/// The drawer of the section `When to use this`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct SkillFlags {
    /// `:NETWORK:`: whether it reaches the network.
    pub network: Option<Spanned<Flag>>,
    /// `:DESTRUCTIVE:`: whether it can destroy data.
    pub destructive: Option<Spanned<Flag>>,
    /// `:COST:`: whether it can cost money.
    pub paid: Option<Spanned<Flag>>,
    /// `:REQUIRES:`
    pub requires: Option<Spanned<String>>,
    /// `:OS:`
    pub os: Option<Spanned<String>>,
}

/// `yes` or `no`; for `:COST:`, `paid` or `free`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Flag {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// A section of the authoring standard.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Section {
    /// Which one.
    pub kind: SectionKind,
    /// From its headline to the next one of its level.
    #[serde(skip)]
    pub span: Span,
}

/// The sections of the authoring standard, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKind {
    /// When to use this.
    WhenToUse,
    /// The mental model; skills of a single step may leave it out.
    MentalModel,
    /// Workflow.
    Workflow,
    /// Common pitfalls.
    Pitfalls,
    /// Verification checklist.
    Verification,
    /// See also.
    SeeAlso,
}

impl SectionKind {
    /// Every section, in order.
    pub const ALL: [Self; 6] = [
        Self::WhenToUse,
        Self::MentalModel,
        Self::Workflow,
        Self::Pitfalls,
        Self::Verification,
        Self::SeeAlso,
    ];

    /// Its title in the standard.
    pub const fn title(self) -> &'static str {
        match self {
            Self::WhenToUse => "When to use this",
            Self::MentalModel => "The mental model",
            Self::Workflow => "Workflow",
            Self::Pitfalls => "Common pitfalls",
            Self::Verification => "Verification checklist",
            Self::SeeAlso => "See also",
        }
    }

    fn of(title: &str) -> Option<Self> {
        let title = title.to_ascii_lowercase();
        let words = [
            "when to use",
            "mental model",
            "workflow",
            "pitfall",
            "verif",
            "see also",
        ];
        let found = words.iter().position(|words| title.contains(words))?;
        Some(Self::ALL[found])
    }
}

/// A link of a skill.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SkillLink {
    /// Where it leads, such as `file:overview.org`.
    pub target: Spanned<String>,
    /// Whether it stands in the section `See also`.
    pub see_also: bool,
}

/// What was read from a skill file.
#[derive(Clone, Debug)]
pub struct SkillReading {
    /// The skill.
    pub skill: Skill,
    /// The findings, in document order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Lines beyond which a skill should be split, by the authoring standard.
const MAX_LINES: usize = 400;

/// Reads a skill file; `slug` is the name of the file without its extension,
/// or of the directory of a `SKILL.org`.
pub fn read_skill(slug: &SkillSlug, bytes: &[u8]) -> SkillReading {
    let doc = Document::parse(bytes);
    let mut findings = Findings::new(doc.diagnostics());
    let text = |key: &str| {
        let found = doc.keyword(key).filter(|found| !found.value.is_empty())?;
        Some(Spanned::new(doc.str(found.value).to_owned(), found.value))
    };
    keywords(&doc, slug, &mut findings);
    let sections = sections(&doc, &mut findings);
    let flags = flags(&doc, &mut findings);
    let captions = captions(&doc, &sections, &mut findings);
    let (links, faults) = doc.links();
    findings.extend(faults);
    let see_also = sections
        .iter()
        .find(|section| section.kind == SectionKind::SeeAlso);
    let links = links.into_iter().map(|link| SkillLink {
        target: Spanned::new(doc.str(link.target).to_owned(), link.target),
        see_also: see_also.is_some_and(|section| section.span.contains(link.span)),
    });
    let links = links.collect();
    let (recipes, checks) = recipe::read(&doc, doc.blocks().iter(), &mut findings);
    let length = doc.text().lines().count();
    if length > MAX_LINES {
        findings.push(diag::skill_length(length, MAX_LINES));
    }
    let skill = Skill {
        slug: slug.clone(),
        title: text("TITLE"),
        toolkit: text("TOOLKIT"),
        version: text("VERSION"),
        status: text("STATUS"),
        description: text("DESCRIPTION"),
        tags: tags(&doc),
        flags,
        sections,
        captions,
        links,
        recipes,
        checks,
        lines: length,
    };
    SkillReading {
        skill,
        diagnostics: findings.finish(),
    }
}

fn keywords(doc: &Document<'_>, slug: &SkillSlug, findings: &mut Findings) {
    const NEEDED: [&str; 7] = [
        "TITLE",
        "TOOLKIT",
        "SKILL",
        "VERSION",
        "DESCRIPTION",
        "TAGS",
        "STATUS",
    ];
    let stated = |key: &&str| {
        doc.keyword(key)
            .is_some_and(|found| !found.value.is_empty())
    };
    let missing: Vec<_> = NEEDED.into_iter().filter(|key| !stated(key)).collect();
    if !missing.is_empty() {
        findings.push(diag::skill_missing_keyword(&missing));
    }
    if let Some(found) = doc.keyword("SKILL").filter(|found| !found.value.is_empty()) {
        let name = doc.str(found.value);
        if name != slug.as_str() {
            findings.push(diag::skill_wrong_name(found.value, name, slug));
        }
    }
}

fn tags(doc: &Document<'_>) -> Vec<Spanned<String>> {
    let Some(found) = doc.keyword("TAGS") else {
        return Vec::new();
    };
    let text = doc.str(found.value);
    let words = text.split(|c: char| c.is_ascii_whitespace() || c == ':' || c == ',');
    words
        .filter(|word| !word.is_empty())
        .map(|word| {
            let offset = word.as_ptr() as usize - text.as_ptr() as usize;
            Spanned::new(word.to_owned(), found.value.slice(offset, word.len()))
        })
        .collect()
}

fn sections(doc: &Document<'_>, findings: &mut Findings) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for headline in doc
        .headlines()
        .iter()
        .filter(|headline| headline.level <= 2)
    {
        let Some(kind) = SectionKind::of(doc.str(headline.title)) else {
            continue;
        };
        if sections.iter().any(|known| known.kind == kind) {
            continue;
        }
        if let Some(last) = sections.last().filter(|last| last.kind > kind) {
            let before = last.kind.title();
            findings.push(diag::skill_section_order(
                headline.title,
                kind.title(),
                before,
            ));
        }
        sections.push(Section {
            kind,
            span: headline.subtree,
        });
    }
    for kind in SectionKind::ALL {
        if !sections.iter().any(|known| known.kind == kind) {
            let severity = match kind {
                SectionKind::MentalModel => Severity::Note,
                _ => Severity::Warning,
            };
            findings.push(diag::skill_missing_section(severity, kind.title()));
        }
    }
    sections
}

fn flags(doc: &Document<'_>, findings: &mut Findings) -> SkillFlags {
    let when = |headline: &&Headline| {
        SectionKind::of(doc.str(headline.title)) == Some(SectionKind::WhenToUse)
    };
    let Some(headline) = doc.headlines().iter().find(when) else {
        return SkillFlags::default();
    };
    let property = |key: &str| {
        let found = headline
            .property(doc, key)
            .filter(|found| !found.value.is_empty())?;
        Some(Spanned::new(doc.str(found.value), found.value))
    };
    let owned = |found: Spanned<&str>| Spanned::new(found.value.to_owned(), found.span);
    let mut flag = |key: &str, words: [&str; 2], needed: bool| {
        let Some(found) = property(key) else {
            if needed {
                findings.push(diag::skill_missing_flag(headline.line, key));
            }
            return None;
        };
        let flag = match words
            .iter()
            .position(|word| word.eq_ignore_ascii_case(found.value))
        {
            Some(0) => Flag::Yes,
            Some(_) => Flag::No,
            None => {
                let fault = diag::skill_unknown_flag(found.span, key, found.value, &words);
                findings.push(fault);
                return None;
            }
        };
        Some(Spanned::new(flag, found.span))
    };
    SkillFlags {
        network: flag("NETWORK", ["yes", "no"], true),
        destructive: flag("DESTRUCTIVE", ["yes", "no"], true),
        paid: flag("COST", ["paid", "free"], false),
        requires: property("REQUIRES").map(owned),
        os: property("OS").map(owned),
    }
}

fn captions(
    doc: &Document<'_>,
    sections: &[Section],
    findings: &mut Findings,
) -> Vec<Spanned<String>> {
    let workflow = sections
        .iter()
        .find(|section| section.kind == SectionKind::Workflow);
    let mut captions = Vec::new();
    for block in doc
        .blocks()
        .iter()
        .filter(|block| block.kind == BlockKind::Source)
    {
        match block.captions.first() {
            Some(&span) => captions.push(Spanned::new(doc.str(span).to_owned(), span)),
            None if workflow.is_some_and(|section| section.span.contains(block.span)) => {
                let line = Span::new(block.span.start, block.content.start);
                findings.push(diag::skill_missing_caption(line));
            }
            None => {}
        }
    }
    captions
}

impl Skill {
    /// The line an agent's prompt carries for it: its name and what it answers.
    pub fn summary(&self) -> String {
        let need = self.description.as_ref().or(self.title.as_ref());
        match need {
            Some(need) => format!("{}: {}", self.slug, need.value),
            None => self.slug.to_string(),
        }
    }

    /// The sections it lacks, as `a, b or c`; empty when it lacks none.
    pub fn missing_sections(&self) -> String {
        let has = |kind: &SectionKind| self.sections.iter().any(|known| known.kind == *kind);
        let missing: Vec<_> = SectionKind::ALL
            .into_iter()
            .filter(|kind| !has(kind))
            .map(SectionKind::title)
            .collect();
        one_of(&missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKILL: &str = "\
#+TITLE: Trim
#+TOOLKIT: slug
#+SKILL: trim
#+VERSION: 0.1.0
#+DESCRIPTION: Use when names are too long.
#+TAGS: text names
#+STATUS: stable

* When to use this
:PROPERTIES:
:NETWORK: no
:DESTRUCTIVE: no
:COST: free
:END:
NOT for: paths, see [[file:overview.org][overview]].
* The mental model
* Workflow
  #+caption: Cut to ten characters
  #+begin_src bash
  slug --max 10
  #+end_src
* Common pitfalls
1. Cutting inside of a character.
* Verification checklist
- [ ] shorter
* See also
- [[file:join.org][join]]
";

    fn read(text: &str) -> SkillReading {
        read_skill(&"trim".parse().unwrap(), text.as_bytes())
    }

    #[test]
    fn a_whole_skill_has_no_findings() {
        let SkillReading { skill, diagnostics } = read(SKILL);
        assert_eq!(diagnostics, []);
        assert_eq!(skill.flags.network.unwrap().value, Flag::No);
        assert_eq!(skill.flags.paid.unwrap().value, Flag::No);
        assert_eq!(skill.captions[0].value, "Cut to ten characters");
        assert_eq!(
            skill
                .tags
                .iter()
                .map(|tag| tag.as_str())
                .collect::<Vec<_>>(),
            ["text", "names"]
        );
        let links: Vec<_> = skill
            .links
            .iter()
            .map(|link| (link.target.as_str(), link.see_also))
            .collect();
        assert_eq!(
            links,
            [("file:overview.org", false), ("file:join.org", true)]
        );
        assert_eq!(skill.summary(), "trim: Use when names are too long.");
        assert_eq!(skill.missing_sections(), "");
    }

    #[test]
    fn a_stub_is_warned_and_read() {
        let SkillReading { skill, diagnostics } =
            read("#+TITLE: Trim\n* When to use\n* Workflow\n");
        assert!(
            diagnostics
                .iter()
                .all(|found| found.severity < Severity::Error)
        );
        assert_eq!(
            skill.missing_sections(),
            "The mental model, Common pitfalls, Verification checklist or See also"
        );
        assert_eq!(skill.summary(), "trim: Trim");
    }
}
