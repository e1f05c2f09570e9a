//! The tiers of one process, each set up once.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wb_policy::Tier;
use wb_tier::{Runner, Unavailable};

/// For how long a tier that is not there is not looked for again. Finding out may take
/// minutes: machines that do not boot, engines that do not answer.
const KEPT: Duration = Duration::from_mins(1);

/// The tiers that were asked for. Who wants one does not wait for another.
#[derive(Clone, Default)]
pub(in crate::nexus) struct Cages(Arc<Mutex<BTreeMap<Tier, Arc<Slot>>>>);

impl Cages {
    /// The workers of `tier`, which `set_up` makes ready if they are not.
    ///
    /// It does so on a thread of its own, so that a run which has only so much `time` can
    /// go on without it, and the next one finds what it has made.
    ///
    /// # Errors
    ///
    /// When there are none, which is known for a minute, or not in time.
    pub(super) fn get<F>(
        &self,
        tier: Tier,
        time: Option<Duration>,
        set_up: F,
    ) -> Result<Arc<dyn Runner>, Unavailable>
    where
        F: FnOnce() -> Result<Arc<dyn Runner>, wb_tier::Error> + Send + 'static,
    {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry(tier).or_default().clone()
        };
        slot.get(tier, time, set_up)
    }
}

impl fmt::Debug for Cages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cages").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Untried,
    /// Somebody sets it up.
    Trying,
    Ready(Arc<dyn Runner>),
    /// It was not there, then.
    Missing(Instant, Unavailable),
}

impl Slot {
    fn get<F>(
        self: &Arc<Self>,
        tier: Tier,
        time: Option<Duration>,
        set_up: F,
    ) -> Result<Arc<dyn Runner>, Unavailable>
    where
        F: FnOnce() -> Result<Arc<dyn Runner>, wb_tier::Error> + Send + 'static,
    {
        let mut state = self.lock();
        if state.is_worth_trying() {
            *state = State::Trying;
            let slot = self.clone();
            // A set-up that panics must not leave others waiting for it.
            let tried = thread::Builder::new().spawn(move || {
                let set_up = catch_unwind(AssertUnwindSafe(set_up));
                slot.settle(match set_up {
                    Ok(Ok(runner)) => State::Ready(runner),
                    Ok(Err(wb_tier::Error::Unavailable(missing))) => State::missing(missing),
                    Ok(Err(error)) => State::missing(unavailable(tier, &error.to_string())),
                    Err(_) => State::missing(unavailable(tier, "its set-up has crashed")),
                });
            });
            if let Err(error) = tried {
                *state = State::missing(unavailable(tier, &error.to_string()));
            }
        }
        let is_under_way = |state: &mut State| matches!(state, State::Trying);
        let state = match time {
            None => self.changed.wait_while(state, is_under_way),
            Some(time) => {
                let waited = self.changed.wait_timeout_while(state, time, is_under_way);
                Ok(waited.unwrap_or_else(PoisonError::into_inner).0)
            }
        };
        match &*state.unwrap_or_else(PoisonError::into_inner) {
            State::Ready(runner) => Ok(runner.clone()),
            State::Missing(_, missing) => Err(missing.clone()),
            State::Trying | State::Untried => Err(unavailable(tier, "it is being set up")),
        }
    }

    fn settle(&self, state: State) {
        *self.lock() = state;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn missing(missing: Unavailable) -> Self {
        Self::Missing(Instant::now(), missing)
    }

    fn is_worth_trying(&self) -> bool {
        match self {
            Self::Untried => true,
            Self::Missing(since, _) => since.elapsed() > KEPT,
            Self::Trying | Self::Ready(_) => false,
        }
    }
}

fn unavailable(tier: Tier, missing: &str) -> Unavailable {
    Unavailable {
        tier,
        missing: missing.to_owned(),
        remedy: "see what `wbx doctor` says of it, or name another tier".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use wb_dock::Engine;
    use wb_tier::Instance;

    use super::*;

    const MOMENT: Option<Duration> = Some(Duration::from_millis(50));

    fn instance() -> Arc<dyn Runner> {
        Arc::new(Instance::new(Engine::new().unwrap()))
    }

    #[test]
    fn a_tier_that_is_not_there_is_looked_for_once() {
        let tries = Arc::new(AtomicU64::new(0));
        let cages = Cages::default();
        for _ in 0..3 {
            let tries = tries.clone();
            let got = cages.get(Tier::Vm, None, move || {
                tries.fetch_add(1, Ordering::Relaxed);
                Err(unavailable(Tier::Vm, "no machine boots").into())
            });
            assert_eq!(got.err().unwrap().missing, "no machine boots");
        }
        assert_eq!(tries.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_slow_set_up_keeps_nobody_longer_than_they_have() {
        let cages = Cages::default();
        let (go, wait) = std::sync::mpsc::channel();
        let slow = cages.get(Tier::Vm, MOMENT, move || {
            wait.recv().unwrap();
            Ok(instance())
        });
        assert_eq!(slow.err().unwrap().missing, "it is being set up");
        // Another tier is there at once, and this one when it is ready.
        cages.get(Tier::Process, None, || Ok(instance())).unwrap();
        go.send(()).unwrap();
        cages.get(Tier::Vm, None, || panic!("twice")).unwrap();
    }

    #[test]
    fn a_set_up_that_crashes_is_an_error() {
        let cages = Cages::default();
        let got = cages.get(Tier::Vm, None, || panic!("as it is to"));
        assert_eq!(got.err().unwrap().missing, "its set-up has crashed");
    }
}
