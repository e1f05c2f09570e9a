use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use crate::wire::ask::{Answer, Ask, Refused};
use crate::wire::{FromWorker, MOST_TO_WORKER, ToWorker, read_frame, write_frame};

/// The worker's end of the wire.
#[derive(Debug)]
pub(super) struct Link(Mutex<Ends>);

#[derive(Debug)]
struct Ends {
    from: BufReader<File>,
    to: File,
    buffer: Vec<u8>,
}

impl Link {
    /// Over standard input and output.
    pub(super) fn stdio() -> io::Result<Self> {
        let from = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self::new(from, to))
    }

    pub(super) fn new(from: File, to: File) -> Self {
        Self(Mutex::new(Ends {
            from: BufReader::with_capacity(1 << 16, from),
            to,
            buffer: Vec::new(),
        }))
    }

    pub(super) fn send(&self, message: &FromWorker) -> io::Result<()> {
        self.ends().send(message)
    }

    pub(super) fn receive(&self) -> io::Result<ToWorker> {
        self.ends().receive()
    }

    /// Reads bytes that a message has announced.
    pub(super) fn receive_bytes(&self, count: u64) -> io::Result<Vec<u8>> {
        if count > MOST_TO_WORKER {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; count as usize];
        self.ends().from.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Asks the host, and waits for its answer.
    pub(super) fn ask(&self, ask: Ask) -> Result<Answer, Refused> {
        let mut ends = self.ends();
        let answer = ends
            .send(&FromWorker::Ask(ask))
            .and_then(|()| ends.receive());
        match answer {
            Ok(ToWorker::Answer(answer)) => answer,
            // A worker without a host has nothing left to do, and the guest in it
            // must not go on by itself.
            _ => std::process::exit(0),
        }
    }

    fn ends(&self) -> std::sync::MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    fn send(&mut self, message: &FromWorker) -> io::Result<()> {
        write_frame(&mut self.to, message, &mut self.buffer)
    }

    fn receive(&mut self) -> io::Result<ToWorker> {
        read_frame(&mut self.from, MOST_TO_WORKER, &mut self.buffer)
    }
}
