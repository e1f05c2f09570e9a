//! Tries what a confined worker must not be able to do.

use std::io;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::path::Path;

use rustix::process::{Pid, test_kill_process};

use crate::Attempt;

/// Makes the attempt: the error it failed with, or nothing when it worked.
pub(super) fn make(attempt: Attempt) -> Option<i32> {
    let result = match attempt {
        Attempt::OpenFile => std::fs::File::open("/etc/passwd").map(drop),
        Attempt::CreateFile => {
            std::fs::File::create(Path::new("/tmp").join("wb-worker-was-here")).map(drop)
        }
        Attempt::ListDirectory => std::fs::read_dir("/").map(drop),
        Attempt::Connect => TcpStream::connect((Ipv4Addr::LOCALHOST, 9)).map(drop),
        Attempt::OpenSocket => UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map(drop),
        Attempt::Spawn => std::process::Command::new("/bin/true").spawn().map(drop),
        Attempt::Thread => std::thread::Builder::new().spawn(|| ()).map(drop),
        Attempt::SignalProcess => signal_process(),
        Attempt::TraceProcess => trace_process(),
        Attempt::WritableCode => writable_code(),
        Attempt::RaiseLimit => raise_limit(),
        Attempt::Unshare => unshare(),
    };
    let error = result.err()?;
    Some(error.raw_os_error().unwrap_or(0))
}

fn check(result: i64) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The process that is always there. No other is easier to reach.
const OTHER: Pid = Pid::INIT;

fn signal_process() -> io::Result<()> {
    Ok(test_kill_process(OTHER)?)
}

fn trace_process() -> io::Result<()> {
    let other = OTHER.as_raw_nonzero().get();
    #[expect(unsafe_code, reason = "no library attaches to processes")]
    // SAFETY: seizing reads and writes no memory of this process.
    check(unsafe { libc::ptrace(libc::PTRACE_SEIZE, other, 0, 0) })
}

fn writable_code() -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    #[expect(
        unsafe_code,
        reason = "the safe wrappers of `mmap` need no such mapping"
    )]
    // SAFETY: a new anonymous mapping, at an address nobody uses, which nobody reads.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0) };
    check(if mapped == libc::MAP_FAILED { -1 } else { 0 })
}

fn raise_limit() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(
        Resource::Data,
        Rlimit {
            current: None,
            maximum: None,
        },
    )?)
}

fn unshare() -> io::Result<()> {
    #[expect(unsafe_code, reason = "the safe form is deprecated in favour of this")]
    // SAFETY: no descriptor table is asked to be unshared.
    let entered = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWUSER) };
    Ok(entered?)
}
