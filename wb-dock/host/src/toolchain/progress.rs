//! What a long installation tells while it runs.

/// Follows an installation; drawn by the front ends.
///
/// Packs are installed side by side. Calls for one pack come in order: `start`,
/// any number of `advance`, then `finish` or nothing if the phase failed.
pub trait Progress: Sync {
    /// A phase begins; `total` is in the unit of the phase, where it is known.
    fn start(&self, pack: &str, phase: Phase, total: Option<u64>);

    /// So much of the phase is done, counted from its start.
    fn advance(&self, pack: &str, phase: Phase, done: u64);

    /// The phase ended well.
    fn finish(&self, pack: &str, phase: Phase);
}

/// A part of the installation of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Another process installs the same pack; this one waits for it.
    Wait,
    /// The user's registry client fetches the package; in bytes.
    Download,
    /// The archive is verified and its members are written; in bytes.
    Unpack,
    /// Our own lanes build the pack in the sandbox; in steps.
    Build,
    /// Programs are compiled ahead of time; in bytes of wasm.
    Compile,
}

impl Phase {
    /// What goes on, as a word for a progress line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Download => "download",
            Self::Unpack => "unpack",
            Self::Build => "build",
            Self::Compile => "compile",
        }
    }
}

/// Follows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn start(&self, _: &str, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: &str, _: Phase, _: u64) {}
    fn finish(&self, _: &str, _: Phase) {}
}
