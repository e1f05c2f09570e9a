use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::errno::Errno;
use super::{Answer, GuestMemory, Wasi};
use crate::limits::Meter;

/// Time as a guest sees it, when the host does not want the virtual clock.
///
/// Without one, a run has a clock of its own that starts at 2024-01-01T00:00:00Z and
/// moves only when it is read, by a microsecond, or slept on: the same run reads the
/// same times.
pub trait Clock: Send + Sync {
    /// Nanoseconds since the Unix epoch.
    fn wall(&self) -> u64;
    /// Nanoseconds since any fixed instant; never goes back.
    fn monotonic(&self) -> u64;
    /// Blocks for `time`. The dock never asks for more than is left of the run, nor for more
    /// than 10 ms at once.
    fn sleep(&self, time: Duration);
}

/// Where the virtual clock starts: 2024-01-01T00:00:00Z, in nanoseconds. Some
/// time in the past that no program takes for a mistake.
const VIRTUAL_START: u64 = 1_704_067_200_000_000_000;

/// How far a reading moves the virtual clock, so that a guest which waits for
/// time to pass gets to the end of it.
const VIRTUAL_STEP: u64 = 1_000;

/// Real sleep is cut into pieces of this length, so that a run ends on time.
const SLEEP_PIECE: Duration = Duration::from_millis(10);

#[derive(Clone)]
pub(crate) enum ClockSource {
    /// Nanoseconds since the start of the virtual clock.
    Virtual(u64),
    Host(Arc<dyn Clock>),
}

impl Default for ClockSource {
    fn default() -> Self {
        Self::Virtual(0)
    }
}

impl fmt::Debug for ClockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Virtual(since) => f.debug_tuple("Virtual").field(since).finish(),
            Self::Host(_) => f.write_str("Host"),
        }
    }
}

impl ClockSource {
    /// Nanoseconds between two readings that differ.
    pub(crate) fn resolution(&self) -> u64 {
        match self {
            Self::Virtual(_) => VIRTUAL_STEP,
            Self::Host(_) => 1,
        }
    }

    pub(crate) fn wall(&mut self) -> u64 {
        match self {
            Self::Virtual(since) => {
                *since = since.saturating_add(VIRTUAL_STEP);
                VIRTUAL_START.saturating_add(*since)
            }
            Self::Host(clock) => clock.wall(),
        }
    }

    pub(crate) fn monotonic(&mut self) -> u64 {
        match self {
            Self::Virtual(since) => {
                *since = since.saturating_add(VIRTUAL_STEP);
                *since
            }
            Self::Host(clock) => clock.monotonic(),
        }
    }

    /// Lets `nanos` pass, or as much as the run has left and then an error.
    pub(crate) fn sleep(&mut self, nanos: u64, meter: &Meter) -> Answer {
        match self {
            Self::Virtual(since) => *since = since.saturating_add(nanos),
            Self::Host(clock) => {
                let mut left = Duration::from_nanos(nanos);
                while !left.is_zero() {
                    let piece = left.min(SLEEP_PIECE).min(meter.remaining());
                    clock.sleep(piece);
                    meter.check_time()?;
                    left = left.saturating_sub(piece);
                }
            }
        }
        Ok(())
    }
}

/// `clockid` of WASI.
#[derive(Clone, Copy)]
pub(super) enum ClockId {
    Wall,
    Monotonic,
}

impl ClockId {
    pub(super) fn from_raw(id: u32) -> Result<Self, Errno> {
        match id {
            0 => Ok(Self::Wall),
            // A guest's processor time is not measured; the time it has been
            // running is the nearest thing that is repeatable.
            1..=3 => Ok(Self::Monotonic),
            _ => Err(Errno::Inval),
        }
    }
}

impl Wasi {
    pub(super) fn clock_res_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        id: u32,
        out: u32,
    ) -> Answer {
        ClockId::from_raw(id)?;
        Ok(memory.write_u64(out, self.clock.resolution())?)
    }

    pub(super) fn clock_time_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        id: u32,
        _precision: u64,
        out: u32,
    ) -> Answer {
        let now = match ClockId::from_raw(id)? {
            ClockId::Wall => self.clock.wall(),
            ClockId::Monotonic => self.clock.monotonic(),
        };
        Ok(memory.write_u64(out, now)?)
    }
}
