//! The wire protocol between a host and a worker, whatever cage the worker is in.
//!
//! A frame is its length as a little-endian `u32` and that many bytes of postcard
//! (<https://postcard.jamesmunns.com/wire-format>). After one that announces machine code
//! comes that code. The worker speaks first, with
//! `FromWorker::Hello`; from then on each side waits for the other: a worker sends
//! an `Ask` and reads the answer, any number of times, before it reports.
//! So there is never more than one frame under way, and no frame needs a number.
//!
//! A worker may have been taken over by its guest. What comes from it is read into
//! memory only as fast as it arrives, up to a limit that the host derives from the
//! grant, and means nothing but "my guest asks for this".

use std::io::{self, Read, Write};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wb_policy::Cap;

use crate::{Call, Contract};

pub(crate) mod ask;
mod data;
mod failure;
mod image;
mod list;

pub(crate) use failure::{Fault, FaultOutcome, WireExceeded};
pub(crate) use image::{WireFiles, WireMount};

/// The version of the protocol. Both sides are usually one binary; a container or
/// machine image may hold an older one.
pub const VERSION: u16 = 2;

/// Most bytes of a frame to a worker, which trusts its host.
pub(crate) const MOST_TO_WORKER: u64 = 1 << 30;

/// Most bytes of a frame that is not the report of a run: 16 MiB of a request's body and
/// room for what goes with it.
pub(crate) const MOST_ASKED: u64 = 17 << 20;

/// From the host to the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    /// The program this worker will run, and under what. The first message.
    Load(Load),
    /// Run it once.
    Run(Run),
    /// The answer to the question the worker asked.
    Answer(Result<ask::Answer, ask::Refused>),
    /// Try something that the cage must not allow, and say what came of it.
    Attempt(crate::Attempt),
}

/// From the worker to the host.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// The worker is confined and ready. Sent before it reads anything.
    Hello {
        /// Always [`VERSION`] of the worker's build.
        version: u16,
        /// What it is confined by.
        confinement: crate::Confinement,
    },
    /// Whether the program was compiled and linked.
    Loaded(Result<(), Fault>),
    /// The machine code is of another version or for another processor: the worker wants
    /// the wasm instead.
    WantsWasm,
    /// The guest asks for something.
    Ask(ask::Ask),
    /// The run is over.
    Done(Result<Report, Box<FaultOutcome>>),
    /// What came of an attempt: the system's error number, or none if it worked.
    Attempted(Option<i32>),
}

/// A program and what it may import.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) text: Text,
    /// The SHA-256 of the wasm.
    pub(crate) digest: [u8; 32],
    pub(crate) contract: Contract,
    /// What is granted, of which `provided` has something behind it.
    pub(crate) caps: Vec<Cap>,
    pub(crate) provided: Vec<Cap>,
    pub(crate) profile: String,
    pub(crate) limits: WireLimits,
}

/// What a program is made from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Text {
    /// To be compiled by the worker.
    Wasm(Bytes),
    /// So many bytes of machine code, which the host has compiled. They follow the frame as
    /// they are, so that megabytes are copied no more than needed. A worker trusts its
    /// host with them, and no host ever takes any from a worker.
    Code(u64),
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) work: Work,
    /// What it may use, if it is less than its program: what another run has left, on
    /// whose account it is.
    pub(crate) limits: Option<WireLimits>,
    pub(crate) session: (String, String),
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) stdin1: bool,
    pub(crate) mounts: Vec<WireMount>,
    /// Input at hand; what follows is asked for if `stdin_goes_on`.
    pub(crate) stdin: Bytes,
    pub(crate) stdin_goes_on: bool,
    /// Whether standard output and standard error are passed on while it runs.
    pub(crate) streams: (bool, bool),
    /// Whether the clock is the host's.
    pub(crate) host_clock: bool,
    /// The seed of repeatable randomness; the host's source without one.
    pub(crate) seed: Option<u64>,
}

/// What a run does; it goes with the contract of the program.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    /// A command, from start to exit.
    Command,
    /// A function of a component.
    Call(Call),
    /// A kernel, with this frame.
    Frame(Bytes),
}

/// What came of a run that ended by itself.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// What a function returned, as text, or the frame that a kernel gave back.
    pub(crate) value: Bytes,
    pub(crate) exit_code: i32,
    pub(crate) stdout: Bytes,
    pub(crate) stderr: Bytes,
    pub(crate) memory_peak: u64,
    pub(crate) fuel: u64,
    pub(crate) output: u64,
    pub(crate) host_calls: u64,
    pub(crate) files: WireFiles,
}

/// [`wb_policy::Limits`] as they travel.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct WireLimits {
    pub(crate) memory: u64,
    pub(crate) wall: std::time::Duration,
    pub(crate) fuel: Option<u64>,
    pub(crate) output: u64,
    pub(crate) host_calls: u64,
    pub(crate) egress: u64,
    pub(crate) children: u32,
}

impl From<wb_policy::Limits> for WireLimits {
    fn from(limits: wb_policy::Limits) -> Self {
        Self {
            memory: limits.memory,
            wall: limits.wall,
            fuel: limits.fuel,
            output: limits.output,
            host_calls: limits.host_calls,
            egress: limits.egress,
            children: limits.children,
        }
    }
}

impl From<WireLimits> for wb_policy::Limits {
    fn from(limits: WireLimits) -> Self {
        Self {
            memory: limits.memory,
            wall: limits.wall,
            fuel: limits.fuel,
            output: limits.output,
            host_calls: limits.host_calls,
            egress: limits.egress,
            children: limits.children,
        }
    }
}

/// Writes `message` as one frame, in one call. `buffer` is scratch space.
pub(crate) fn write_frame(
    to: &mut impl Write,
    message: &impl Serialize,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    buffer.clear();
    buffer.extend_from_slice(&[0; 4]);
    let frame = postcard::to_extend(message, std::mem::take(buffer)).map_err(invalid)?;
    *buffer = frame;
    let length = u32::try_from(buffer.len() - 4).map_err(invalid)?;
    buffer[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(buffer)?;
    to.flush()?;
    trim(buffer);
    Ok(())
}

/// Reads one frame of at most `most` bytes. `buffer` is scratch space.
///
/// # Errors
///
/// `InvalidData` for a frame that is too long, is no message or has bytes after it;
/// `UnexpectedEof` for one that is cut short.
pub(crate) fn read_frame<T: DeserializeOwned>(
    from: &mut impl Read,
    most: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<T> {
    let length = read_length(from)?;
    within(length, most)?;
    buffer.clear();
    read_body(from, length, buffer)
}

/// Reads one frame that a worker sends during a run: a report that may carry `room` bytes
/// of what the run left, or else one of at most [`MOST_ASKED`].
///
/// # Errors
///
/// As for [`read_frame`].
pub(crate) fn read_frame_of_run(
    from: &mut impl Read,
    room: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<FromWorker> {
    let length = read_length(from)?;
    within(length, MOST_ASKED.saturating_add(room))?;
    buffer.clear();
    from.take(length.min(1)).read_to_end(buffer)?;
    if buffer.first() != Some(&DONE) {
        within(length, MOST_ASKED)?;
    }
    read_body(from, length, buffer)
}

/// The first byte of a [`FromWorker::Done`]: its place among the variants.
const DONE: u8 = 4;

fn read_length(from: &mut impl Read) -> io::Result<u64> {
    let mut header = [0; 4];
    from.read_exact(&mut header)?;
    Ok(u64::from(u32::from_le_bytes(header)))
}

fn within(length: u64, most: u64) -> io::Result<()> {
    if length > most {
        return Err(invalid(format!(
            "a frame of {length} bytes, at most {most} wanted"
        )));
    }
    Ok(())
}

/// Reads what is missing of a frame of `length` bytes, of which `buffer` has the first.
fn read_body<T: DeserializeOwned>(
    from: &mut impl Read,
    length: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<T> {
    // Memory is taken as bytes arrive, so a false length costs nothing.
    from.take(length - buffer.len() as u64)
        .read_to_end(buffer)?;
    if buffer.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let message = decode(buffer);
    trim(buffer);
    message
}

fn decode<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    match postcard::take_from_bytes(frame).map_err(invalid)? {
        (message, []) => Ok(message),
        (_, rest) => Err(invalid(format!("{} bytes after the message", rest.len()))),
    }
}

/// One large frame should not hold its memory for ever.
fn trim(buffer: &mut Vec<u8>) {
    if buffer.capacity() > 1 << 20 {
        *buffer = Vec::new();
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// For the fuzzer: any bytes are read as a frame from a worker and from a host.
#[doc(hidden)]
pub fn decode_anything(bytes: &[u8]) {
    let mut buffer = Vec::new();
    drop(read_frame::<FromWorker>(&mut &*bytes, 1 << 16, &mut buffer));
    drop(read_frame::<ToWorker>(&mut &*bytes, 1 << 16, &mut buffer));
    // Without their length, most bytes get further.
    drop(decode::<FromWorker>(bytes));
    drop(decode::<ToWorker>(bytes));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(message: &impl Serialize) -> Vec<u8> {
        let mut out = Vec::new();
        write_frame(&mut out, message, &mut Vec::new()).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> io::Result<FromWorker> {
        read_frame(&mut &*bytes, 1 << 16, &mut Vec::new())
    }

    fn report(stdout: Vec<u8>, name: String) -> FromWorker {
        FromWorker::Done(Ok(Report {
            exit_code: -7,
            stdout: stdout.into(),
            files: WireFiles(vec![(name, Bytes::from_static(b"x"), true)]),
            ..Report::default()
        }))
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(stdout: Vec<u8>, name in ".{0,40}") {
            let bytes = frame(&report(stdout.clone(), name.clone()));
            let FromWorker::Done(Ok(read)) = read(&bytes).unwrap() else {
                panic!("another message")
            };
            prop_assert_eq!(&read.stdout[..], &stdout[..]);
            prop_assert_eq!(&read.files.0[0].0, &name);
            prop_assert_eq!(read.exit_code, -7);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            decode_anything(&bytes);
        }

        #[test]
        fn every_cut_is_noticed(stdout in prop::collection::vec(any::<u8>(), 0..64), cut in any::<prop::sample::Index>()) {
            let bytes = frame(&report(stdout, "f".into()));
            let cut = cut.index(bytes.len());
            prop_assert_eq!(read(&bytes[..cut]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn only_a_report_may_be_longer_than_a_question() {
        let long = u32::try_from(MOST_ASKED + 1).unwrap().to_le_bytes();
        let read = |first: u8, room| {
            let bytes = [&long[..], &[first]].concat();
            read_frame_of_run(&mut &bytes[..], room, &mut Vec::new()).unwrap_err()
        };
        let report = postcard::to_stdvec(&report(Vec::new(), String::new())).unwrap();
        assert_eq!(report[0], DONE);
        assert_eq!(read(DONE, 1).kind(), io::ErrorKind::UnexpectedEof);
        for error in [read(DONE, 0), read(DONE - 1, 1)] {
            assert!(
                error.to_string().ends_with("at most 17825792 wanted"),
                "{error}"
            );
        }
        // A frame without a single byte is no message.
        let error = read_frame_of_run(&mut &[0; 4][..], 1, &mut Vec::new());
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_list_is_read_as_far_as_it_may_be_long() {
        let parallel = |count| {
            FromWorker::Ask(ask::Ask::Parallel {
                name: "x".to_owned(),
                inputs: vec![Bytes::new(); count],
                used: ask::WireUsed::default(),
            })
        };
        let read = |message: &FromWorker| {
            let bytes = frame(message);
            read_frame::<FromWorker>(&mut &bytes[..], MOST_ASKED, &mut Vec::new())
        };
        read(&parallel(1024)).unwrap();
        let refused_names = FromWorker::Done(Err(Box::new((
            Fault::NotGranted(vec![String::new(); (1 << 16) + 1]),
            None,
        ))));
        for message in [parallel(1025), refused_names] {
            assert_eq!(
                read(&message).unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
        }
    }

    #[test]
    fn a_frame_too_long_is_refused_before_it_is_read() {
        let error = read(&u32::MAX.to_le_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a frame of 4294967295 bytes, at most 65536 wanted"
        );
    }

    #[test]
    fn bytes_after_a_message_are_refused() {
        let mut bytes = frame(&FromWorker::Attempted(None));
        bytes.push(0);
        bytes[0] += 1;
        assert_eq!(
            read(&bytes).unwrap_err().to_string(),
            "1 bytes after the message"
        );
    }
}
