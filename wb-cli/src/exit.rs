use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Done,
    /// It failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// What was named is not there.
    NotFound,
    /// A verification found errors.
    Unverified,
    /// It clashes with what is there.
    Conflict,
    /// The time limit ended the run.
    TimeLimit,
    /// Policy refused the run.
    Refused,
    /// No command has that name.
    NoSuchCommand,
    /// A guest ran and ended with this.
    Guest(u8),
}

impl Exit {
    /// The number that the calling process sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 4,
            Self::Unverified => 5,
            Self::Conflict => 6,
            Self::TimeLimit => 124,
            Self::Refused => 126,
            Self::NoSuchCommand => 127,
            Self::Guest(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
