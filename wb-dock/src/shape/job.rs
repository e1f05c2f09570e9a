use wb_policy::{Budget, Limits, Usage};

use crate::client::Account;
use crate::error::Error;
use crate::limits::Meter;

/// Several runs that spend one budget and one wall time: the calls of a task.
///
/// Each run keeps to the limits of its own grant as well. Runs of a job count as
/// child runs of it, and may go side by side.
#[derive(Clone, Debug)]
pub struct Job(pub(crate) Meter);

impl Job {
    /// Opens the budget of the job, called `by` in messages; its time starts now.
    pub fn start(by: &str, limits: Limits) -> Self {
        Self(Meter::start(Budget::new(by, limits)))
    }

    /// The account of a run of it, called `name` in messages, whose time starts now: for
    /// a run that is not in this process.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`](crate::ErrorKind::Limit) of
    /// [`Resource::Children`](wb_policy::Resource::Children) when the job may start no more.
    pub fn account(&self, name: &str, limits: Limits) -> Result<Account, Error> {
        Ok(Account {
            meter: self.0.child(name, limits)?,
            alone: true,
            share: 1,
        })
    }

    /// What its runs have used so far.
    pub fn usage(&self) -> Usage {
        self.0.budget().usage()
    }
}
