//! The ledger that a run and everything it starts spend from.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::{Cap, Limits};
use counts::Counts;

mod counts;

pub use counts::CapUse;

/// Something a run can use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Resource {
    /// Bytes of linear memory and tables, given back when an instance ends.
    Memory,
    /// Wall-clock time, in milliseconds.
    Wall,
    /// Units of wasm fuel.
    Fuel,
    /// Bytes written to standard output and standard error.
    Output,
    /// Calls into the Dock.
    HostCalls,
    /// Bytes sent to the network.
    Egress,
    /// Commands started.
    Children,
}

impl Resource {
    /// The name used in messages and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Wall => "wall-time",
            Self::Fuel => "fuel",
            Self::Output => "output",
            Self::HostCalls => "host-call",
            Self::Egress => "egress",
            Self::Children => "child-run",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A limit was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Which limit.
    pub resource: Resource,
    /// How much there was in all, in the unit of the resource.
    pub limit: u64,
    /// How much was asked for when it no longer fitted.
    pub asked: u64,
    /// Who asked: the name of the command.
    pub by: Arc<str>,
}

impl Exceeded {
    /// The stable code of the limit that was reached, for example `policy/memory-limit`.
    pub const fn code(&self) -> &'static str {
        match self.resource {
            Resource::Memory => "policy/memory-limit",
            Resource::Wall => "policy/time-limit",
            Resource::Fuel => "policy/fuel-limit",
            Resource::Output => "policy/output-limit",
            Resource::HostCalls => "policy/host-call-limit",
            Resource::Egress => "policy/egress-limit",
            Resource::Children => "policy/child-limit",
        }
    }
}

impl std::error::Error for Exceeded {}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resource,
            limit,
            asked,
            by,
        } = self;
        let amount = |n| Amount(*resource, n);
        write!(f, "{resource} limit of {} reached", amount(*limit))?;
        match resource {
            Resource::Wall => write!(f, " by `{by}`"),
            _ => write!(f, ": `{by}` asked for {} more", amount(*asked)),
        }
    }
}

/// A number in the words of its resource.
struct Amount(Resource, u64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(resource, n) = *self;
        match resource {
            Resource::Wall if n % 1000 == 0 => write!(f, "{} s", n / 1000),
            Resource::Wall => write!(f, "{n} ms"),
            Resource::Memory | Resource::Output | Resource::Egress => {
                for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
                    if n >= size && n % size == 0 {
                        return write!(f, "{} {unit}", n / size);
                    }
                }
                write!(f, "{n} bytes")
            }
            _ => write!(f, "{n}"),
        }
    }
}

/// What has been used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The most memory that was in use at one time, in bytes.
    pub memory_peak: u64,
    /// Units of fuel.
    pub fuel: u64,
    /// Bytes written to standard output and standard error.
    pub output: u64,
    /// Calls into the Dock.
    pub host_calls: u64,
    /// Bytes sent to the network.
    pub egress: u64,
    /// Commands started.
    pub children: u64,
}

/// One ledger for a run and everything it starts.
///
/// Cloning shares the ledger. A [`child`](Self::child) has limits of its own on
/// top and spends from its parent's as well, so a program cannot escape its
/// limits by starting others. There is no clock inside: the wall-clock limit
/// is carried for whoever owns one.
///
/// # Examples
///
/// ```
/// use wb_policy::{Budget, Limits, Profile, Resource};
///
/// let limits = Limits { output: 10, ..Profile::minimal().limits() };
/// let run = Budget::new("outer", limits);
/// let nested = run.child("inner", Profile::minimal().limits())?;
/// nested.charge(Resource::Output, 8)?;
/// let error = run.charge(Resource::Output, 3).unwrap_err();
/// assert_eq!(error.to_string(), "output limit of 10 bytes reached: `outer` asked for 3 bytes more");
/// # Ok::<(), wb_policy::Exceeded>(())
/// ```
#[derive(Clone, Debug)]
pub struct Budget(Arc<Ledger>);

#[derive(Debug)]
struct Ledger {
    by: Arc<str>,
    limits: Limits,
    parent: Option<Budget>,
    memory: AtomicU64,
    memory_peak: AtomicU64,
    fuel: AtomicU64,
    output: AtomicU64,
    host_calls: AtomicU64,
    egress: AtomicU64,
    children: AtomicU64,
    /// Nanoseconds.
    cpu: AtomicU64,
    /// Made with the first call: most runs make none.
    caps: OnceLock<Box<Counts>>,
}

impl Budget {
    /// Opens the ledger of the outermost run, called `by` in messages.
    pub fn new(by: impl Into<Arc<str>>, limits: Limits) -> Self {
        Self::open(by.into(), limits, None)
    }

    /// Starts a nested run: charges one child and opens its part of the ledger.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] of [`Resource::Children`] when this run, or one around it, may start
    /// no further one.
    pub fn child(&self, by: impl Into<Arc<str>>, limits: Limits) -> Result<Self, Exceeded> {
        self.charge(Resource::Children, 1)?;
        let limits = limits.tightest(self.0.limits);
        Ok(Self::open(by.into(), limits, Some(self.clone())))
    }

    fn open(by: Arc<str>, limits: Limits, parent: Option<Self>) -> Self {
        Self(Arc::new(Ledger {
            by,
            limits,
            parent,
            memory: AtomicU64::new(0),
            memory_peak: AtomicU64::new(0),
            fuel: AtomicU64::new(0),
            output: AtomicU64::new(0),
            host_calls: AtomicU64::new(0),
            egress: AtomicU64::new(0),
            children: AtomicU64::new(0),
            cpu: AtomicU64::new(0),
            caps: OnceLock::new(),
        }))
    }

    /// Who spends here.
    pub fn by(&self) -> &Arc<str> {
        &self.0.by
    }

    /// The limits of this run alone; its parents' hold as well.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// The wall-clock limit.
    pub fn wall(&self) -> Duration {
        self.0.limits.wall
    }

    /// How many runs enclose this one.
    pub fn depth(&self) -> usize {
        self.lineage().count() - 1
    }

    /// The error of a run that is over its time after `elapsed`.
    pub fn out_of_time(&self, elapsed: Duration) -> Exceeded {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Exceeded {
            resource: Resource::Wall,
            limit: millis(self.wall()),
            asked: millis(elapsed),
            by: self.0.by.clone(),
        }
    }

    /// Spends `amount` here and in every enclosing run, or nowhere.
    ///
    /// Time is not spent here; charging [`Resource::Wall`] does nothing.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] of `resource`, with the first limit that has no room for it, from the
    /// innermost run outwards. Nothing is spent then.
    pub fn charge(&self, resource: Resource, amount: u64) -> Result<(), Exceeded> {
        for budget in self.lineage() {
            let ledger = &budget.0;
            if !ledger.add(resource, amount) {
                for spent in self.lineage().take_while(|b| !Arc::ptr_eq(&b.0, ledger)) {
                    spent.0.subtract(resource, amount);
                }
                return Err(Exceeded {
                    resource,
                    limit: ledger.limit(resource),
                    asked: amount,
                    by: self.0.by.clone(),
                });
            }
        }
        if resource == Resource::Memory {
            self.note_peaks();
        }
        Ok(())
    }

    /// Spends one call into the Dock, for `cap`.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] of [`Resource::HostCalls`] when no further call may be made.
    pub fn charge_call(&self, cap: Cap) -> Result<(), Exceeded> {
        self.charge(Resource::HostCalls, 1)?;
        for budget in self.lineage() {
            budget.counts().add_call(cap);
        }
        Ok(())
    }

    /// Counts what a call for `cap` passed from the guest and to it, in bytes.
    pub fn count_traffic(&self, cap: Cap, sent: u64, received: u64) {
        for budget in self.lineage() {
            budget.counts().add_traffic(cap, sent, received);
        }
    }

    /// Counts processor time of a thread that works for this run and those around it.
    pub fn count_cpu(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        for budget in self.lineage() {
            budget.0.cpu.fetch_add(nanos, Relaxed);
        }
    }

    /// The processor time that was counted.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.0.cpu.load(Relaxed))
    }

    /// What went through each capability that was called, in documentation order.
    pub fn caps(&self) -> Vec<(Cap, CapUse)> {
        self.0
            .caps
            .get()
            .map(|counts| counts.read())
            .unwrap_or_default()
    }

    fn counts(&self) -> &Counts {
        self.0.caps.get_or_init(Box::default)
    }

    /// Reserves `bytes` of memory until the reservation is dropped.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] of [`Resource::Memory`] when there is no room.
    pub fn reserve_memory(&self, bytes: u64) -> Result<MemoryReservation, Exceeded> {
        let mut reservation = MemoryReservation {
            budget: self.clone(),
            bytes: 0,
        };
        reservation.grow(bytes)?;
        Ok(reservation)
    }

    /// Takes up to `wanted` units of fuel, as many as are left everywhere.
    ///
    /// Returns `None` when neither this run nor an enclosing one counts fuel.
    /// What was not burnt goes back with [`return_fuel`](Self::return_fuel).
    pub fn take_fuel(&self, wanted: u64) -> Option<u64> {
        self.lineage()
            .find(|budget| budget.0.limits.fuel.is_some())?;
        let mut asked = wanted;
        // Another run may take what was left between the look and the charge.
        loop {
            asked = asked.min(self.remaining(Resource::Fuel));
            if self.charge(Resource::Fuel, asked).is_ok() {
                return Some(asked);
            }
        }
    }

    /// Gives back fuel that was taken and not burnt.
    pub fn return_fuel(&self, unused: u64) {
        for budget in self.lineage() {
            budget.0.subtract(Resource::Fuel, unused);
        }
    }

    /// How much of `resource` could still be charged, in its unit and over all enclosing
    /// runs. Without a limit on fuel that is [`u64::MAX`] less what was burnt; of
    /// [`Resource::Wall`] it is the whole limit, in milliseconds.
    pub fn remaining(&self, resource: Resource) -> u64 {
        self.lineage()
            .map(|budget| {
                let ledger = &budget.0;
                let used = ledger.counter(resource).map_or(0, |c| c.load(Relaxed));
                ledger.limit(resource).saturating_sub(used)
            })
            .min()
            .unwrap_or(0)
    }

    /// What this run and everything it started have used.
    pub fn usage(&self) -> Usage {
        let ledger = &self.0;
        Usage {
            memory_peak: ledger.memory_peak.load(Relaxed),
            fuel: ledger.fuel.load(Relaxed),
            output: ledger.output.load(Relaxed),
            host_calls: ledger.host_calls.load(Relaxed),
            egress: ledger.egress.load(Relaxed),
            children: ledger.children.load(Relaxed),
        }
    }

    /// This run and those around it, innermost first.
    fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |budget| budget.0.parent.as_ref())
    }

    fn note_peaks(&self) {
        for budget in self.lineage() {
            let now = budget.0.memory.load(Relaxed);
            budget.0.memory_peak.fetch_max(now, Relaxed);
        }
    }
}

impl Ledger {
    fn counter(&self, resource: Resource) -> Option<&AtomicU64> {
        Some(match resource {
            Resource::Wall => return None,
            Resource::Memory => &self.memory,
            Resource::Fuel => &self.fuel,
            Resource::Output => &self.output,
            Resource::HostCalls => &self.host_calls,
            Resource::Egress => &self.egress,
            Resource::Children => &self.children,
        })
    }

    fn limit(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Wall => u64::try_from(self.limits.wall.as_millis()).unwrap_or(u64::MAX),
            Resource::Memory => self.limits.memory,
            Resource::Fuel => self.limits.fuel.unwrap_or(u64::MAX),
            Resource::Output => self.limits.output,
            Resource::HostCalls => self.limits.host_calls,
            Resource::Egress => self.limits.egress,
            Resource::Children => u64::from(self.limits.children),
        }
    }

    /// Adds unless the sum would pass the limit. No order with other memory is
    /// needed: the counter itself is all that threads share here.
    fn add(&self, resource: Resource, amount: u64) -> bool {
        let Some(counter) = self.counter(resource) else {
            return true;
        };
        let limit = self.limit(resource);
        let fits = |used: u64| used.checked_add(amount).filter(|sum| *sum <= limit);
        counter.fetch_update(Relaxed, Relaxed, fits).is_ok()
    }

    fn subtract(&self, resource: Resource, amount: u64) {
        if let Some(counter) = self.counter(resource) {
            counter.fetch_sub(amount, Relaxed);
        }
    }
}

/// Memory that is counted until this is dropped.
#[derive(Debug)]
pub struct MemoryReservation {
    budget: Budget,
    bytes: u64,
}

impl MemoryReservation {
    /// Reserves `more` bytes in addition.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] of [`Resource::Memory`] when there is no room; what was reserved
    /// stays so.
    pub fn grow(&mut self, more: u64) -> Result<(), Exceeded> {
        self.budget.charge(Resource::Memory, more)?;
        self.bytes += more;
        Ok(())
    }

    /// The bytes reserved.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        for budget in self.budget.lineage() {
            budget.0.subtract(Resource::Memory, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Profile;

    fn limits() -> Limits {
        Limits {
            memory: 100,
            fuel: Some(1000),
            output: 50,
            children: 4,
            ..Profile::minimal().limits()
        }
    }

    #[test]
    fn a_refused_charge_leaves_no_trace() {
        let outer = Budget::new("outer", limits());
        let inner = outer.child("inner", limits()).unwrap();
        outer.charge(Resource::Output, 45).unwrap();
        let error = inner.charge(Resource::Output, 6).unwrap_err();
        assert_eq!((error.limit, error.asked, &*error.by), (50, 6, "inner"));
        assert_eq!(inner.usage().output, 0);
        assert_eq!(inner.remaining(Resource::Output), 5);
        inner.charge(Resource::Output, 5).unwrap();
        assert_eq!(outer.usage().output, 50);
    }

    #[test]
    fn memory_comes_back_and_its_peak_stays() {
        let outer = Budget::new("outer", limits());
        let inner = outer.child("inner", limits()).unwrap();
        let kept = outer.reserve_memory(40).unwrap();
        let mut nested = inner.reserve_memory(30).unwrap();
        nested.grow(30).unwrap();
        assert_eq!(nested.grow(1).unwrap_err().resource, Resource::Memory);
        assert_eq!(nested.bytes(), 60);
        drop(nested);
        drop(kept);
        assert_eq!(outer.remaining(Resource::Memory), 100);
        assert_eq!(outer.usage().memory_peak, 100);
        assert_eq!(inner.usage().memory_peak, 60);
    }

    #[test]
    fn fuel_is_taken_as_far_as_it_lasts() {
        let outer = Budget::new("outer", limits());
        let inner = outer.child("inner", limits()).unwrap();
        assert_eq!(inner.take_fuel(700), Some(700));
        assert_eq!(outer.take_fuel(700), Some(300));
        inner.return_fuel(200);
        assert_eq!(outer.take_fuel(u64::MAX), Some(200));
        assert_eq!(outer.take_fuel(1), Some(0));
        let uncounted = Limits {
            fuel: None,
            ..limits()
        };
        assert_eq!(Budget::new("free", uncounted).take_fuel(1), None);
    }

    #[test]
    fn children_are_counted_at_any_depth() {
        let outer = Budget::new("outer", limits());
        let mut innermost = outer.clone();
        for _ in 0..4 {
            innermost = innermost.child("nested", limits()).unwrap();
        }
        assert_eq!(innermost.depth(), 4);
        let error = innermost.child("nested", limits()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "child-run limit of 4 reached: `nested` asked for 1 more"
        );
        assert_eq!(outer.usage().children, 4);
    }

    #[test]
    fn limits_read_in_their_own_units() {
        let budget = Budget::new("slow", Profile::compute().limits());
        let late = budget.out_of_time(Duration::from_millis(5003));
        assert_eq!(late.to_string(), "wall-time limit of 5 s reached by `slow`");
        let grown = budget.reserve_memory(65 << 20).unwrap_err();
        assert_eq!(
            grown.to_string(),
            "memory limit of 64 MiB reached: `slow` asked for 65 MiB more"
        );
        assert!(budget.charge(Resource::Memory, u64::MAX).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn many_threads_never_spend_more_than_there_is(
            charges in prop::collection::vec(1_u64..40, 8..120),
            total in 10_u64..500,
        ) {
            let outer = Budget::new("outer", Limits { output: total, memory: total, ..limits() });
            let spent = AtomicU64::new(0);
            std::thread::scope(|scope| {
                for part in charges.chunks(charges.len() / 4) {
                    let budget = outer.child("worker", outer.limits());
                    let (outer, spent) = (&outer, &spent);
                    scope.spawn(move || {
                        let budget = budget.unwrap_or_else(|_| outer.clone());
                        for amount in part {
                            if budget.charge(Resource::Output, *amount).is_ok() {
                                spent.fetch_add(*amount, Relaxed);
                            }
                            let held = budget.reserve_memory(*amount);
                            assert!(outer.usage().memory_peak <= total);
                            drop(held);
                        }
                    });
                }
            });
            prop_assert_eq!(outer.usage().output, spent.load(Relaxed));
            prop_assert!(outer.usage().output <= total);
            prop_assert_eq!(outer.remaining(Resource::Memory), total);
        }
    }
}
