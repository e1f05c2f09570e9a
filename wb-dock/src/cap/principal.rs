use std::time::Duration;

use wb_policy::{Budget, Exceeded, Grant, Resource};

use super::Failure;
use crate::limits::Meter;
use crate::services::Session;

/// Who asks a service: session and tenant, the program, its grant and its budget.
#[derive(Clone, Debug)]
pub struct Principal<'a> {
    session: &'a Session,
    program: &'a str,
    grant: &'a Grant,
    meter: Meter,
}

impl<'a> Principal<'a> {
    /// Someone outside of a run, whose time starts now: for hosts that call a
    /// service themselves.
    pub fn new(session: &'a Session, program: &'a str, grant: &'a Grant, budget: Budget) -> Self {
        Self::of_run(session, program, grant, Meter::start(budget))
    }

    pub(crate) fn of_run(
        session: &'a Session,
        program: &'a str,
        grant: &'a Grant,
        meter: Meter,
    ) -> Self {
        Self {
            session,
            program,
            grant,
            meter,
        }
    }

    /// On whose behalf: services keep tenants apart by it.
    pub const fn session(&self) -> &'a Session {
        self.session
    }

    /// The name the program runs under.
    pub const fn program(&self) -> &'a str {
        self.program
    }

    /// What it may do, and how far its scopes reach.
    pub const fn grant(&self) -> &'a Grant {
        self.grant
    }

    /// How long a call may take at most.
    pub fn time_left(&self) -> Duration {
        self.meter.remaining()
    }

    /// Spends `bytes` sent to the network, before they are sent.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) when the budget has no room for them.
    pub fn charge_egress(&self, bytes: u64) -> Result<(), Failure> {
        self.meter
            .charge(Resource::Egress, bytes)
            .map_err(|exceeded: Exceeded| Failure::limit(exceeded.to_string()))
    }
}
