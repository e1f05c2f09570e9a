use wb_policy::ArgMode;

use crate::error::{Error, ErrorKind};
use crate::fs::{FileSystem, Mount};
use crate::limits::Meter;
use crate::services::Services;
use crate::wasi::{Input, Output, Wasi};

/// One run of a command: what it is told.
///
/// Default: no arguments, no environment, empty input, output collected, no files.
#[derive(Debug, Default)]
pub struct Invocation {
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) arg_mode: ArgMode,
    pub(crate) stdin: Input,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

impl Invocation {
    /// A run under `name`, which is `argv[0]` and the name in messages.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// How the arguments reach the guest.
    #[must_use]
    pub fn arg_mode(mut self, mode: ArgMode) -> Self {
        self.arg_mode = mode;
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds environment variables.
    #[must_use]
    pub fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.env.extend(variables);
        self
    }

    /// Standard input: bytes, or an [`Input::stream`].
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Input>) -> Self {
        self.stdin = input.into();
        self
    }

    /// Where standard output goes.
    #[must_use]
    pub fn stdout(mut self, output: Output) -> Self {
        self.stdout = output;
        self
    }

    /// Where standard error goes.
    #[must_use]
    pub fn stderr(mut self, output: Output) -> Self {
        self.stderr = output;
        self
    }

    /// Adds files. All mounts together are one tree, and `/` is the one directory
    /// that the guest finds open.
    #[must_use]
    pub fn mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Everything it holds, for a run that happens elsewhere.
    pub fn into_parts(self) -> InvocationParts {
        InvocationParts {
            name: self.name,
            args: self.args,
            env: self.env,
            mounts: self.mounts,
            arg_mode: self.arg_mode,
            stdin: self.stdin,
            stdout: self.stdout,
            stderr: self.stderr,
        }
    }

    /// What a guest is told and given, on the account of `meter`.
    pub(crate) fn into_wasi(mut self, meter: Meter, services: &Services) -> Result<Wasi, Error> {
        let mounts = std::mem::take(&mut self.mounts);
        let fs = FileSystem::new(mounts, meter.budget())?;
        let mut wasi = Wasi::new(meter, fs);
        wasi.args = self.arguments()?;
        wasi.env = self.environment()?;
        wasi.stdin = self.stdin;
        wasi.stdout = self.stdout;
        wasi.stderr = self.stderr;
        wasi.clock = services.clock.clone();
        wasi.random = services.random.clone();
        Ok(wasi)
    }

    /// The arguments and the input as the guest gets them.
    fn arguments(&mut self) -> Result<Vec<String>, Error> {
        let mut args = std::mem::take(&mut self.args);
        if self.arg_mode == ArgMode::Stdin1 && !args.is_empty() {
            let stdin = std::mem::take(&mut self.stdin);
            self.stdin = stdin.with_first_line(&args.join(" "));
            args.clear();
        }
        args.insert(0, self.name.clone());
        for argument in &args {
            check(argument, false)?;
        }
        Ok(args)
    }

    /// The environment, each entry as `NAME=value`.
    fn environment(&mut self) -> Result<Vec<String>, Error> {
        std::mem::take(&mut self.env)
            .into_iter()
            .map(|(name, value)| {
                check(&name, true)?;
                check(&value, false)?;
                Ok(format!("{name}={value}"))
            })
            .collect()
    }
}

/// What an [`Invocation`] holds.
#[derive(Debug, Default)]
pub struct InvocationParts {
    /// `argv[0]`, and the name in messages.
    pub name: String,
    /// The arguments after it.
    pub args: Vec<String>,
    /// Names and values of the environment.
    pub env: Vec<(String, String)>,
    /// The files.
    pub mounts: Vec<Mount>,
    /// How the arguments reach the guest.
    pub arg_mode: ArgMode,
    /// Standard input.
    pub stdin: Input,
    /// Where standard output goes.
    pub stdout: Output,
    /// Where standard error goes.
    pub stderr: Output,
}

fn check(argument: &str, is_name: bool) -> Result<(), Error> {
    let reason = if argument.contains('\0') {
        "it has a NUL in it"
    } else if is_name && argument.contains('=') {
        "it is a name with a `=` in it"
    } else {
        return Ok(());
    };
    Err(ErrorKind::BadArgument {
        argument: argument.to_owned(),
        reason: reason.into(),
    }
    .into())
}
