//! How a process gives up its rights before it becomes a native binary.
//!
//! Twice this binary: the outer process enters a process namespace, in which the
//! inner one is the first, so that the end of either is the end of everything the
//! binary starts.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::jail;

/// The first argument of the outer process, and of the inner one.
pub(crate) const OUTER: &str = "--wb-native";
pub(crate) const INNER: &str = "--wb-native-inner";

/// What the processes must know before the binary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Bytes it may use.
    pub(crate) memory: u64,
    /// Seconds of processor time.
    pub(crate) cpu: u64,
}

impl Settings {
    /// The arguments of the outer process, but for the binary and its own.
    pub(crate) fn args(self) -> [String; 3] {
        self.args_of(OUTER)
    }

    fn args_of(self, stage: &str) -> [String; 3] {
        [
            stage.to_owned(),
            self.memory.to_string(),
            self.cpu.to_string(),
        ]
    }

    fn parse(args: &mut impl Iterator<Item = OsString>) -> io::Result<Self> {
        let mut number = || {
            let text = args.next().and_then(|argument| argument.into_string().ok());
            let number = text.and_then(|text| text.parse().ok());
            number.ok_or(io::Error::from(io::ErrorKind::InvalidInput))
        };
        Ok(Self {
            memory: number()?,
            cpu: number()?,
        })
    }
}

/// The outer process: starts the inner one and ends as it ends.
pub(crate) fn outer(mut args: impl Iterator<Item = OsString>) -> io::Result<i32> {
    let settings = Settings::parse(&mut args)?;
    jail::leave_host()?;
    let status = Command::new("/proc/self/exe")
        .args(settings.args_of(INNER))
        .args(args)
        .env_clear()
        .status()?;
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => code,
        // As a shell says it.
        (None, signal) => 128 + signal.unwrap_or(0),
    })
}

/// The inner process: confines itself and becomes the binary.
pub(crate) fn inner(mut args: impl Iterator<Item = OsString>) -> io::Result<Infallible> {
    let settings = Settings::parse(&mut args)?;
    let binary = args
        .next()
        .map(PathBuf::from)
        .ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
    jail::enter_native(settings.memory, settings.cpu, &binary, Path::new("."))?;
    Err(Command::new(&binary).args(args).env_clear().exec())
}
