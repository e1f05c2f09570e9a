//! The worker: the side of the wire where guests run.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::jail;
use crate::posix::native;
use crate::wire::{Fault, FromWorker, ToWorker, VERSION};
use link::Link;
use loaded::Loaded;

mod attempts;
mod capabilities;
mod engine;
mod link;
mod loaded;
mod machine;
mod remote;

/// The first argument of a process that is to be a worker.
const FLAG: &str = "--wb-worker";

/// The exit code when a native binary could not be confined or executed: that of a
/// shell for a command that is found and cannot be executed.
const CANNOT_CONFINE: i32 = 126;

/// Whether this binary becomes a worker when it is asked to.
static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Turns this process into a worker, if it was started as one, and does not return
/// then. Otherwise notes that this binary can be its own worker.
///
/// Call it first in `main`, before a thread is started or anything is opened.
pub fn worker_if_asked() {
    IS_WORKER.store(true, Ordering::Relaxed);
    let mut args = std::env::args_os().skip(1);
    let Some(first) = args.next() else {
        return;
    };
    // Without a host to tell, a code is all that is left to say.
    let code = match first.to_str() {
        Some(FLAG) => match Settings::parse(args).map(serve) {
            Some(Ok(())) => 0,
            Some(Err(_)) => 1,
            None => 2,
        },
        Some(native::OUTER) => native::outer(args).unwrap_or(CANNOT_CONFINE),
        Some(native::INNER) => match native::inner(args) {
            Err(_) => CANNOT_CONFINE,
        },
        _ => return,
    };
    std::process::exit(code);
}

/// Whether [`worker_if_asked`] was called in this process.
pub(crate) fn can_be_worker() -> bool {
    IS_WORKER.load(Ordering::Relaxed)
}

/// What a worker must know before it confines itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Bytes its guests may use.
    pub(crate) memory: u64,
    /// Whether the engine counts fuel.
    pub(crate) fuel: bool,
    /// What it will run.
    pub(crate) kind: Kind,
    /// Whether it is the first process of a virtual machine.
    pub(crate) is_machine: bool,
}

/// What an engine is made ready for: a [`Contract`](crate::Contract) without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Component,
    Kernel,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Command, Self::Component, Self::Kernel];

    pub(crate) const fn of(contract: &crate::Contract) -> Self {
        match contract {
            crate::Contract::Command => Self::Command,
            crate::Contract::Component => Self::Component,
            crate::Contract::Kernel(_) => Self::Kernel,
        }
    }
}

impl Settings {
    /// The arguments of the worker's process.
    ///
    /// Without a `=`: the kernel of a virtual machine keeps such arguments for the
    /// environment.
    pub(crate) fn args(self) -> [String; 5] {
        [
            FLAG.to_owned(),
            self.memory.to_string(),
            u8::from(self.fuel).to_string(),
            (self.kind as u8).to_string(),
            u8::from(self.is_machine).to_string(),
        ]
    }

    fn parse(mut args: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut number = || args.next()?.into_string().ok()?.parse::<u64>().ok();
        Some(Self {
            memory: number()?,
            fuel: number()? != 0,
            kind: *Kind::ALL.get(usize::try_from(number()?).ok()?)?,
            is_machine: number()? != 0,
        })
    }
}

/// The life of a worker.
fn serve(settings: Settings) -> io::Result<()> {
    jail::close_inherited()?;
    let link = if settings.is_machine {
        let port = machine::open_wire()?;
        Link::new(port.try_clone()?, port)
    } else {
        Link::stdio()?
    };
    let link = Arc::new(link);
    // For mapping frames. Older kernels tell it by a file, once.
    let _ = rustix::param::page_size();
    let mut confinement = jail::enter(settings.memory)?;
    let engine = engine::warm(settings).map_err(io::Error::other)?;
    jail::close(&mut confinement)?;
    link.send(&FromWorker::Hello {
        version: VERSION,
        confinement,
    })?;
    let mut loaded = None;
    loop {
        let answer = match link.receive()? {
            ToWorker::Load(load) => match Loaded::new(&engine, &link, load)? {
                Ok(Some(program)) => {
                    loaded = Some(program);
                    FromWorker::Loaded(Ok(()))
                }
                Ok(None) => FromWorker::WantsWasm,
                Err(error) => FromWorker::Loaded(Err(Fault::from(error.kind()))),
            },
            ToWorker::Run(run) => match &loaded {
                Some(loaded) => FromWorker::Done(loaded.run(&link, run)?),
                None => return Err(io::ErrorKind::InvalidInput.into()),
            },
            ToWorker::Attempt(attempt) => FromWorker::Attempted(attempts::make(attempt)),
            ToWorker::Answer(_) => return Err(io::ErrorKind::InvalidInput.into()),
        };
        link.send(&answer)?;
    }
}
