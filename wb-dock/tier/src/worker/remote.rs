//! What stands behind a guest in a worker: the host, asked over the wire.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use wb_dock::cap::{Failure, Principal};
use wb_dock::{Clock, Input, Random};

use super::link::Link;
use crate::wire::ask::{Answer, Ask, Refused};

/// The host.
#[derive(Clone)]
pub(super) struct Remote(Arc<Link>);

impl Remote {
    pub(super) fn new(link: &Arc<Link>) -> Self {
        Self(Arc::clone(link))
    }

    /// Asks on behalf of `who`. A guest that the host ends does so with this call.
    pub(super) fn ask(&self, who: &Principal<'_>, ask: Ask) -> Result<Answer, Failure> {
        self.0.ask(ask).map_err(|refused| match refused {
            Refused::Failed(failed) => failed.into(),
            Refused::Stop(exceeded) => {
                who.overdraw(exceeded.into());
                over()
            }
        })
    }

    /// Tells the host what has no answer.
    pub(super) fn tell(&self, ask: Ask) {
        drop(self.0.ask(ask));
    }

    fn number(&self, ask: Ask) -> u64 {
        match self.0.ask(ask) {
            Ok(Answer::Number(number)) => number,
            _ => 0,
        }
    }
}

impl Clock for Remote {
    fn wall(&self) -> u64 {
        self.number(Ask::WallTime)
    }

    fn monotonic(&self) -> u64 {
        self.number(Ask::MonotonicTime)
    }

    fn sleep(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.tell(Ask::Sleep(nanoseconds));
    }
}

impl Random for Remote {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(1 << 16) {
            if let Ok(Answer::Bytes(drawn)) = self.0.ask(Ask::Random(part.len() as u32))
                && drawn.len() == part.len()
            {
                part.copy_from_slice(&drawn);
            }
        }
    }
}

/// Standard input: what is at hand, then what the host reads when asked.
pub(super) fn stdin(link: &Arc<Link>, ready: Bytes) -> Input {
    Input::stream(Stdin {
        ready,
        link: Arc::clone(link),
    })
}

struct Stdin {
    ready: Bytes,
    link: Arc<Link>,
}

impl Read for Stdin {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            let most = into.len().min(1 << 16) as u32;
            match self.link.ask(Ask::Stdin(most)).map_err(failed)? {
                Answer::Bytes(bytes) => self.ready = bytes,
                _ => return Ok(0),
            }
        }
        let count = into.len().min(self.ready.len());
        self.ready.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

/// Standard output or standard error, passed on as it is written.
pub(super) struct Stream {
    link: Arc<Link>,
    is_stderr: bool,
}

impl Stream {
    pub(super) fn new(link: &Arc<Link>, is_stderr: bool) -> Self {
        Self {
            link: Arc::clone(link),
            is_stderr,
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = &bytes[..bytes.len().min(1 << 20)];
        let ask = Ask::Output(self.is_stderr, Bytes::copy_from_slice(part));
        self.link.ask(ask).map_err(failed)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a guest is told that ends with the call, so that it does not matter.
fn over() -> Failure {
    Failure::limit("the run is over")
}

/// A host that cannot pass on output has nobody reading it.
fn failed(refused: Refused) -> io::Error {
    let failure = match refused {
        Refused::Failed(failed) => Failure::from(failed),
        // The ledger of the worker shows the same, and has ended the guest before.
        Refused::Stop(_) => over(),
    };
    match failure.kind {
        wb_dock::cap::FailureKind::Unavailable => io::ErrorKind::BrokenPipe.into(),
        _ => io::Error::other(failure),
    }
}
