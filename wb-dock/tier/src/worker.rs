//! The worker: the side of the wire where guests run.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wb_dock::cap::Session;
use wb_dock::{ArgMode, Engine, Invocation, Output, Program, Services};
use wb_policy::{CapSet, Grant, Profile, Scopes, Trust};

use crate::jail;
use crate::posix::native;
use crate::wire::{Fault, FaultOutcome, FromWorker, Load, Report, Run, ToWorker, VERSION};
use link::Link;
use remote::Remote;

mod attempts;
mod capabilities;
mod link;
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
    /// Whether it is the first process of a virtual machine.
    pub(crate) is_machine: bool,
}

impl Settings {
    /// The arguments of the worker's process.
    ///
    /// Without a `=`: the kernel of a virtual machine keeps such arguments for the
    /// environment.
    pub(crate) fn args(self) -> [String; 4] {
        [
            FLAG.to_owned(),
            self.memory.to_string(),
            u8::from(self.fuel).to_string(),
            u8::from(self.is_machine).to_string(),
        ]
    }

    fn parse(mut args: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut number = || args.next()?.into_string().ok()?.parse::<u64>().ok();
        Some(Self {
            memory: number()?,
            fuel: number()? != 0,
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
    let mut confinement = jail::enter(settings.memory)?;
    let engine = warm_engine(settings.fuel).map_err(io::Error::other)?;
    jail::close(&mut confinement)?;
    link.send(&FromWorker::Hello {
        version: VERSION,
        confinement,
    })?;
    let mut loaded = None;
    loop {
        let answer = match link.receive()? {
            ToWorker::Load(load) => FromWorker::Loaded(match Loaded::new(&engine, &link, load) {
                Ok(program) => {
                    loaded = Some(program);
                    Ok(())
                }
                Err(error) => Err(Fault::from(error.kind())),
            }),
            ToWorker::Run(run) => match &loaded {
                Some(loaded) => FromWorker::Done(loaded.run(&link, run)),
                None => return Err(io::ErrorKind::InvalidInput.into()),
            },
            ToWorker::Attempt(attempt) => FromWorker::Attempted(attempts::make(attempt)),
            ToWorker::Answer(_) => return Err(io::ErrorKind::InvalidInput.into()),
        };
        link.send(&answer)?;
    }
}

/// An engine that has started every thread it will ever need: after this there are
/// no new ones.
fn warm_engine(fuel: bool) -> Result<Engine, wb_dock::Error> {
    // (module (memory (export "memory") 1) (func (export "_start")))
    const NOTHING: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\
        \x07\x13\x02\x06memory\x02\0\x06_start\0\0\x0a\x04\x01\x02\0\x0b";
    let engine = Engine::builder().pooling(1).fuel(fuel).build()?;
    let nothing = engine.load(NOTHING)?;
    let nothing = nothing.admit(&Grant::none(), &Services::default())?;
    nothing.run(Invocation::new("warm"))?;
    Ok(engine)
}

/// The program of this worker.
struct Loaded {
    program: Program,
    grant: Grant,
    provided: CapSet,
}

impl Loaded {
    fn new(engine: &Engine, link: &Arc<Link>, load: Load) -> Result<Self, wb_dock::Error> {
        let program = engine.load(&load.wasm)?;
        let caps = CapSet::from_iter(load.caps);
        // The grant as the host knows it, but for scopes, which are checked there:
        // this one proves nothing, and is here so that the engine links what is
        // granted and holds the limits on what only it can see.
        let profile = Profile::new(load.profile, caps, load.limits.into(), Scopes::default());
        let grant = Grant::decide(caps, Trust::FirstParty, &profile, None)
            .expect("first-party code is granted what it declares");
        let loaded = Self {
            program,
            grant,
            provided: CapSet::from_iter(load.provided),
        };
        let services = capabilities::provide(loaded.provided, link, Services::default());
        loaded.program.admit(&loaded.grant, &services)?;
        Ok(loaded)
    }

    fn run(&self, link: &Arc<Link>, run: Run) -> Result<Report, Box<FaultOutcome>> {
        let (id, tenant) = run.session.clone();
        let mut services = Services::default().session(Session { id, tenant });
        services = match run.seed {
            Some(seed) => services.seed(seed),
            None => services.random(Arc::new(Remote::new(link))),
        };
        if run.host_clock {
            services = services.clock(Arc::new(Remote::new(link)));
        }
        let services = capabilities::provide(self.provided, link, services);
        let ended = invocation(link, run).and_then(|invocation| {
            let command = self.program.admit(&self.grant, &services)?;
            command.run(invocation)
        });
        match ended {
            Ok(outcome) => Ok(report(&outcome)),
            Err(error) => Err(Box::new((error.kind().into(), error.outcome().map(report)))),
        }
    }
}

fn invocation(link: &Arc<Link>, run: Run) -> Result<Invocation, wb_dock::Error> {
    let mut invocation = Invocation::new(run.name).args(run.args);
    if run.stdin1 {
        invocation = invocation.arg_mode(ArgMode::Stdin1);
    }
    for (name, value) in run.env {
        invocation = invocation.env(name, value);
    }
    for mount in run.mounts {
        invocation = invocation.mount(mount.try_into()?);
    }
    if run.stdin_goes_on {
        invocation = invocation.stdin(remote::stdin(link, run.stdin));
    } else {
        invocation = invocation.stdin(run.stdin);
    }
    let output = |is_streamed, is_stderr| {
        if is_streamed {
            Output::stream(remote::Stream::new(link, is_stderr))
        } else {
            Output::capture()
        }
    };
    Ok(invocation
        .stdout(output(run.streams.0, false))
        .stderr(output(run.streams.1, true)))
}

fn report(outcome: &wb_dock::Outcome) -> Report {
    Report {
        exit_code: outcome.exit_code,
        stdout: outcome.stdout.clone(),
        stderr: outcome.stderr.clone(),
        memory_peak: outcome.usage.memory_peak,
        fuel: outcome.usage.fuel,
        output: outcome.usage.output,
        host_calls: outcome.usage.host_calls,
        files: (&outcome.files).into(),
    }
}
