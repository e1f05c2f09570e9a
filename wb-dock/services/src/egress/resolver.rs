use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use wb_dock::cap::Failure;

/// Finds the addresses of names.
pub trait Resolver: Send + Sync {
    /// All addresses of `host`, which is a name in canonical form: in lower case, without a dot
    /// at its end.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Failed`](wb_dock::cap::FailureKind::Failed) when it has none,
    /// [`FailureKind::TimedOut`](wb_dock::cap::FailureKind::TimedOut) after `within`,
    /// [`FailureKind::Unavailable`](wb_dock::cap::FailureKind::Unavailable) when no further name can
    /// be looked up now.
    fn resolve(&self, host: &str, within: Duration) -> Result<Vec<IpAddr>, Failure>;
}

/// The resolver of the operating system.
///
/// Its call cannot be broken off, so it runs on a thread of its own; one that is still waiting
/// after the time allowed ends by itself. At most 64 run at a time; one more is
/// [`FailureKind::Unavailable`](wb_dock::cap::FailureKind::Unavailable).
#[derive(Clone, Debug, Default)]
pub struct SystemResolver {
    running: Arc<AtomicUsize>,
}

const MOST_LOOKUPS: usize = 64;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str, within: Duration) -> Result<Vec<IpAddr>, Failure> {
        let lookup = Lookup::begin(&self.running)
            .ok_or_else(|| Failure::unavailable("too many names are being resolved"))?;
        let (answer, answered) = mpsc::sync_channel(1);
        let name = host.to_owned();
        thread::Builder::new()
            .name("resolver".into())
            .stack_size(256 << 10)
            .spawn(move || {
                let addresses = (&*name, 0).to_socket_addrs();
                let addresses = addresses.map(|found| found.map(|a| a.ip()).collect::<Vec<_>>());
                drop(lookup);
                // Nobody listens any more after a time-out.
                let _ = answer.send(addresses);
            })
            .map_err(|_| Failure::unavailable("no thread is left to resolve names"))?;
        match answered.recv_timeout(within) {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                Err(Failure::failed(format!("`{host}` cannot be resolved")))
            }
            Err(RecvTimeoutError::Timeout) => Err(Failure::timed_out(format!(
                "`{host}` was not resolved in time"
            ))),
        }
    }
}

/// One of the look-ups that may run at a time.
struct Lookup(Arc<AtomicUsize>);

impl Lookup {
    fn begin(running: &Arc<AtomicUsize>) -> Option<Self> {
        // No order with other memory is needed: the counter is all that is shared.
        running
            .fetch_update(Relaxed, Relaxed, |n| (n < MOST_LOOKUPS).then_some(n + 1))
            .ok()
            .map(|_| Self(running.clone()))
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
