//! The host's end of the wire: a child process and its standard streams.

use std::io::{self, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::fcntl_setpipe_size;

use crate::wire::{FromWorker, ToWorker, read_frame, read_frame_of_run, write_frame};

/// Bytes of a pipe for megabytes: as many as Linux lets everybody have.
const LARGE_PIPE: usize = 1 << 20;

/// A worker, killed when dropped.
pub(crate) struct Worker {
    child: Child,
    to: Timed<ChildStdin>,
    from: BufReader<Timed<ChildStdout>>,
    buffer: Vec<u8>,
    /// Undoes what was set up for it, once it is dead.
    cleanup: Option<Box<dyn FnOnce() + Send>>,
}

impl Worker {
    /// Starts `command`, which must become a worker that speaks on its standard
    /// streams. Its environment and its standard error are what `command` says.
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let (to, from) = to.zip(from).expect("both were asked for");
        // Writing must not wait for a worker that does not read.
        fcntl_setfl(&to, fcntl_getfl(&to)? | OFlags::NONBLOCK)?;
        Ok(Self {
            child,
            to: Timed::new(to),
            from: BufReader::with_capacity(1 << 16, Timed::new(from)),
            buffer: Vec::new(),
            cleanup: None,
        })
    }

    /// Calls `cleanup` once the worker is dead.
    pub(crate) fn on_end(mut self, cleanup: impl FnOnce() + Send + 'static) -> Self {
        self.cleanup = Some(Box::new(cleanup));
        self
    }

    /// Until when to wait, from now on.
    pub(crate) fn set_time(&mut self, time: Duration) {
        let deadline = Instant::now().checked_add(time);
        self.to.deadline = deadline;
        self.from.get_mut().deadline = deadline;
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// `TimedOut`, `BrokenPipe`.
    pub(crate) fn send(&mut self, message: &ToWorker) -> io::Result<()> {
        write_frame(&mut self.to, message, &mut self.buffer)
    }

    /// Sends bytes that a message has announced.
    ///
    /// # Errors
    ///
    /// As for [`Worker::send`].
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        // A larger pipe has both sides wait less often; any size will do.
        let _ = fcntl_setpipe_size(&self.to.pipe, LARGE_PIPE);
        self.to.write_all(bytes)
    }

    /// Waits for a message of at most `most` bytes.
    ///
    /// # Errors
    ///
    /// `TimedOut`, `UnexpectedEof`, `InvalidData`.
    pub(crate) fn receive(&mut self, most: u64) -> io::Result<FromWorker> {
        // What is buffered is read without the pipe, whose time would never be over.
        self.from.get_ref().time_left()?;
        read_frame(&mut self.from, most, &mut self.buffer)
    }

    /// Waits for a message of a run, which may leave `room` bytes.
    ///
    /// # Errors
    ///
    /// As for [`Worker::receive`].
    pub(crate) fn receive_of_run(&mut self, room: u64) -> io::Result<FromWorker> {
        self.from.get_ref().time_left()?;
        read_frame_of_run(&mut self.from, room, &mut self.buffer)
    }

    /// Whether it still runs, as far as the system knows.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it and says how it had ended, if it had.
    pub(crate) fn end(mut self) -> String {
        // What ended by itself has closed the wire a moment before.
        for _ in 0..20 {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    return match (status.code(), status.signal()) {
                        (Some(code), _) => format!("it exited with code {code}"),
                        (None, Some(signal)) => format!("signal {signal} ended it"),
                        _ => "nobody knows how".to_owned(),
                    };
                }
                _ => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        "it closed the wire".to_owned()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its standard error, if that was kept.
    pub(crate) fn complaint(&mut self) -> String {
        let mut said = Vec::new();
        let _ = self.child.kill();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = stderr.take(4096).read_to_end(&mut said);
        }
        String::from_utf8_lossy(&said).trim().to_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(cleanup) = self.cleanup.take() {
            cleanup();
        }
    }
}

/// A pipe that is waited for until a deadline.
struct Timed<P> {
    pipe: P,
    deadline: Option<Instant>,
}

impl<P: AsFd> Timed<P> {
    fn new(pipe: P) -> Self {
        Self {
            pipe,
            deadline: None,
        }
    }

    /// How long there is still to wait; for ever without a deadline.
    ///
    /// # Errors
    ///
    /// `TimedOut`. It is not left to `poll`, which would rather say that a pipe is ready
    /// which somebody keeps full.
    fn time_left(&self) -> io::Result<Option<Duration>> {
        let Some(deadline) = self.deadline else {
            return Ok(None);
        };
        match deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(Some(left)),
        }
    }

    fn wait(&self, event: PollFlags) -> io::Result<()> {
        let timeout = self.time_left()?.map(Timespec::try_from).transpose();
        let timeout = timeout.map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&self.pipe, event)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<P: AsFd + Read> Read for Timed<P> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wait(PollFlags::IN)?;
        self.pipe.read(into)
    }
}

impl<P: AsFd + Write> Write for Timed<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(PollFlags::OUT)?;
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
