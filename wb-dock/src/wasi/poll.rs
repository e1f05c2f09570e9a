use super::clock::ClockId;
use super::descriptor::Target;
use super::errno::{Errno, Fail};
use super::{Answer, GuestMemory, Wasi};

/// Bytes of a `subscription` and of an `event`.
const SUBSCRIPTION: u32 = 48;
const EVENT: u32 = 32;
/// Subscriptions in one call at most.
const MAX_SUBSCRIPTIONS: u32 = 4096;

/// Tags of `eventtype`.
const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;

/// `subclockflags`: the timeout is an instant, not a duration.
const ABSTIME: u16 = 1;

/// What came of one subscription.
struct Event {
    userdata: u64,
    errno: u16,
    eventtype: u8,
    bytes: u64,
}

/// A subscription to a clock, due in so many nanoseconds.
struct Timer {
    userdata: u64,
    due_in: u64,
}

impl Wasi {
    /// Waits for the first of the subscriptions.
    ///
    /// Files and streams are always ready here, so there is something to wait for
    /// only when every subscription is to a clock; then time passes until the
    /// first is due, by the virtual clock at once.
    pub(super) fn poll_oneoff(
        &mut self,
        memory: &mut GuestMemory<'_>,
        subscriptions: u32,
        events: u32,
        count: u32,
        out: u32,
    ) -> Answer {
        if count == 0 || count > MAX_SUBSCRIPTIONS {
            return Err(Errno::Inval.into());
        }
        memory.bytes(subscriptions, count * SUBSCRIPTION)?;
        memory.bytes(events, count * EVENT)?;
        let mut ready = Vec::new();
        let mut timers = Vec::new();
        for index in 0..count {
            let at = subscriptions + index * SUBSCRIPTION;
            let userdata = memory.read_u64(at)?;
            let eventtype = memory.read_u8(at + 8)?;
            match eventtype {
                CLOCK => match self.timer(memory, at, userdata) {
                    Ok(timer) => timers.push(timer),
                    Err(Fail::Errno(errno)) => ready.push(Event {
                        userdata,
                        errno: errno as u16,
                        eventtype,
                        bytes: 0,
                    }),
                    Err(stop) => return Err(stop),
                },
                FD_READ | FD_WRITE => {
                    let fd = memory.read_u32(at + 16)?;
                    ready.push(self.stream_event(fd, userdata, eventtype));
                }
                _ => return Err(Errno::Inval.into()),
            }
        }
        if ready.is_empty()
            && let Some(first) = timers.iter().map(|timer| timer.due_in).min()
        {
            self.clock.sleep(first, &self.meter)?;
            for timer in &mut timers {
                timer.due_in -= first;
            }
        }
        ready.extend(
            timers
                .iter()
                .filter(|timer| timer.due_in == 0)
                .map(|timer| Event {
                    userdata: timer.userdata,
                    errno: 0,
                    eventtype: CLOCK,
                    bytes: 0,
                }),
        );
        for (event, at) in ready.iter().zip((events..).step_by(EVENT as usize)) {
            let mut raw = [0; EVENT as usize];
            raw[0..8].copy_from_slice(&event.userdata.to_le_bytes());
            raw[8..10].copy_from_slice(&event.errno.to_le_bytes());
            raw[10] = event.eventtype;
            raw[16..24].copy_from_slice(&event.bytes.to_le_bytes());
            memory.write(at, &raw)?;
        }
        Ok(memory.write_u32(out, ready.len() as u32)?)
    }

    fn timer(&mut self, memory: &GuestMemory<'_>, at: u32, userdata: u64) -> Result<Timer, Fail> {
        let clock = ClockId::from_raw(memory.read_u32(at + 16)?)?;
        let timeout = memory.read_u64(at + 24)?;
        let flags = memory.read_u16(at + 40)?;
        if flags & !ABSTIME != 0 {
            return Err(Errno::Inval.into());
        }
        let due_in = if flags & ABSTIME == 0 {
            timeout
        } else {
            let now = match clock {
                ClockId::Wall => self.clock.wall(),
                ClockId::Monotonic => self.clock.monotonic(),
            };
            timeout.saturating_sub(now)
        };
        Ok(Timer { userdata, due_in })
    }

    fn stream_event(&self, fd: u32, userdata: u64, eventtype: u8) -> Event {
        let found = self.descriptors.get(fd).and_then(|open| match open.target {
            Target::Directory { .. } => Err(Errno::Badf),
            Target::Stdin => Ok(self.stdin.ready() as u64),
            Target::File { node, position } if eventtype == FD_READ => {
                Ok((self.fs.content(node)?.len() as u64).saturating_sub(position))
            }
            _ => Ok(0),
        });
        Event {
            userdata,
            errno: found.as_ref().err().map_or(0, |errno| *errno as u16),
            eventtype,
            bytes: found.unwrap_or(0),
        }
    }
}
