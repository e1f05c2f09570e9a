use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wb_dock::cap::{Net, Vfs};
use wb_dock::{Engine, ErrorKind, Grant, Invocation, Outcome, Services};
use wb_policy::{Denial, Exceeded, Usage};
use wb_services::{Egress, HttpClient, Sqlite, Tls, Vault};

/// What an integrator implements to have a host tried out.
pub trait Host: Send + Sync {
    /// What the report calls it.
    fn name(&self) -> String;

    /// Runs the command in `wasm` once, from start to exit: it may do what `grant` says,
    /// finds `services` behind its capabilities, and is told `invocation`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] when it was not started or was stopped, with what the cases look at:
    /// the dock's [codes](wb_dock::Error::code), the imports that were denied, the limit that
    /// was reached, and the output until then. One made of a [`wb_dock::Error`] has all of it.
    fn run(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Ended, Refusal>;

    /// Says whether the component in `wasm` may run under `grant`, without running it.
    ///
    /// Default: nothing; the host takes no components, and their cases are skipped.
    fn admit_component(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
    ) -> Option<Result<(), Refusal>> {
        let _ = (wasm, grant, services);
        None
    }

    /// Kills the processes that have a run of this host under way, as the system might,
    /// and says how many there were.
    ///
    /// Default: nothing; guests run in this process, and the cases about it are skipped.
    fn kill_workers(&self) -> Option<usize> {
        None
    }

    /// Calls `function` of the component in `wasm`, which takes nothing; what it returned, as
    /// WAVE text.
    ///
    /// Default: nothing; the host takes no components, and their cases are skipped.
    fn call_component(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
        function: &str,
    ) -> Option<Result<String, Refusal>> {
        let _ = (wasm, grant, services, function);
        None
    }

    /// New files and tables, empty: what the host puts behind `vfs`.
    ///
    /// Default: [`Sqlite`] in memory.
    fn vfs(&self) -> Arc<dyn Vfs> {
        Arc::new(Sqlite::in_memory())
    }

    /// HTTP to where `egress` permits, which fills in the secrets of `vault`: what the
    /// host puts behind `net`.
    ///
    /// A host with another policy asks [`Egress::resolve`] for the addresses of names.
    ///
    /// Default: [`HttpClient`].
    fn net(&self, egress: Egress, vault: Arc<Vault>) -> Arc<dyn Net> {
        Arc::new(HttpClient::new(egress, Tls::system()).secrets(vault))
    }

    /// How long after its deadline a guest may still run.
    ///
    /// Default: 100 ms. More, where other work keeps the processors busy.
    fn slack(&self) -> Duration {
        Duration::from_millis(100)
    }
}

/// A run that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; 0 when the guest returned without one.
    pub exit_code: i32,
    /// Standard output.
    pub stdout: Bytes,
    /// Standard error.
    pub stderr: Bytes,
    /// What was used, by nested runs as well.
    pub usage: Usage,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self {
            exit_code: outcome.exit_code,
            stdout: outcome.stdout,
            stderr: outcome.stderr,
            usage: outcome.usage,
        }
    }
}

/// A run that did not start, or that was stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code, for example `dock/not-granted`.
    pub code: String,
    /// The message for people.
    pub message: String,
    /// The imports that the grant does not cover.
    pub denied: Vec<Denial>,
    /// The limit that was reached.
    pub limit: Option<Exceeded>,
    /// Standard output until then.
    pub stdout: Bytes,
}

impl From<&wb_dock::Error> for Refusal {
    fn from(error: &wb_dock::Error) -> Self {
        let (denied, limit) = match error.kind() {
            ErrorKind::NotGranted { denied } => (denied.clone(), None),
            ErrorKind::Limit(exceeded) => (Vec::new(), Some(exceeded.clone())),
            _ => (Vec::new(), None),
        };
        let stdout = error.outcome().map(|outcome| outcome.stdout.clone());
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
            denied,
            limit,
            stdout: stdout.unwrap_or_default(),
        }
    }
}

impl From<wb_dock::Error> for Refusal {
    fn from(error: wb_dock::Error) -> Self {
        Self::from(&error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

/// The instance tier: guests in this process, on an [`Engine`].
#[derive(Clone, Debug)]
pub struct InProcess {
    engine: Engine,
    slack: Duration,
}

impl InProcess {
    /// A host that runs guests on `engine`.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
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

impl Host for InProcess {
    fn name(&self) -> String {
        "instance".to_owned()
    }

    fn run(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Ended, Refusal> {
        let command = self.engine.load(wasm)?.admit(grant, services)?;
        Ok(command.run(invocation)?.into())
    }

    fn admit_component(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
    ) -> Option<Result<(), Refusal>> {
        let program = self.engine.load_component(wasm);
        let admitted = program.and_then(|program| program.admit(grant, services));
        Some(admitted.map(drop).map_err(Refusal::from))
    }

    fn call_component(
        &self,
        wasm: &[u8],
        grant: &Grant,
        services: &Services,
        function: &str,
    ) -> Option<Result<String, Refusal>> {
        let program = self.engine.load_component(wasm);
        let component = program.and_then(|program| program.admit(grant, services));
        let called = component.and_then(|component| component.call_wave(function, ""));
        Some(called.map(|called| called.value).map_err(Refusal::from))
    }

    fn slack(&self) -> Duration {
        self.slack
    }
}
