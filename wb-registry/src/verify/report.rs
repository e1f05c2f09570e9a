use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use wb_manifest::Severity;

use super::claims::Claim;

/// What a line of the report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// `manifest.org` is there and is readable Org.
    Manifest,
    /// `skills/overview.org` is there.
    Overview,
    /// The required keywords are there and hold what they must.
    Keywords,
    /// Names are names, and the directory has the toolkit's.
    Name,
    /// The drawer mirrors the keywords.
    Drawer,
    /// The contract of `#+EXEC` can be kept.
    Exec,
    /// The source can be built.
    Build,
    /// The artifact imports only what `#+CAPS` declares.
    Imports,
    /// The capabilities can be granted.
    Caps,
    /// Third-party code says who answers for it.
    Trust,
    /// Task recipes can be called.
    Tasks,
    /// The skill table and the skills agree.
    Index,
    /// Skills have the sections they must.
    Skills,
    /// Links lead somewhere.
    Links,
    /// Native checks, which never run.
    Pre,
}

impl Check {
    /// The name used in front of a line and in other formats.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.org",
            Self::Overview => "skills/overview.org",
            Self::Keywords => "keywords",
            Self::Name => "name",
            Self::Drawer => "drawer",
            Self::Exec => "exec",
            Self::Build => "build",
            Self::Imports => "imports",
            Self::Caps => "caps",
            Self::Trust => "trust",
            Self::Tasks => "tasks",
            Self::Index => "index",
            Self::Skills => "skills",
            Self::Links => "links",
            Self::Pre => "pre",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Worth knowing.
    Note,
    /// Should be changed.
    Warning,
    /// Must be changed.
    Fail,
}

impl Outcome {
    /// The mark in front of a line.
    pub const fn mark(self) -> char {
        match self {
            Self::Pass => '✓',
            Self::Note => '·',
            Self::Warning => '!',
            Self::Fail => '✗',
        }
    }

    /// Whether a passing line beside it would be a contradiction.
    pub(super) fn is_problem(self) -> bool {
        self >= Self::Warning
    }
}

impl From<Severity> for Outcome {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Fail,
        }
    }
}

/// A place in a file of the toolkit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, from the toolkit's directory.
    pub path: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub check: Check,
    /// How it came out.
    pub outcome: Outcome,
    /// The stable name of the fault; empty for a pass.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub code: &'static str,
    /// What was found and what was wanted.
    pub message: Cow<'static, str>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Finding {
    pub(super) const fn new(check: Check, outcome: Outcome, code: &'static str) -> Self {
        Self {
            check,
            outcome,
            code,
            message: Cow::Borrowed(""),
            place: None,
            hints: Vec::new(),
        }
    }

    pub(super) fn pass(check: Check, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(check, Outcome::Pass, "").message(message)
    }

    pub(super) fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    pub(super) fn place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// The line and, below it, the hints.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.outcome.mark(), self.check.name())?;
        // "manifest.org present" reads as the seeds print it.
        let separator = if self.message == "present" { " " } else { ": " };
        write!(f, "{separator}{}", self.message)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        for hint in &self.hints {
            write!(f, "\n    help: {hint}")?;
        }
        Ok(())
    }
}

/// What there is to say about one toolkit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The toolkit's directory below the root.
    pub toolkit: String,
    /// The lines, in the order of the checks.
    pub findings: Vec<Finding>,
    /// The commands it declares, for [`cross_check`](super::cross_check).
    #[serde(skip)]
    pub claims: Vec<Claim>,
}

impl Report {
    /// Whether nothing must be changed.
    pub fn passed(&self) -> bool {
        self.count(Outcome::Fail) == 0
    }

    /// Adds lines at their places; what passed beside a problem no longer does.
    pub(super) fn add(&mut self, more: Vec<Finding>) {
        let mut findings = Findings(std::mem::take(&mut self.findings));
        for finding in more {
            findings
                .0
                .retain(|f| f.check != finding.check || f.outcome != Outcome::Pass);
            findings.add(finding);
        }
        self.findings = findings.sorted();
    }

    /// How many lines came out so.
    pub fn count(&self, outcome: Outcome) -> usize {
        let came_out_so = |finding: &&Finding| finding.outcome == outcome;
        self.findings.iter().filter(came_out_so).count()
    }
}

/// One line a finding.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings
            .iter()
            .try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

/// The findings while they are collected.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds a passing line unless the check has found something wrong.
    pub(super) fn pass(&mut self, check: Check, message: impl Into<Cow<'static, str>>) {
        if !self.has_problem(check) {
            self.add(Finding::pass(check, message));
        }
    }

    pub(super) fn has_problem(&self, check: Check) -> bool {
        self.0
            .iter()
            .any(|found| found.check == check && found.outcome.is_problem())
    }

    pub(super) fn into_report(self, toolkit: &str, claims: Vec<Claim>) -> Report {
        Report {
            toolkit: toolkit.to_owned(),
            findings: self.sorted(),
            claims,
        }
    }

    fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by(|a, b| {
            let place = |finding: &Finding| finding.place.clone();
            (a.check, a.outcome)
                .cmp(&(b.check, b.outcome))
                .then_with(|| place(a).cmp(&place(b)))
        });
        self.0
    }
}

/// The format of the JSON form.
const FORMAT: &str = "wb-verify/1";

/// Reports as one JSON value: `format`, which is `wb-verify/1`, whether all `passed`, and
/// `toolkits`, each with its [`Report`].
pub fn json(reports: &[Report]) -> serde_json::Value {
    serde_json::json!({
        "format": FORMAT,
        "passed": reports.iter().all(Report::passed),
        "toolkits": reports,
    })
}
