use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the Unix epoch, by this machine's clock.
///
/// A clock set before 1970 reads as the epoch.
pub fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
