//! Task recipes, run as the command calls they are lowered to.

use std::collections::BTreeMap;
use std::io::{self, PipeWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use wb_dock::{ArgMode, Command, Input, Invocation, Job, Outcome, Output, Services};
use wb_manifest::{Diagnostic, Manifest, Recipe, RelPath, Severity, Span, ToolkitId, read};
use wb_policy::{Cap, CapSet, Grant, Profile, Shape, Tier, Trust, Usage};

use super::Nexus;
use super::cage::Caged;
use super::native::{AdmittedNative, Native};
use crate::error::{Error, ErrorKind, ManifestFault};
use crate::task::{Call, NotLowered, Pipeline, lower};
use crate::toolkits::Toolkits;

/// A recipe with its arguments filled in, ready to run; made by [`Nexus::task`].
#[derive(Clone, Debug)]
pub struct Task {
    /// Toolkit and recipe: `release-notes/words`.
    pub name: String,
    /// What it does.
    pub caption: Option<String>,
    /// What it runs, line by line.
    pub lines: Vec<Pipeline>,
    toolkit: ToolkitId,
    declared: CapSet,
    trust: Trust,
    /// The native programs of its own toolkit.
    natives: BTreeMap<String, Native>,
}

/// Where the streams of a task lead.
pub struct TaskStreams<'a> {
    /// What the first command of the first line reads.
    pub stdin: Input,
    /// Where the last command of each line writes.
    pub stdout: &'a dyn Fn() -> Output,
    /// Where every command writes its complaints.
    pub stderr: &'a dyn Fn() -> Output,
}

/// What a task did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskEnd {
    /// That of the line that failed, else 0.
    pub exit_code: i32,
    /// What all of its commands used together.
    pub usage: Usage,
}

impl Nexus {
    /// The recipe `task` of a toolkit, lowered for `args`. Nothing runs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchTask`], and [`ErrorKind::Task`] with its place for a line
    /// that is more than calls and pipes.
    pub fn task(
        &self,
        (toolkits, id): (&Toolkits, &ToolkitId),
        task: &str,
        args: &[String],
    ) -> Result<Task, Error> {
        let text = toolkits.manifest(id)?;
        let reading = read(&text);
        let mut recipes = reading.toolkits().iter().flat_map(|manifest| {
            manifest
                .recipes
                .iter()
                .map(move |recipe| (manifest, recipe))
        });
        let found = recipes.find(|(_, recipe)| recipe.name.value.as_str() == task);
        let Some((manifest, recipe)) = found else {
            let (toolkit, task) = (id.to_string(), task.chars().take(128).collect());
            return Err(ErrorKind::NoSuchTask { toolkit, task }.into());
        };
        let name = format!("{id}/{task}");
        let lines = lower(&recipe.script.value, args).map_err(|not| ErrorKind::Task {
            name: name.clone(),
            reason: not.to_string(),
            fault: fault(&text, recipe, &not).map(Box::new),
        })?;
        Ok(Task {
            name,
            caption: recipe.caption.as_ref().map(|caption| caption.value.clone()),
            lines,
            toolkit: id.clone(),
            // A recipe is calls of commands, whether or not the manifest says so.
            declared: manifest.cap_set().with(Cap::Commands),
            trust: self.trust_in(id, manifest)?,
            natives: self.natives(id, &reading)?,
        })
    }

    /// Whose code the toolkit is: an installation may have said it is not ours.
    pub(super) fn trust_in(&self, id: &ToolkitId, manifest: &Manifest) -> Result<Trust, Error> {
        let (table, _) = self.registry.read(|_| true)?;
        let own = table.iter().filter(|b| b.toolkit.as_ref() == Some(id));
        Ok(own.map(|b| b.trust).fold(manifest.trust(), Ord::max))
    }

    /// Runs a task, line by line, under the caller's profile and one budget.
    ///
    /// The commands of a line run side by side, each reading what the one before
    /// writes as it is written. `each` is given a line before it runs, and then
    /// what its commands did. A line fails with its last command that fails, unless
    /// that only had nobody to write to any more; a line that fails ends the task.
    ///
    /// Every command is found and admitted before the first one starts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] without the deployer's consent to somebody else's task,
    /// [`ErrorKind::TaskNotGranted`] when the profile or a scope is in the way, and
    /// those of [`Nexus::run`].
    pub fn run_task(
        &self,
        task: &Task,
        profile: &Profile,
        streams: TaskStreams<'_>,
        each: &mut dyn FnMut(&Pipeline, Option<&[Outcome]>),
    ) -> Result<TaskEnd, Error> {
        let grant = self.task_grant(task, profile)?;
        let mut lines = Vec::with_capacity(task.lines.len());
        for line in &task.lines {
            let mut calls = Vec::with_capacity(line.calls.len());
            for call in &line.calls {
                calls.push(self.admit_call(task, call, &grant, profile)?);
            }
            lines.push((line, calls));
        }
        let job = Job::start(&task.name, grant.limits());
        let mut stdin = Some(streams.stdin);
        let mut exit_code = 0;
        for (line, calls) in lines {
            each(line, None);
            let input = stdin.take().unwrap_or_default();
            let ends = run_line(&job, &calls, input, streams.stdout, streams.stderr)?;
            let failed = ends.iter().rev().find(|end| end.failed());
            exit_code = failed.map_or(0, |end| end.outcome.exit_code);
            let outcomes: Vec<_> = ends.into_iter().map(|end| end.outcome).collect();
            each(line, Some(&outcomes));
            if exit_code != 0 {
                break;
            }
        }
        Ok(TaskEnd {
            exit_code,
            usage: job.usage(),
        })
    }

    /// What the task as a whole may do: run commands, if anything.
    fn task_grant(&self, task: &Task, profile: &Profile) -> Result<Grant, Error> {
        let consent = self.toolkit_consent(&task.toolkit, task.trust)?;
        let grant = Grant::decide(task.declared, task.trust, profile, consent.as_ref());
        let grant = grant.map_err(|refused| {
            let toolkit = task.toolkit.to_string();
            ErrorKind::Refused { toolkit, refused }
        })?;
        if grant.caps().contains(Cap::Commands) {
            return Ok(grant);
        }
        let why = if profile.caps().contains(Cap::Commands) {
            "which the deployer has not consented to".to_owned()
        } else {
            format!("which profile `{}` does not grant", profile.name())
        };
        let (name, reason) = (task.name.clone(), format!("it needs `commands`, {why}"));
        Err(ErrorKind::TaskNotGranted { name, reason }.into())
    }

    fn admit_call<'a>(
        &self,
        task: &Task,
        call: &'a Call,
        grant: &Grant,
        profile: &Profile,
    ) -> Result<Admitted<'a>, Error> {
        if !grant.scopes().commands.permits(&call.name) {
            let reason = format!("`{}` is out of the scope of `commands`", call.name);
            let name = task.name.clone();
            return Err(ErrorKind::TaskNotGranted { name, reason }.into());
        }
        let binding = match (self.resolve(&call.name), task.natives.get(&call.name)) {
            (Ok(binding), _) => binding,
            (Err(error), Some(native))
                if matches!(error.kind(), ErrorKind::NoSuchCommand { .. }) =>
            {
                let program = Program::Native(self.admit_native(native, profile)?.into());
                return Ok(Admitted { call, program });
            }
            (Err(error), _) => return Err(error),
        };
        let (grant, tier) = self.grant(&binding, Shape::Command, profile)?;
        let services = self.services(&grant, profile)?;
        let program = if tier == Tier::Instance {
            let command = self.load(&binding)?.admit(&grant, &services)?;
            Program::Wasm(command, binding.arg_mode)
        } else {
            let caged = self.caged(&binding, tier)?;
            caged.runner()?.admit(&caged.module, &grant, &services)?;
            Program::Caged(Box::new((caged, grant, services)), binding.arg_mode)
        };
        Ok(Admitted { call, program })
    }
}

/// A call whose command may run.
struct Admitted<'a> {
    call: &'a Call,
    program: Program,
}

/// What a call of a recipe runs.
enum Program {
    /// A registered command.
    Wasm(Command, ArgMode),
    /// A registered command that runs in a worker.
    Caged(Box<(Caged, Grant, Services)>, ArgMode),
    /// A native program of the task's own toolkit.
    Native(Box<AdmittedNative>),
}

impl Program {
    fn run_in(&self, job: &Job, name: &str, invocation: Invocation) -> Result<Outcome, Error> {
        match self {
            Self::Wasm(command, mode) => Ok(command.run_in(job, invocation.arg_mode(*mode))?),
            Self::Caged(caged, mode) => {
                let (caged, grant, services) = &**caged;
                let (runner, module) = (caged.runner()?, &caged.module);
                let account = job.account(name, grant.limits())?;
                let invocation = invocation.arg_mode(*mode);
                Ok(runner.run_on(account, module, grant, services, invocation)?)
            }
            Self::Native(native) => native.run_in(job, invocation),
        }
    }
}

/// How one command of a line ended.
struct CallEnd {
    outcome: Outcome,
    /// Whether nobody read on what it wrote.
    unread: bool,
}

impl CallEnd {
    fn failed(&self) -> bool {
        self.outcome.exit_code != 0 && !self.unread
    }
}

/// Runs the commands of a line side by side, and gives their ends in order.
///
/// No command can wait for ever: all end by the deadline of the job, and with a
/// command go its ends of the pipes.
fn run_line(
    job: &Job,
    calls: &[Admitted<'_>],
    stdin: Input,
    stdout: &dyn Fn() -> Output,
    stderr: &dyn Fn() -> Output,
) -> Result<Vec<CallEnd>, Error> {
    let pipe = |error| Error::io("make", "a pipe", error);
    let mut input = stdin;
    let mut runs = Vec::with_capacity(calls.len());
    for (index, admitted) in calls.iter().enumerate() {
        let unread = Arc::new(AtomicBool::new(false));
        let (output, next) = if index + 1 == calls.len() {
            (stdout(), Input::default())
        } else {
            let (reader, writer) = io::pipe().map_err(pipe)?;
            let unread = Arc::clone(&unread);
            let end = PipeEnd { writer, unread };
            (Output::stream(end), Input::stream(reader))
        };
        let invocation = Invocation::new(&admitted.call.name)
            .args(&admitted.call.args)
            .stdin(std::mem::replace(&mut input, next))
            .stdout(output)
            .stderr(stderr());
        runs.push((admitted, invocation, unread));
    }
    let run = &|(admitted, invocation, unread): (&Admitted<'_>, Invocation, Arc<AtomicBool>)| {
        let name = &admitted.call.name;
        let outcome = admitted.program.run_in(job, name, invocation)?;
        let unread = unread.load(Ordering::Relaxed);
        Ok::<_, Error>(CallEnd { outcome, unread })
    };
    // One command needs no thread of its own.
    let ends: Vec<Result<CallEnd, Error>> = match runs.pop() {
        Some(only) if runs.is_empty() => vec![run(only)],
        last => thread::scope(|scope| {
            let threads: Vec<_> = runs
                .into_iter()
                .chain(last)
                .map(|one| scope.spawn(move || run(one)))
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        }),
    };
    ends.into_iter().collect()
}

/// The writing end of a pipe between two commands.
struct PipeEnd {
    writer: PipeWriter,
    unread: Arc<AtomicBool>,
}

impl PipeEnd {
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            self.unread.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for PipeEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where in the manifest a recipe cannot be lowered.
fn fault(text: &[u8], recipe: &Recipe, not: &NotLowered) -> Option<ManifestFault> {
    let content = recipe.script.span;
    let block = text.get(content.start as usize..content.end as usize)?;
    let line = block
        .split_inclusive(|&byte| byte == b'\n')
        .nth(not.line - 1)?;
    let start = line.as_ptr() as usize - text.as_ptr() as usize;
    let written = line.trim_ascii_end().len();
    // Org writes a comma before a line that would end or open something.
    let script = recipe.script.value.lines().nth(not.line - 1)?;
    let comma = written.saturating_sub(script.trim_ascii_end().len());
    let [from, to] = [not.columns.start, not.columns.end].map(|at| (at + comma).min(written));
    let span = Span::new((start + from) as u32, (start + to) as u32);
    Some(ManifestFault {
        path: "manifest.org".parse::<RelPath>().ok()?,
        text: text.to_vec().into(),
        diagnostic: Diagnostic::new(Severity::Error, "host/task", span, not.reason.clone()),
    })
}
