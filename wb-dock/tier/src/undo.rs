//! What this process has to take back before it ends, as it outlives it otherwise:
//! containers, directories, images of an engine.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Step = Box<dyn FnOnce() + Send>;

/// Something that is taken back once: when this is dropped, or before that by
/// [`end_all`], whichever comes first.
pub(crate) struct Undo(u64);

struct Pending {
    /// By age: what was made later may rest on what was made before.
    steps: BTreeMap<u64, Step>,
    made: u64,
    under_way: usize,
    is_over: bool,
}

static PENDING: Mutex<Pending> = Mutex::new(Pending {
    steps: BTreeMap::new(),
    made: 0,
    under_way: 0,
    is_over: false,
});

/// Told when a step is done.
static DONE: Condvar = Condvar::new();

/// How long [`end_all`] waits for what other threads are taking back.
const PATIENCE: Duration = Duration::from_secs(10);

fn pending() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Undo {
    /// Has `step` done in the end. Comes before what it takes back where that is
    /// possible, so that there is no moment between the two.
    ///
    /// # Errors
    ///
    /// `Interrupted` once [`end_all`] was called; `step` is done then.
    pub(crate) fn new(step: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let mut pending = pending();
        if pending.is_over {
            drop(pending);
            step();
            let message = "this process is about to end";
            return Err(io::Error::new(io::ErrorKind::Interrupted, message));
        }
        pending.made += 1;
        let number = pending.made;
        pending.steps.insert(number, Box::new(step));
        Ok(Self(number))
    }

    /// Takes it back now, unless that was done. Once [`end_all`] was called, that does so
    /// in its own order.
    pub(crate) fn now(&self) {
        let mut held = pending();
        if held.is_over {
            return;
        }
        let Some(step) = held.steps.remove(&self.0) else {
            return;
        };
        held.under_way += 1;
        drop(held);
        step();
        pending().under_way -= 1;
        DONE.notify_all();
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        self.now();
    }
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Undo").field(&self.0).finish()
    }
}

/// Ends the native programs and the containers of this process, and removes what it
/// has made for them. After it no other one starts.
///
/// For a program that a signal is about to end: nothing is dropped then, and an engine
/// would go on running its containers without anybody to enforce their limits. Workers
/// that are processes, and machines, end with this one in any case.
///
/// ```
/// wb_tier::end_all();
/// ```
pub fn end_all() {
    let mut held = pending();
    held.is_over = true;
    let waited = DONE.wait_timeout_while(held, PATIENCE, |held| held.under_way > 0);
    held = waited.unwrap_or_else(PoisonError::into_inner).0;
    while let Some((_, step)) = held.steps.pop_last() {
        drop(held);
        step();
        held = pending();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_is_taken_back_once() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let undo = Undo::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 0);
        undo.now();
        undo.now();
        drop(undo);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
