use std::fmt;

use wb_policy::Resource;

use crate::host::{Ended, Host, Refusal};

/// What a case comes to.
pub type Verdict = Result<(), Finding>;

/// Why a case did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The host did something else than it must.
    Failed {
        /// What it must do.
        expected: String,
        /// What it did.
        seen: String,
    },
    /// The case cannot be tried on this host.
    Skipped {
        /// Why not.
        reason: String,
    },
}

impl Finding {
    /// A failure.
    pub fn failed(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::Failed {
            expected: expected.into(),
            seen: seen.into(),
        }
    }

    /// A case that cannot be tried.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self::Skipped {
            reason: reason.into(),
        }
    }
}

/// What looks at a host.
type Check = Box<dyn Fn(&dyn Host) -> Verdict + Send + Sync>;

/// One thing that a host must do.
pub struct Case {
    /// Its name, which is stable: `limits/spin`.
    pub name: String,
    /// The group of the name: `limits`.
    pub group: &'static str,
    /// What a host must do, in a sentence.
    pub about: String,
    pub(crate) check: Check,
}

impl Case {
    pub(crate) fn new(
        group: &'static str,
        name: impl fmt::Display,
        about: impl Into<String>,
        check: impl Fn(&dyn Host) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: format!("{group}/{name}"),
            group,
            about: about.into(),
            check: Box::new(check),
        }
    }

    /// Tries it on `host`.
    ///
    /// # Errors
    ///
    /// [`Finding::Failed`] with what the host did instead, [`Finding::Skipped`] with why the case
    /// cannot be tried.
    pub fn run(&self, host: &dyn Host) -> Verdict {
        (self.check)(host)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A run, in words.
pub(crate) fn in_words(run: &Result<Ended, Refusal>) -> String {
    match run {
        Ok(ended) => format!(
            "exit code {}, output {:?}",
            ended.exit_code,
            shorten(&String::from_utf8_lossy(&ended.stdout))
        ),
        Err(refusal) => shorten(&refusal.to_string()),
    }
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(300).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// That what was seen is what was expected.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what is compared is made for it in most places"
)]
pub(crate) fn same<T: fmt::Debug + PartialEq>(what: &str, expected: T, seen: T) -> Verdict {
    if expected == seen {
        return Ok(());
    }
    Err(Finding::failed(
        format!("{what}: {}", shorten(&format!("{expected:?}"))),
        shorten(&format!("{seen:?}")),
    ))
}

/// That something holds.
pub(crate) fn holds(condition: bool, expected: &str, seen: impl fmt::Display) -> Verdict {
    if condition {
        return Ok(());
    }
    Err(Finding::failed(expected, shorten(&seen.to_string())))
}

/// The end of a run that must get there by itself.
pub(crate) fn ended(run: Result<Ended, Refusal>) -> Result<Ended, Finding> {
    match run {
        Ok(ended) => Ok(ended),
        Err(_) => Err(Finding::failed("a run to its end", in_words(&run))),
    }
}

/// The refusal of a run that must be refused with one of these codes.
pub(crate) fn refused(run: Result<Ended, Refusal>, codes: &[&str]) -> Result<Refusal, Finding> {
    match run {
        Err(refusal) if codes.contains(&&*refusal.code) => Ok(refusal),
        run => Err(Finding::failed(codes.join(" or "), in_words(&run))),
    }
}

/// The refusal of a run that a limit must stop.
pub(crate) fn limited(run: Result<Ended, Refusal>, resource: Resource) -> Result<Refusal, Finding> {
    match run {
        Err(refusal)
            if refusal
                .limit
                .as_ref()
                .is_some_and(|l| l.resource == resource) =>
        {
            Ok(refusal)
        }
        run => Err(Finding::failed(
            format!("the {resource} limit"),
            in_words(&run),
        )),
    }
}
