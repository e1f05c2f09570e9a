use bytes::Bytes;
use wb_dock::{Account, ErrorKind, Grant, Invocation, Outcome, Services};
use wb_policy::Tier;

use crate::{Call, Contract, Error, Module};

/// Runs programs in one tier.
///
/// Whatever the tier, a run means the same: the same bytes out, the same errors, the
/// same limits. They differ in what a guest that breaks out of wasm has still before
/// it, and in what a call costs.
///
/// # Errors
///
/// They are those of every method. [`Error::Dock`] for everything that can go wrong with
/// a run in the dock: refused imports, limits, crashes of the guest, a program of another
/// [`Contract`]. [`Error::Died`] when the worker ended with the call under way, or took more
/// than two minutes to load the program; [`Error::Protocol`] when it said something it must
/// not; the next call has a new worker. [`Error::Unavailable`] when a worker here cannot
/// confine itself as it must, [`Error::Start`] when there is none for another reason.
///
/// # Examples
///
/// ```
/// use wb_dock::{Engine, Grant, Invocation, Services};
/// use wb_tier::{Instance, Module, Runner};
///
/// /// Runs a command wherever the policy of the deployment says.
/// fn exit_code(tier: &dyn Runner, wasm: Vec<u8>) -> Result<i32, wb_tier::Error> {
///     let (module, hello) = (Module::new(wasm), Invocation::new("hello"));
///     Ok(tier.run(&module, &Grant::none(), &Services::default(), hello)?.exit_code)
/// }
///
/// # let wasm = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
/// assert_eq!(exit_code(&Instance::new(Engine::new()?), wasm)?, 0);
/// # Ok::<(), wb_tier::Error>(())
/// ```
pub trait Runner: Send + Sync {
    /// Which tier it is.
    fn tier(&self) -> Tier;

    /// Says whether `module` may run under `grant`, without running it.
    ///
    /// # Errors
    ///
    /// As for all methods.
    fn admit(&self, module: &Module, grant: &Grant, services: &Services) -> Result<(), Error>;

    /// Runs a command once, from start to exit, under `grant`.
    ///
    /// # Errors
    ///
    /// As for all methods.
    fn run(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error>;

    /// Runs a command on the account of another run, whose budget and time it spends.
    ///
    /// # Errors
    ///
    /// As for all methods.
    fn run_on(
        &self,
        account: Account,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error>;

    /// Calls a function of a component in an instance of its own, and returns its value
    /// as text.
    ///
    /// # Errors
    ///
    /// As for all methods.
    fn call(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
        call: &Call,
    ) -> Result<(String, Outcome), Error>;

    /// Calls a kernel with one frame in an instance of its own, called `name`, and returns
    /// the frame that it becomes.
    ///
    /// # Errors
    ///
    /// As for all methods.
    fn process(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        name: &str,
        frame: Bytes,
    ) -> Result<(Bytes, Outcome), Error>;

    /// Kills the workers that have a call under way, as the system might, and says how
    /// many there were: for trying out what becomes of such calls.
    fn kill_busy(&self) -> usize {
        0
    }
}

/// Refuses to run as a command what is none.
pub(crate) fn want_command(module: &Module) -> Result<(), Error> {
    match module.contract() {
        Contract::Command => Ok(()),
        other => Err(dock(ErrorKind::NotACommand {
            reason: other.is().into(),
        })),
    }
}

/// Refuses to call as a component what is none.
pub(crate) fn want_component(module: &Module) -> Result<(), Error> {
    match module.contract() {
        Contract::Component => Ok(()),
        other => Err(dock(ErrorKind::Malformed {
            message: format!("{}; a component was wanted", other.is()),
        })),
    }
}

/// The entry of a kernel.
pub(crate) fn want_kernel(module: &Module) -> Result<&str, Error> {
    match module.contract() {
        Contract::Kernel(entry) => Ok(entry),
        other => Err(dock(ErrorKind::NotAKernel {
            reason: other.is().to_owned(),
        })),
    }
}

fn dock(kind: ErrorKind) -> Error {
    wb_dock::Error::from(kind).into()
}
