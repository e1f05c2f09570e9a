use wb_policy::Exceeded;

use crate::limits::Stop;

/// The error numbers of WASI preview 1 that this host answers with.
///
/// Values from `typenames.witx` of `wasi_snapshot_preview1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    Badf = 8,
    Busy = 10,
    Exist = 20,
    Fault = 21,
    Fbig = 22,
    Ilseq = 25,
    Inval = 28,
    Io = 29,
    Isdir = 31,
    Loop = 32,
    Mfile = 33,
    Mlink = 34,
    Nametoolong = 37,
    Noent = 44,
    Nospc = 51,
    Nosys = 52,
    Notdir = 54,
    Notempty = 55,
    Notsock = 57,
    Perm = 63,
    Pipe = 64,
    Rofs = 69,
    Spipe = 70,
    Notcapable = 76,
}

/// Why a host call did not do what the guest asked.
#[derive(Debug)]
pub(crate) enum Fail {
    /// The guest is told and goes on.
    Errno(Errno),
    /// The guest is stopped.
    Stop(Stop),
}

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Stop> for Fail {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Exceeded> for Fail {
    fn from(exceeded: Exceeded) -> Self {
        Self::Stop(Stop::Limit(exceeded))
    }
}
