use std::io::{self, Read};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

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

/// All that `input` holds, for what is called with it as a whole.
///
/// # Errors
///
/// [`ErrorKind::TooLarge`] for more than `limit` bytes, with the amount as far as it
/// can be told, and what the system said.
pub fn read_whole(input: &mut impl Read, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = input.by_ref().take(limit).read_to_end(&mut bytes);
    read.map_err(|error| Error::stdin(&error))?;
    if (bytes.len() as u64) < limit {
        return Ok(bytes);
    }
    let amount = match io::copy(input, &mut io::sink()) {
        Ok(0) => return Ok(bytes),
        Ok(more) => format!("{} bytes", limit + more),
        // It has no end, or none in time.
        Err(_) => format!("more than {limit} bytes"),
    };
    let (what, limit) = (
        format!("standard input, {amount},"),
        format!("{limit} bytes"),
    );
    Err(ErrorKind::TooLarge { what, limit }.into())
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
    fn what_is_too_long_is_refused_and_measured() {
        let read = |text: &[u8]| read_whole(&mut &*text, 4);
        assert_eq!(read(b"abc").unwrap(), b"abc");
        assert_eq!(read(b"abcd").unwrap(), b"abcd");
        let error = read(b"abcdefg").unwrap_err();
        assert_eq!(error.code(), "host/too-large");
        assert_eq!(
            error.to_string(),
            "standard input, 7 bytes, is over the limit of 4 bytes"
        );
    }

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
