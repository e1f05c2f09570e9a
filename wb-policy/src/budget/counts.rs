use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Cap;

/// What went through one capability, nested runs included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapUse {
    /// Calls, also those that were refused or failed.
    pub calls: u64,
    /// Bytes that guests passed to the service.
    pub sent: u64,
    /// Bytes that guests got from it.
    pub received: u64,
}

/// Counters for every capability, in the order of [`Cap::ALL`].
#[derive(Debug, Default)]
pub(super) struct Counts([Counter; Cap::ALL.len()]);

#[derive(Debug, Default)]
struct Counter {
    calls: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counts {
    pub(super) fn add_call(&self, cap: Cap) {
        self.0[cap as usize].calls.fetch_add(1, Relaxed);
    }

    pub(super) fn add_traffic(&self, cap: Cap, sent: u64, received: u64) {
        let counter = &self.0[cap as usize];
        counter.sent.fetch_add(sent, Relaxed);
        counter.received.fetch_add(received, Relaxed);
    }

    pub(super) fn read(&self) -> Vec<(Cap, CapUse)> {
        Cap::ALL
            .into_iter()
            .map(|cap| {
                let counter = &self.0[cap as usize];
                let used = CapUse {
                    calls: counter.calls.load(Relaxed),
                    sent: counter.sent.load(Relaxed),
                    received: counter.received.load(Relaxed),
                };
                (cap, used)
            })
            .filter(|(_, used)| used.calls > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Budget, Limits, Profile};

    #[test]
    fn calls_are_counted_in_every_enclosing_run() {
        let limits = Profile::network().limits();
        let outer = Budget::new("outer", limits);
        assert_eq!(outer.caps(), []);
        let inner = outer.child("inner", limits).unwrap();
        inner.charge_call(Cap::Kv).unwrap();
        inner.count_traffic(Cap::Kv, 3, 5);
        outer.charge_call(Cap::Vfs).unwrap();
        let kv = CapUse {
            calls: 1,
            sent: 3,
            received: 5,
        };
        let vfs = CapUse {
            calls: 1,
            ..CapUse::default()
        };
        assert_eq!(inner.caps(), [(Cap::Kv, kv)]);
        assert_eq!(outer.caps(), [(Cap::Vfs, vfs), (Cap::Kv, kv)]);
        assert_eq!(outer.usage().host_calls, 2);
    }

    #[test]
    fn a_call_over_the_limit_is_not_counted() {
        let limits = Limits {
            host_calls: 1,
            ..Profile::network().limits()
        };
        let budget = Budget::new("x", limits);
        budget.charge_call(Cap::Kv).unwrap();
        assert!(budget.charge_call(Cap::Kv).is_err());
        assert_eq!(budget.caps()[0].1.calls, 1);
    }

    #[test]
    fn every_cap_has_its_counter() {
        for (index, cap) in Cap::ALL.into_iter().enumerate() {
            assert_eq!(cap as usize, index);
        }
    }
}
