//! WASI preview 1, synchronous, over a tree in memory.
//!
//! What is absent by default: files, environment variables, real time, real
//! randomness. Sockets are absent always: the four socket functions answer with
//! an error number. Numbers and layouts are those of `wasi_snapshot_preview1.witx`.

mod args;
mod clock;
mod descriptor;
mod errno;
mod fd;
mod fd_meta;
mod link;
mod memory;
mod path;
mod poll;
mod random;
mod stdio;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use random::Random;
pub use stdio::{Input, Output};

pub(crate) use clock::ClockSource;
pub(crate) use errno::{Errno, Fail};
pub(crate) use link::add_to_linker;
pub(crate) use memory::GuestMemory;
pub(crate) use random::RandomSource;

use crate::fs::FileSystem;
use crate::limits::Meter;
use descriptor::Descriptors;

/// What one host call answers: nothing but success, or why not.
type Answer = Result<(), Fail>;

/// Everything a guest can reach through WASI.
#[derive(Debug)]
pub(crate) struct Wasi {
    pub(crate) args: Vec<String>,
    /// Each entry reads `NAME=value`.
    pub(crate) env: Vec<String>,
    pub(crate) fs: FileSystem,
    pub(crate) stdin: Input,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) clock: ClockSource,
    pub(crate) random: RandomSource,
    pub(crate) meter: Meter,
    descriptors: Descriptors,
}

impl Wasi {
    pub(crate) fn new(meter: Meter, mut fs: FileSystem) -> Self {
        if let Some(root) = fs.root() {
            // Until the guest closes it, which it may.
            fs.retain(root);
        }
        let descriptors = Descriptors::new(fs.root());
        Self {
            args: Vec::new(),
            env: Vec::new(),
            fs,
            stdin: Input::default(),
            stdout: Output::default(),
            stderr: Output::default(),
            clock: ClockSource::default(),
            random: RandomSource::default(),
            meter,
            descriptors,
        }
    }
}
