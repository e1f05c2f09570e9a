use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often running guests look at the clock.
const TICK: Duration = Duration::from_millis(4);

/// Ticks without a running guest after which the thread goes to sleep: long
/// enough that a busy server does not wake it for every request.
const IDLE_TICKS: u32 = 50;

/// Advances the epoch of one engine while guests run on it.
///
/// There is one thread for all runs of an engine, started with the first. It
/// sleeps without a timer when nothing has run for a while.
pub(super) struct Ticker {
    shared: Arc<Shared>,
}

struct Shared {
    engine: wasmtime::EngineWeak,
    live: AtomicUsize,
    started: AtomicBool,
    asleep: AtomicBool,
    ended: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Ticker {
    pub(super) fn new(engine: &wasmtime::Engine) -> Self {
        Self {
            shared: Arc::new(Shared {
                engine: engine.weak(),
                live: AtomicUsize::new(0),
                started: AtomicBool::new(false),
                asleep: AtomicBool::new(false),
                ended: AtomicBool::new(false),
                lock: Mutex::new(()),
                wake: Condvar::new(),
            }),
        }
    }

    /// Ticks until the guard is dropped.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread, in which case nothing may run:
    /// no deadline would hold.
    pub(super) fn run(&self) -> std::io::Result<Live<'_>> {
        let live = Live(&self.shared);
        self.begin()?;
        Ok(live)
    }

    /// The same for an instance that stays open from one call to the next.
    ///
    /// # Errors
    ///
    /// As for [`Ticker::run`].
    pub(super) fn hold(&self) -> std::io::Result<Held> {
        let held = Held(Arc::clone(&self.shared));
        self.begin()?;
        Ok(held)
    }

    fn begin(&self) -> std::io::Result<()> {
        // Sequentially consistent, with the look at `asleep` after it: either this
        // sees the thread asleep and wakes it, or the thread sees the run.
        self.shared.live.fetch_add(1, Ordering::SeqCst);
        if !self.shared.started.load(Ordering::Acquire) {
            self.start()?;
        }
        if self.shared.asleep.load(Ordering::SeqCst) {
            let _guard = self
                .shared
                .lock
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    fn start(&self) -> std::io::Result<()> {
        let _guard = self
            .shared
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.shared.started.load(Ordering::Acquire) {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        std::thread::Builder::new()
            .name("wb-dock-epoch".into())
            .stack_size(64 << 10)
            .spawn(move || shared.tick())?;
        self.shared.started.store(true, Ordering::Release);
        Ok(())
    }
}

impl Shared {
    fn tick(&self) {
        let mut idle = 0;
        while !self.ended.load(Ordering::SeqCst) {
            std::thread::sleep(TICK);
            let Some(engine) = self.engine.upgrade() else {
                return;
            };
            engine.increment_epoch();
            drop(engine);
            if self.live.load(Ordering::SeqCst) > 0 {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle >= IDLE_TICKS {
                self.sleep();
                idle = 0;
            }
        }
    }

    fn sleep(&self) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.store(true, Ordering::SeqCst);
        while self.live.load(Ordering::SeqCst) == 0 && !self.ended.load(Ordering::SeqCst) {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _guard = self
            .shared
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.shared.wake.notify_one();
    }
}

/// A guest is running.
pub(crate) struct Live<'t>(&'t Shared);

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An instance is open.
pub(crate) struct Held(Arc<Shared>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}
