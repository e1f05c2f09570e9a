//! Which step may run now: plain bookkeeping, shared by the threads of a build.

use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Done;
use crate::error::Error;
use crate::plan::Plan;

type Results = Vec<Option<Arc<Done>>>;

/// Runs every step whose inputs succeed, at most `jobs` at a time.
///
/// Gives for each step its result, or `None` if a step before it failed.
pub(super) fn run_all(
    plan: &Plan,
    jobs: NonZeroUsize,
    run: impl Fn(usize, Results) -> Result<Arc<Done>, Error> + Sync,
) -> Vec<Option<Result<Arc<Done>, Error>>> {
    let needs: Vec<Vec<usize>> = plan
        .steps
        .iter()
        .map(|step| step.needs().collect())
        .collect();
    let board = Board {
        state: Mutex::new(State {
            places: (0..plan.steps.len()).map(|_| Place::Waiting).collect(),
            done: vec![None; plan.steps.len()],
        }),
        changed: Condvar::new(),
    };
    let work = || {
        while let Some((step, done)) = board.take(&needs) {
            board.put(step, run(step, done));
        }
    };
    let helpers = jobs.get().min(plan.steps.len()).saturating_sub(1);
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(work);
        }
        work();
    });
    let state = board
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    state
        .places
        .into_iter()
        .zip(state.done)
        .map(|(place, done)| match (place, done) {
            (Place::Failed(error), _) => Some(Err(error)),
            (_, Some(done)) => Some(Ok(done)),
            (_, None) => None,
        })
        .collect()
}

enum Place {
    Waiting,
    Running,
    Done,
    Failed(Error),
    /// A step it reads from failed.
    Skipped,
}

struct State {
    places: Vec<Place>,
    done: Results,
}

struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in one step must not hide itself behind a second one here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next step to run with the results it may read; waits for one to
    /// become ready, and gives `None` when nothing is left to start.
    fn take(&self, needs: &[Vec<usize>]) -> Option<(usize, Results)> {
        let mut state = self.lock();
        loop {
            let mut waiting = false;
            for (step, needs) in needs.iter().enumerate() {
                if !matches!(state.places[step], Place::Waiting) {
                    continue;
                }
                let mut ready = true;
                for &need in needs {
                    match state.places[need] {
                        Place::Done => {}
                        Place::Failed(_) | Place::Skipped => {
                            state.places[step] = Place::Skipped;
                            ready = false;
                            break;
                        }
                        Place::Waiting | Place::Running => ready = false,
                    }
                }
                if ready {
                    state.places[step] = Place::Running;
                    return Some((step, state.done.clone()));
                }
                waiting |= matches!(state.places[step], Place::Waiting);
            }
            if !waiting {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, step: usize, result: Result<Arc<Done>, Error>) {
        let mut state = self.lock();
        match result {
            Ok(done) => {
                state.places[step] = Place::Done;
                state.done[step] = Some(done);
            }
            Err(error) => state.places[step] = Place::Failed(error),
        }
        drop(state);
        self.changed.notify_all();
    }
}
