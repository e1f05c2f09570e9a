use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Standard input that ends with the run that reads it.
///
/// A guest that waits for input which never comes would outlive its deadline:
/// the host cannot take back a read that blocks. So this waits until there is
/// something to read, or the time is over.
#[derive(Debug)]
pub struct TimedStdin {
    end: Option<Instant>,
}

impl TimedStdin {
    /// Standard input for a run that lasts no longer than `time` from now.
    pub fn within(time: Duration) -> Self {
        Self {
            end: Instant::now().checked_add(time),
        }
    }
}

impl Read for TimedStdin {
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] once the time is over.
    #[cfg(unix)]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Past the buffer of std's own handle, whose bytes no poll can see.
        let stdin = rustix::stdio::stdin();
        if let Some(end) = self.end {
            wait(stdin, end)?;
        }
        Ok(rustix::io::read(stdin, into)?)
    }

    #[cfg(not(unix))]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(into)
    }
}

/// Waits until `fd` has bytes or an end, or until `end`.
#[cfg(unix)]
fn wait(fd: rustix::fd::BorrowedFd<'_>, end: Instant) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn a_pipe_that_says_nothing_times_out() {
        let (reader, writer) = io::pipe().unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        let error = wait(reader.as_fd(), soon).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(writer);
        // The end of the input is something to read.
        wait(reader.as_fd(), Instant::now()).unwrap();
    }
}
