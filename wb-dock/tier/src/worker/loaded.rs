//! The program of a worker.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use wb_dock::cap::Session;
use wb_dock::{
    ArgMode, ComponentProgram, Engine, Error, Grant, Invocation, Outcome, Output, Program, Services,
};
use wb_policy::{CapSet, Profile, Scopes, Trust};

use super::capabilities;
use super::link::Link;
use super::remote::{self, Remote};
use crate::Contract;
use crate::wire::{FaultOutcome, Load, Report, Run, Text, Work};

/// The program, and what it is granted.
pub(super) struct Loaded {
    code: Code,
    grant: Grant,
    provided: CapSet,
}

enum Code {
    Command(Program),
    Component(ComponentProgram),
    Kernel(Program, String),
}

impl Loaded {
    /// Loads and admits the program; none if its machine code is not for this engine.
    ///
    /// # Errors
    ///
    /// When the machine code that was announced does not come.
    pub(super) fn new(
        engine: &Engine,
        link: &Arc<Link>,
        load: Load,
    ) -> io::Result<Result<Option<Self>, Error>> {
        let source = match &load.text {
            Text::Wasm(wasm) => Source::Wasm(wasm.clone()),
            Text::Code(count) => Source::Code(link.receive_bytes(*count)?),
        };
        let code = Code::new(engine, source, load.digest, load.contract.clone());
        Ok(code.and_then(|code| code.map(|code| Self::admit(code, link, load)).transpose()))
    }

    fn admit(code: Code, link: &Arc<Link>, load: Load) -> Result<Self, Error> {
        let caps = CapSet::from_iter(load.caps);
        // The grant as the host knows it, but for scopes, which are checked there:
        // this one proves nothing, and is here so that the engine links what is
        // granted and holds the limits on what only it can see.
        let profile = Profile::new(load.profile, caps, load.limits.into(), Scopes::default());
        let grant = Grant::decide(caps, Trust::FirstParty, &profile, None)
            .expect("first-party code is granted what it declares");
        let loaded = Self {
            code,
            grant,
            provided: CapSet::from_iter(load.provided),
        };
        let services = capabilities::provide(loaded.provided, link, Services::default());
        match &loaded.code {
            Code::Command(program) => drop(program.admit(&loaded.grant, &services)?),
            Code::Component(program) => drop(program.admit(&loaded.grant, &services)?),
            Code::Kernel(program, entry) => {
                drop(program.admit_kernel(entry, &loaded.grant, &services)?);
            }
        }
        Ok(loaded)
    }

    /// Runs it once.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the host asks for what goes with another contract.
    pub(super) fn run(
        &self,
        link: &Arc<Link>,
        mut run: Run,
    ) -> io::Result<Result<Report, Box<FaultOutcome>>> {
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
        let narrowed = run
            .limits
            .map(|limits| self.grant.clone().narrow_limits(limits.into()));
        let grant = narrowed.as_ref().unwrap_or(&self.grant);
        let work = std::mem::replace(&mut run.work, Work::Command);
        let ended = match (&self.code, work) {
            (Code::Command(program), Work::Command) => {
                let ended = invocation(link, run).and_then(|invocation| {
                    let command = program.admit(grant, &services)?;
                    command.run(invocation)
                });
                ended.map(|outcome| (Bytes::new(), outcome))
            }
            (Code::Component(program), Work::Call(call)) => {
                invocation(link, run).and_then(|invocation| {
                    let component = program.admit(grant, &services)?;
                    let mut instance = component.start(invocation)?;
                    let value = call.make(&mut instance)?;
                    Ok((value.into(), instance.finish()))
                })
            }
            (Code::Kernel(program, entry), Work::Frame(frame)) => {
                let kernel = program.admit_kernel(entry, grant, &services);
                kernel.and_then(|kernel| {
                    let mut instance = kernel.open(&run.name)?;
                    let result = Bytes::copy_from_slice(instance.call(&frame)?);
                    let mut outcome = Outcome::default();
                    outcome.usage = instance.usage();
                    Ok((result, outcome))
                })
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(match ended {
            Ok((value, outcome)) => Ok(Report {
                value,
                ..report(&outcome)
            }),
            Err(error) => Err(Box::new((error.kind().into(), error.outcome().map(report)))),
        })
    }
}

/// What a program is made from.
enum Source {
    Wasm(Bytes),
    Code(Vec<u8>),
}

impl Code {
    /// The program; none if it is machine code for another engine.
    fn new(
        engine: &Engine,
        source: Source,
        digest: [u8; 32],
        contract: Contract,
    ) -> Result<Option<Self>, Error> {
        if contract == Contract::Component {
            let program = match source {
                Source::Wasm(wasm) => Some(engine.load_component(&wasm)?),
                #[expect(unsafe_code, reason = "a worker runs what its host has compiled")]
                // SAFETY: the one who sends a worker anything is the host that started
                // it, which sends the unchanged output of `ComponentProgram::code`.
                Source::Code(code) => unsafe { engine.load_component_code(&code, digest) }.ok(),
            };
            return Ok(program.map(Self::Component));
        }
        let program = match source {
            Source::Wasm(wasm) => Some(engine.load(&wasm)?),
            #[expect(unsafe_code, reason = "a worker runs what its host has compiled")]
            // SAFETY: as above, with the output of `Program::code`.
            Source::Code(code) => unsafe { engine.load_code(&code, digest) }.ok(),
        };
        Ok(program.map(|program| match contract {
            Contract::Kernel(entry) => Self::Kernel(program, entry),
            _ => Self::Command(program),
        }))
    }
}

fn invocation(link: &Arc<Link>, run: Run) -> Result<Invocation, Error> {
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

fn report(outcome: &Outcome) -> Report {
    Report {
        value: Bytes::new(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn load(engine: &Engine, code: Vec<u8>, contract: Contract) -> bool {
        let code = Code::new(engine, Source::Code(code), [0; 32], contract);
        code.unwrap().is_some()
    }

    #[test]
    fn code_of_other_settings_is_not_run() {
        let (plain, counts) = (
            Engine::new().unwrap(),
            Engine::builder().fuel(true).build().unwrap(),
        );
        let module = wat::parse_str("(module (func (export \"_start\")))").unwrap();
        let component = wat::parse_str("(component)").unwrap();
        let module = plain.load(&module).unwrap().code().unwrap();
        let component = plain.load_component(&component).unwrap().code().unwrap();
        assert!(load(&plain, module.clone(), Contract::Command));
        assert!(load(&plain, component.clone(), Contract::Component));
        for (engine, code, contract) in [
            (&counts, module.clone(), Contract::Command),
            (&counts, component.clone(), Contract::Component),
            (&plain, module, Contract::Component),
            (&plain, component, Contract::Kernel("process".into())),
            (&plain, Vec::new(), Contract::Command),
        ] {
            assert!(!load(engine, code, contract));
        }
    }
}
