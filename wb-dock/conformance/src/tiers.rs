use std::path::Path;
use std::time::Duration;

use wb_dock::{Engine, Grant, Invocation, Services};
use wb_policy::Tier;
use wb_tier::{Call, Error, Module, Runner, Values};

use crate::host::{Ended, Host, InProcess, Refusal};
use crate::report::Missing;

/// A tier of `wb-tier` as a host.
pub struct InTier {
    runner: Box<dyn Runner>,
    slack: Duration,
}

impl InTier {
    /// A host that runs guests with `runner`.
    pub fn new(runner: impl Runner + 'static) -> Self {
        Self {
            runner: Box::new(runner),
            slack: Duration::from_millis(100),
        }
    }

    /// The same host where a guest may run so long after its deadline.
    #[must_use]
    pub fn with_slack(mut self, slack: Duration) -> Self {
        self.slack = slack;
        self
    }
}

impl Host for InTier {
    fn name(&self) -> String {
        self.runner.tier().to_string()
    }

    fn run(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Ended, Refusal> {
        let module = Module::new(wasm.to_vec());
        let run = self.runner.run(&module, grant, services, invocation);
        run.map(Into::into).map_err(refusal)
    }

    fn admit_component(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
    ) -> Option<Result<(), Refusal>> {
        let module = Module::component(wasm.to_vec());
        let admitted = self.runner.admit(&module, grant, services);
        Some(admitted.map_err(refusal))
    }

    fn call_component(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
        function: &str,
    ) -> Option<Result<String, Refusal>> {
        let module = Module::component(wasm.to_vec());
        let call = Call {
            function: function.to_owned(),
            values: Values::Wave(String::new()),
        };
        let guest = Invocation::new("guest");
        let called = self.runner.call(&module, grant, services, guest, &call);
        Some(called.map(|(value, _)| value).map_err(refusal))
    }

    fn kill_workers(&self) -> Option<usize> {
        Some(self.runner.kill_busy())
    }

    fn slack(&self) -> Duration {
        self.slack
    }
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Dock(error) => error.into(),
        error => Refusal {
            code: error.code().to_owned(),
            message: error.to_string(),
            ..Refusal::default()
        },
    }
}

impl std::fmt::Debug for InTier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("InTier").field(&self.runner.tier()).finish()
    }
}

/// The tiers that a machine has, weakest first, and those that it has not.
pub type Tiers = (Vec<Box<dyn Host>>, Vec<Missing>);

/// The tiers that this machine has.
///
/// `worker` is a binary whose `main` begins with [`wb_tier::worker_if_asked`]; `slack`
/// is what [`Host::slack`] says for each.
///
/// # Errors
///
/// [`ErrorKind::Engine`](wb_dock::ErrorKind::Engine) when the engine does not work here at all.
/// A tier that this machine has not is no error: it is among the missing, with the reason.
pub fn tiers(worker: &Path, slack: Duration) -> Result<Tiers, wb_dock::Error> {
    let mut found: Vec<Box<dyn Host>> =
        vec![Box::new(InProcess::new(Engine::new()?).with_slack(slack))];
    let mut missing = Vec::new();
    for tier in Tier::ALL.into_iter().skip(1) {
        match start(tier, worker) {
            Ok(runner) => found.push(Box::new(InTier { runner, slack })),
            Err(reason) => missing.push(Missing {
                tier: tier.to_string(),
                reason,
            }),
        }
    }
    Ok((found, missing))
}

#[cfg(target_os = "linux")]
fn start(tier: Tier, worker: &Path) -> Result<Box<dyn Runner>, String> {
    use wb_tier::{Container, Process, Vm};
    let start = || -> Result<Box<dyn Runner>, Error> {
        let engine = Engine::new()?;
        Ok(match tier {
            Tier::Instance => Box::new(wb_tier::Instance::new(engine)),
            Tier::Process => {
                let process = Process::with_worker(worker);
                process.probe()?;
                Box::new(process.compiled_on(engine))
            }
            Tier::Vm => Box::new(Vm::new(&Vm::parts(worker)?)?.compiled_on(engine)),
            Tier::Container => Box::new(Container::new(worker)?.compiled_on(engine)),
        })
    };
    start().map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn start(_: Tier, _: &Path) -> Result<Box<dyn Runner>, String> {
    Err("stronger tiers than the instance need Linux".to_owned())
}
