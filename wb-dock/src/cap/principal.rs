use std::time::Duration;

use wb_policy::{Budget, Exceeded, Grant, Resource, Usage};

use super::{Failure, Session};
use crate::limits::Meter;

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
        Self {
            session,
            program,
            grant,
            meter: Meter::start(budget),
        }
    }

    pub(crate) fn of_run(session: &'a Session, grant: &'a Grant, meter: &'a Meter) -> Self {
        Self {
            session,
            program: meter.budget().by(),
            grant,
            meter: meter.clone(),
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
    /// A guest whose own budget is spent ends with the call, whatever the service
    /// makes of the failure; a limit that is the service's own is a failure of the
    /// call and no more.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) when the budget has no room for them.
    pub fn charge_egress(&self, bytes: u64) -> Result<(), Failure> {
        let charged = self.meter.charge(Resource::Egress, bytes);
        charged.map_err(|exceeded| {
            let failure = Failure::limit(exceeded.to_string());
            self.overdraw(exceeded);
            failure
        })
    }

    /// What the run has used so far, by the commands it started as well.
    pub fn usage(&self) -> Usage {
        self.meter.budget().usage()
    }

    /// Spends what was used somewhere else on behalf of the run: output, calls and
    /// fuel of commands that it started by [`Elsewhere`](super::Elsewhere).
    pub fn spend(&self, used: &Usage) {
        let spent = [
            (Resource::Output, used.output),
            (Resource::HostCalls, used.host_calls),
            (Resource::Fuel, used.fuel),
        ];
        for (resource, amount) in spent {
            if let Err(exceeded) = self.meter.charge(resource, amount) {
                self.overdraw(exceeded);
            }
        }
    }

    /// Ends the guest with this call, whatever the service answers: a limit was met
    /// where its budget is kept.
    pub fn overdraw(&self, exceeded: Exceeded) {
        self.meter.overdraw(exceeded);
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }
}
