use wasmtime::component::Resource;

use super::bindings::wasi::clocks::wall_clock::Datetime;
use super::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use super::bindings::wasi::io::poll;
use super::http::Exchange;
use crate::guest::Guest;
use crate::limits::Stop;
use crate::wasi::Fail;

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// What a guest can wait for.
#[derive(Clone, Debug)]
pub enum Pollable {
    /// A stream, which never needs waiting for: reading it is what waits.
    Ready,
    /// An instant of the monotonic clock.
    At(u64),
    /// The answer to a request, which is there once the request was sent.
    Answer(Exchange),
}

impl From<u64> for Datetime {
    fn from(nanos: u64) -> Self {
        Self {
            seconds: nanos / SECOND,
            nanoseconds: (nanos % SECOND) as u32,
        }
    }
}

impl Datetime {
    pub(super) fn nanos(self) -> u64 {
        self.seconds
            .saturating_mul(SECOND)
            .saturating_add(self.nanoseconds.into())
    }
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.wasi.clock.monotonic())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(self.wasi.clock.resolution())
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<Pollable>> {
        self.hand(Pollable::At(when))
    }

    fn subscribe_duration(&mut self, time: u64) -> wasmtime::Result<Resource<Pollable>> {
        let when = self.wasi.clock.monotonic().saturating_add(time);
        self.hand(Pollable::At(when))
    }
}

impl wall_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        Ok(self.wasi.clock.wall().into())
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        Ok(self.wasi.clock.resolution().into())
    }
}

impl Guest {
    /// Waits for the first of `pollables`, and returns the indices of those that are ready.
    fn wait(&mut self, pollables: &[Pollable]) -> wasmtime::Result<Vec<u32>> {
        loop {
            let now = self.wasi.clock.monotonic();
            let left = |pollable: &Pollable| match pollable {
                Pollable::Ready => 0,
                Pollable::At(when) => when.saturating_sub(now),
                Pollable::Answer(exchange) if exchange.is_answered() => 0,
                Pollable::Answer(_) => u64::MAX,
            };
            let soonest = pollables.iter().map(left).min().unwrap_or(0);
            if soonest == 0 {
                let ready = pollables.iter().enumerate();
                let ready = ready.filter(|(_, pollable)| left(pollable) == 0);
                return Ok(ready.map(|(index, _)| index as u32).collect());
            }
            // Nobody but the guest can finish it.
            wasmtime::ensure!(
                !pollables
                    .iter()
                    .all(|pollable| matches!(pollable, Pollable::Answer(_))),
                "it waits for the answer to a request whose body it has not finished"
            );
            match self.wasi.clock.sleep(soonest, &self.wasi.meter) {
                Err(Fail::Stop(stop)) => return Err(stop.into()),
                // Sleeping knows no other failure than the end of time.
                Ok(()) | Err(Fail::Errno(_)) => {}
            }
        }
    }
}

impl poll::Host for Guest {
    fn poll(&mut self, pollables: Vec<Resource<Pollable>>) -> wasmtime::Result<Vec<u32>> {
        wasmtime::ensure!(!pollables.is_empty(), "polled for nothing at all");
        self.wasi.meter.check_time().map_err(Stop::Limit)?;
        let pollables = pollables
            .iter()
            .map(|pollable| self.table.get(pollable).cloned())
            .collect::<Result<Vec<_>, _>>()?;
        self.wait(&pollables)
    }
}

impl poll::HostPollable for Guest {
    fn ready(&mut self, pollable: Resource<Pollable>) -> wasmtime::Result<bool> {
        Ok(match self.table.get(&pollable)? {
            Pollable::Ready => true,
            Pollable::At(when) => self.wasi.clock.monotonic() >= *when,
            Pollable::Answer(exchange) => exchange.is_answered(),
        })
    }

    fn block(&mut self, pollable: Resource<Pollable>) -> wasmtime::Result<()> {
        let pollable = self.table.get(&pollable)?.clone();
        self.wait(&[pollable]).map(drop)
    }

    fn drop(&mut self, pollable: Resource<Pollable>) -> wasmtime::Result<()> {
        self.table.delete(pollable)?;
        Ok(())
    }
}
