use std::fmt;
use std::io::{self, Read, Write};

use bytes::{Buf, Bytes};

use super::errno::{Errno, Fail};

/// Standard input: bytes at hand, then perhaps a stream.
#[derive(Default)]
pub struct Input {
    ready: Bytes,
    stream: Option<Box<dyn Read + Send>>,
}

impl Input {
    /// Input read from `stream` as the guest asks for it.
    ///
    /// A read that blocks cannot be interrupted: a guest waiting for it ends at
    /// its deadline only once the read returns.
    pub fn stream(stream: impl Read + Send + 'static) -> Self {
        Self {
            ready: Bytes::new(),
            stream: Some(Box::new(stream)),
        }
    }

    /// The bytes at hand and the stream that follows them, if one does.
    pub fn into_parts(self) -> (Bytes, Option<Box<dyn Read + Send>>) {
        (self.ready, self.stream)
    }

    /// The same input with `line` and a line feed before it.
    #[must_use]
    pub(crate) fn with_first_line(mut self, line: &str) -> Self {
        let mut ready = Vec::with_capacity(line.len() + 1 + self.ready.len());
        ready.extend_from_slice(line.as_bytes());
        ready.push(b'\n');
        ready.extend_from_slice(&self.ready);
        self.ready = ready.into();
        self
    }

    /// Whether a read may have to wait.
    pub(crate) fn may_block(&self) -> bool {
        self.ready.is_empty() && self.stream.is_some()
    }

    /// Bytes that can be read without waiting.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<usize, Errno> {
        if !self.ready.is_empty() {
            let count = into.len().min(self.ready.len());
            into[..count].copy_from_slice(&self.ready[..count]);
            self.ready.advance(count);
            return Ok(count);
        }
        let Some(stream) = &mut self.stream else {
            return Ok(0);
        };
        loop {
            match stream.read(into) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Errno::Io),
            }
        }
    }
}

impl<T: Into<Bytes>> From<T> for Input {
    fn from(bytes: T) -> Self {
        Self {
            ready: bytes.into(),
            stream: None,
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("ready", &self.ready.len())
            .field("stream", &self.stream.is_some())
            .finish()
    }
}

/// Where standard output or standard error goes.
pub struct Output(Sink);

enum Sink {
    Capture(Vec<u8>),
    Stream(Box<dyn Write + Send>),
}

impl Output {
    /// Output collected for the outcome; the default.
    pub fn capture() -> Self {
        Self(Sink::Capture(Vec::new()))
    }

    /// Output passed on to `stream` as the guest writes it.
    pub fn stream(stream: impl Write + Send + 'static) -> Self {
        Self(Sink::Stream(Box::new(stream)))
    }

    /// The stream it is passed on to; none when it is collected.
    pub fn into_stream(self) -> Option<Box<dyn Write + Send>> {
        match self.0 {
            Sink::Capture(_) => None,
            Sink::Stream(stream) => Some(stream),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Fail> {
        match &mut self.0 {
            Sink::Capture(collected) => collected.extend_from_slice(bytes),
            Sink::Stream(stream) => stream
                .write_all(bytes)
                .and_then(|()| stream.flush())
                .map_err(|error| match error.kind() {
                    io::ErrorKind::BrokenPipe => Errno::Pipe,
                    _ => Errno::Io,
                })?,
        }
        Ok(())
    }

    /// What was collected; nothing if it was passed on.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self.0 {
            Sink::Capture(collected) => collected.into(),
            Sink::Stream(_) => Bytes::new(),
        }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::capture()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Sink::Capture(collected) => f.debug_tuple("Capture").field(&collected.len()).finish(),
            Sink::Stream(_) => f.write_str("Stream"),
        }
    }
}
