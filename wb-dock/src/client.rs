//! A guest as the services behind the Dock see it, and the way of its calls there.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wb_policy::{Allow, Cap, Exceeded, Grant, Pattern, Resource, Scopes};

use crate::cap::{Elsewhere, Failure, Principal};
use crate::limits::{Meter, Stop};
use crate::services::Services;

mod handles;

pub(crate) use handles::{Handles, Slab};

/// Who calls: the grant, the account and the open handles of one guest.
///
/// The checked operations of every capability take this, so whatever reaches a
/// service, by whichever binding, has gone through [`Client::call`].
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) services: Arc<Services>,
    pub(crate) grant: Arc<Grant>,
    pub(crate) meter: Meter,
    pub(crate) handles: Handles,
    /// Held by each response that the guest is reading.
    pub(crate) responses: Arc<()>,
    /// Whether the run has all cores for itself: false below a fan-out.
    pub(crate) alone: bool,
}

/// On whose account a run is: its budget and deadline, inside those of the run that
/// started it. Made by [`Job::account`](crate::Job::account), or for a
/// [`Cage`](crate::cap::Cage).
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) meter: Meter,
    /// Whether it has all cores for itself.
    pub(crate) alone: bool,
    /// How many runs at a time share what is left of the fuel.
    pub(crate) share: u64,
}

impl Account {
    /// How long the run may still take.
    pub fn time_left(&self) -> Duration {
        self.meter.remaining()
    }
}

/// Why a checked operation gave no result.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The guest is told, and goes on.
    Failed(Failure),
    /// The guest ends: its own budget is spent.
    Stop(Stop),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        Self::Stop(exceeded.into())
    }
}

impl Client {
    pub(crate) fn new(services: Arc<Services>, grant: Arc<Grant>, account: Account) -> Self {
        Self {
            services,
            grant,
            meter: account.meter,
            handles: Handles::default(),
            responses: Arc::default(),
            alone: account.alone,
        }
    }

    /// The account for runs that this guest starts.
    pub(crate) fn account(&self) -> Account {
        Account {
            meter: self.meter.clone(),
            alone: self.alone,
            share: 1,
        }
    }

    /// Opens a call that needs no capability.
    pub(crate) fn ambient_call(&self) -> Result<(), Stop> {
        self.meter.charge(Resource::HostCalls, 1)?;
        self.meter.check_time()?;
        Ok(())
    }

    /// Opens a call for `cap`: charges it, and refuses it when the capability is not
    /// granted or was revoked. A refused call is charged as well.
    pub(crate) fn call(&self, cap: Cap) -> Result<Call<'_>, Refusal> {
        Call::open(&self.services, &self.grant, &self.meter, cap)
    }

    /// Looks whether `cap` still holds, in the middle of what a call for it began.
    pub(crate) fn check_granted(&self, cap: Cap) -> Result<(), Failure> {
        let who = Principal::of_run(&self.services.session, &self.grant, &self.meter);
        check_granted(&self.services, &who, cap)
    }

    /// A call as by [`Client::call`], and what the guest has open beside it.
    pub(crate) fn call_with_handles(
        &mut self,
        cap: Cap,
    ) -> Result<(Call<'_>, &mut Handles), Refusal> {
        let call = Call::open(&self.services, &self.grant, &self.meter, cap)?;
        Ok((call, &mut self.handles))
    }
}

fn check_granted(services: &Services, who: &Principal<'_>, cap: Cap) -> Result<(), Failure> {
    let refused = |why| Failure::refused(format!("`{cap}` {why}"));
    if !who.grant().caps().contains(cap) {
        return Err(refused("is not granted"));
    }
    if let Some(revocations) = &services.revocations
        && revocations.is_revoked(who, cap)
    {
        return Err(refused("was revoked"));
    }
    Ok(())
}

/// One call for a capability, charged and let in.
pub(crate) struct Call<'c> {
    who: Principal<'c>,
    services: &'c Services,
    cap: Cap,
}

impl<'c> Call<'c> {
    fn open(
        services: &'c Services,
        grant: &'c Grant,
        meter: &'c Meter,
        cap: Cap,
    ) -> Result<Self, Refusal> {
        meter.budget().charge_call(cap)?;
        meter.check_time()?;
        let who = Principal::of_run(&services.session, grant, meter);
        check_granted(services, &who, cap)?;
        Ok(Self { who, services, cap })
    }

    /// How far the grant reaches.
    pub(crate) fn scopes(&self) -> &'c Scopes {
        self.who.grant().scopes()
    }

    /// Refuses what is out of reach; `named` is for the message.
    pub(crate) fn in_reach<P: Pattern>(
        scope: &Allow<P>,
        subject: &P::Subject,
        named: impl Display,
    ) -> Result<(), Failure> {
        if scope.permits(subject) {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "the grant does not reach {named}"
        )))
    }

    /// What the host put behind the capability; admission has seen to it that
    /// there is something.
    pub(crate) fn service<S: ?Sized>(
        &self,
        service: impl FnOnce(&'c Services) -> &'c Option<Arc<S>>,
    ) -> Result<&'c S, Failure> {
        let missing = || Failure::unavailable(format!("this host provides no `{}`", self.cap));
        service(self.services).as_deref().ok_or_else(missing)
    }

    /// Where commands run, if that is not here.
    pub(crate) fn elsewhere(&self) -> Option<&'c dyn Elsewhere> {
        self.services.elsewhere.as_deref()
    }

    /// Asks a service, to which the guest passed `sent` bytes.
    ///
    /// A service that returned too late, or that sent more than the budget for
    /// egress has, ends the guest: what it answered no longer counts.
    pub(crate) fn ask<T: Received>(
        &self,
        sent: usize,
        ask: impl FnOnce(&Principal<'_>) -> Result<T, Failure>,
    ) -> Result<T, Refusal> {
        let answer = ask(&self.who);
        let received = answer.as_ref().map_or(0, Received::bytes);
        self.count(sent, received);
        self.check()?;
        Ok(answer?)
    }

    /// Counts bytes from the guest and to it.
    pub(crate) fn count(&self, sent: usize, received: usize) {
        let budget = self.who.meter().budget();
        budget.count_traffic(self.cap, sent as u64, received as u64);
    }

    /// Ends the guest when its time is over or its egress budget spent.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        self.meter().check()
    }

    /// The deadline and the ledger of the run.
    pub(crate) fn meter(&self) -> &Meter {
        self.who.meter()
    }
}

/// What a service answers, measured.
pub(crate) trait Received {
    /// Bytes that reach the guest, without those of the encoding.
    fn bytes(&self) -> usize;
}

impl Received for () {
    fn bytes(&self) -> usize {
        0
    }
}

impl Received for bool {
    fn bytes(&self) -> usize {
        0
    }
}

impl Received for Bytes {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Received for String {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl<T: Received> Received for Option<T> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, Received::bytes)
    }
}

impl<T: Received> Received for Vec<T> {
    fn bytes(&self) -> usize {
        self.iter().map(Received::bytes).sum()
    }
}

/// Fails unless `what` has 1 to `most` bytes, none of them NUL.
pub(crate) fn check_name(what: &str, name: &str, most: usize) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(Failure::bad_request(format!("{what} is empty")));
    }
    if name.contains('\0') {
        return Err(Failure::bad_request(format!("{what} has a NUL in it")));
    }
    check_size(what, name.len(), most)
}

/// Fails if `what` has more than `most` bytes.
pub(crate) fn check_size(what: &str, found: usize, most: usize) -> Result<(), Failure> {
    if found <= most {
        return Ok(());
    }
    Err(Failure::limit(format!(
        "{what} has {found} bytes, at most {most} allowed"
    )))
}
