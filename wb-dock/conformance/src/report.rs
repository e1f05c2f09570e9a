use std::fmt;

use serde::Serialize;

/// The version of the report's JSON.
pub const VERSION: u32 = 1;

/// What became of each case on one host.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The name of the host.
    pub host: String,
    /// How many cases passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many could not be tried.
    pub skipped: usize,
    /// Each case, in the order of the suite.
    pub cases: Vec<CaseReport>,
}

/// What became of one case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// The name of the case.
    pub name: String,
    /// Its group.
    pub group: &'static str,
    /// What a host must do.
    pub about: String,
    /// How it ended.
    pub status: Status,
    /// What a host that failed must have done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What it did instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Why the case was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The host did what it must.
    Passed,
    /// The host did something else.
    Failed,
    /// The case could not be tried on this host.
    Skipped,
}

impl Status {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Report {
    pub(crate) fn new(host: String, cases: Vec<CaseReport>) -> Self {
        let count = |status| cases.iter().filter(|case| case.status == status).count();
        Self {
            version: VERSION,
            host,
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            skipped: count(Status::Skipped),
            cases,
        }
    }

    /// Whether no case failed. Skipped ones have not.
    pub const fn is_clean(&self) -> bool {
        self.failed == 0
    }
}

/// The counts, and each case that did not pass.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} passed, {} failed, {} skipped",
            self.host, self.passed, self.failed, self.skipped
        )?;
        for case in &self.cases {
            let words = match case.status {
                Status::Passed => continue,
                Status::Skipped => case.reason.clone().unwrap_or_default(),
                Status::Failed => format!(
                    "expected {}, seen {}",
                    case.expected.as_deref().unwrap_or_default(),
                    case.seen.as_deref().unwrap_or_default()
                ),
            };
            write!(f, "\n  {} {}: {words}", case.status.name(), case.name)?;
        }
        Ok(())
    }
}

/// The reports of several hosts.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// [`VERSION`].
    pub version: u32,
    /// One report a host.
    pub reports: Vec<Report>,
    /// The tiers that this machine has not.
    pub missing: Vec<Missing>,
}

/// A tier that was not tried because the machine has it not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its name.
    pub tier: String,
    /// What is missing, and how to get it.
    pub reason: String,
}

impl Survey {
    /// The reports together.
    pub const fn new(reports: Vec<Report>, missing: Vec<Missing>) -> Self {
        Self {
            version: VERSION,
            reports,
            missing,
        }
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, report) in self.reports.iter().enumerate() {
            let newline = if index > 0 { "\n" } else { "" };
            write!(f, "{newline}{report}")?;
        }
        for missing in &self.missing {
            write!(f, "\n{}: missing: {}", missing.tier, missing.reason)?;
        }
        Ok(())
    }
}
