//! What stops a guest: the deadline, and the ledger everything is charged to.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;
use wb_policy::{Budget, Exceeded, Limits, MemoryReservation, Resource};

use crate::engine::TABLE_ELEMENTS;

/// Why the host ends a guest. Travels through the engine as an error.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The guest called `proc_exit`.
    Exit(i32),
    /// A limit was reached.
    Limit(Exceeded),
    /// The guest passed pointers but exports no memory.
    NoMemory,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Limit(exceeded) => exceeded.fmt(f),
            Self::NoMemory => f.write_str("no memory is exported"),
        }
    }
}

impl std::error::Error for Stop {}

impl From<Exceeded> for Stop {
    fn from(exceeded: Exceeded) -> Self {
        Self::Limit(exceeded)
    }
}

/// The deadline and the ledger of one run. Cloning shares both.
#[derive(Clone, Debug)]
pub(crate) struct Meter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    budget: Budget,
    started: Instant,
    /// When time is over, and for whom: this run or one around it.
    deadline: Option<(Instant, Budget)>,
    /// Nanoseconds by which both have been moved since.
    moved: AtomicU64,
    /// The limit that a service met on the guest's behalf.
    overdrawn: OnceLock<Exceeded>,
}

impl Meter {
    pub(crate) fn start(budget: Budget) -> Self {
        Self::start_within(budget, None)
    }

    /// The meter of a nested run, which spends from this one as well.
    pub(crate) fn child(&self, name: &str, limits: Limits) -> Result<Self, Exceeded> {
        let budget = self.0.budget.child(name, limits)?;
        Ok(Self::start_within(budget, self.deadline()))
    }

    fn start_within(budget: Budget, outer: Option<(Instant, &Budget)>) -> Self {
        let started = now();
        let own = started.checked_add(budget.wall());
        let deadline = match (own, outer) {
            (Some(own), Some((outer, _))) if own <= outer => Some((own, budget.clone())),
            (Some(own), None) => Some((own, budget.clone())),
            (_, outer) => outer.map(|(end, budget)| (end, budget.clone())),
        };
        Self(Arc::new(Inner {
            budget,
            started,
            deadline,
            moved: AtomicU64::new(0),
            overdrawn: OnceLock::new(),
        }))
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// Starts the time anew, for a guest that is called again. Only for a run that is
    /// not nested: it would outlive the one around it.
    pub(crate) fn renew(&self) {
        let since = now().duration_since(self.0.started).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.0.moved.store(since, Ordering::Relaxed);
    }

    fn moved(&self) -> Duration {
        Duration::from_nanos(self.0.moved.load(Ordering::Relaxed))
    }

    /// When time is over, and for whom; none when it is further off than clocks reach.
    fn deadline(&self) -> Option<(Instant, &Budget)> {
        let (end, budget) = self.0.deadline.as_ref()?;
        Some((end.checked_add(self.moved())?, budget))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        now()
            .duration_since(self.0.started)
            .saturating_sub(self.moved())
    }

    /// What is left of the wall time.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline().map_or(Duration::MAX, |(end, _)| {
            end.saturating_duration_since(now())
        })
    }

    /// Ends the guest once its time is over.
    pub(crate) fn check_time(&self) -> Result<(), Exceeded> {
        match self.deadline() {
            Some((end, budget)) if now() >= end => Err(budget.out_of_time(self.elapsed())),
            _ => Ok(()),
        }
    }

    /// The error of a run that is over its time, whether or not it is: it names whose
    /// time that is.
    pub(crate) fn out_of_time(&self) -> Exceeded {
        let whose = self.deadline().map_or(&self.0.budget, |(_, budget)| budget);
        whose.out_of_time(self.elapsed())
    }

    pub(crate) fn charge(&self, resource: Resource, amount: u64) -> Result<(), Exceeded> {
        self.0.budget.charge(resource, amount)
    }

    /// Notes that a service met a limit of the guest: the guest ends with the call.
    pub(crate) fn overdraw(&self, exceeded: Exceeded) {
        // The first one is what the error tells of.
        let _ = self.0.overdrawn.set(exceeded);
    }

    pub(crate) fn overdrawn(&self) -> Option<&Exceeded> {
        self.0.overdrawn.get()
    }

    /// Ends the guest when its time is over, or when a service met a limit of it.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        if let Some(exceeded) = self.overdrawn() {
            return Err(exceeded.clone().into());
        }
        Ok(self.check_time()?)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a wall-time limit is about real time; no result of a run depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

/// Bytes counted for one element of a table: a pointer with its lazy mark.
const TABLE_ELEMENT: u64 = 8;

/// Charges the linear memories and tables of one instance to its budget.
///
/// A refusal ends the guest rather than letting `memory.grow` answer -1: most
/// programs would go on to fail somewhere else, with a message about something else.
#[derive(Debug)]
pub(crate) struct MemoryGauge {
    budget: Budget,
    reserved: Option<MemoryReservation>,
    /// Bytes that the next growth need not charge: somebody else has.
    paid: u64,
}

impl MemoryGauge {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            reserved: None,
            paid: 0,
        }
    }

    /// Lets the memory grow by `bytes` that are charged elsewhere.
    pub(crate) fn prepay(&mut self, bytes: u64) {
        self.paid = bytes;
    }

    /// Bytes reserved now.
    pub(crate) fn bytes(&self) -> u64 {
        self.reserved.as_ref().map_or(0, MemoryReservation::bytes)
    }

    /// Reserves so much that `total` bytes are reserved; never gives back, so that
    /// what was used once stays at hand.
    pub(crate) fn raise_to(&mut self, total: u64) -> Result<(), Exceeded> {
        let more = total.saturating_sub(self.bytes());
        if more > 0 { self.grow(more) } else { Ok(()) }
    }

    fn grow(&mut self, more: u64) -> Result<(), Exceeded> {
        if let Some(reserved) = &mut self.reserved {
            return reserved.grow(more);
        }
        self.reserved = Some(self.budget.reserve_memory(more)?);
        Ok(())
    }
}

impl ResourceLimiter for MemoryGauge {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        let paid = more.min(std::mem::take(&mut self.paid));
        self.grow(more - paid).map_err(Stop::Limit)?;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Where tables have a fixed place, `maximum` is no more than this.
        if desired > TABLE_ELEMENTS || maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64 * TABLE_ELEMENT;
        self.grow(more).map_err(Stop::Limit)?;
        Ok(true)
    }
}
