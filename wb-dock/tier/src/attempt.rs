use serde::{Deserialize, Serialize};

/// Something a confined worker must not be able to do; for checking a cage from inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Attempt {
    /// Open a file that every process may read.
    OpenFile,
    /// Make a file in the directory for temporary files.
    CreateFile,
    /// List the root directory.
    ListDirectory,
    /// Connect to a TCP port of the same machine.
    Connect,
    /// Open a UDP socket.
    OpenSocket,
    /// Start a process.
    Spawn,
    /// Start a thread.
    Thread,
    /// Send a signal to another process.
    SignalProcess,
    /// Attach to another process as a debugger.
    TraceProcess,
    /// Map memory that can be written and executed.
    WritableCode,
    /// Raise one of its resource limits.
    RaiseLimit,
    /// Enter a new user namespace.
    Unshare,
}

impl Attempt {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::OpenFile,
        Self::CreateFile,
        Self::ListDirectory,
        Self::Connect,
        Self::OpenSocket,
        Self::Spawn,
        Self::Thread,
        Self::SignalProcess,
        Self::TraceProcess,
        Self::WritableCode,
        Self::RaiseLimit,
        Self::Unshare,
    ];
}
