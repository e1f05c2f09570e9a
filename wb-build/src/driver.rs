//! Runs the steps of a plan: ready ones side by side, known ones from the cache.

mod cache;
mod dock;
mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use wb_manifest::{Digest, RelPath, Tree};

use crate::component::{self, World};
use crate::diagnose::{self, Diagnostic};
use crate::error::{Error, ErrorKind};
use crate::plan::{ARTIFACT, Plan};
use crate::provenance::Provenance;
use crate::splice::{self, SpliceError};
use crate::step::{Dialect, Input, Part, Run, Source, Step, ToolRef, Work};
use crate::toolchain::archive::check;

pub use cache::{MemoryCache, NoCache, StepCache, StepRecord};
pub use dock::{DockSandbox, Tools};

/// Runs one tool on given files; the driver's only door to anything that executes.
pub trait Sandbox: Sync {
    /// Runs `run` to its end with `files` in its file system, and takes the
    /// `outputs` that are there afterwards.
    ///
    /// A tool that says no has run to its end: its exit code tells.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Missing`] if the tool or a tree is not installed,
    /// [`ErrorKind::Crashed`] if the tool trapped, [`ErrorKind::Limit`] if it
    /// reached a limit; the step's label is filled in by the driver.
    fn run(&self, run: &Run, files: &[Mounted], outputs: &[String]) -> Result<Ran, Error>;

    /// The bytes of an installed file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Missing`] if it is not installed.
    fn file(&self, file: &ToolRef) -> Result<Bytes, Error>;
}

/// Something that appears in the file system of a tool.
#[derive(Clone, Debug)]
pub struct Mounted {
    /// Absolute guest path.
    pub at: String,
    /// What is there, read-only.
    pub content: Content,
}

/// What appears at a guest path.
#[derive(Clone, Debug)]
pub enum Content {
    /// A directory with these files.
    Tree(Arc<Tree>),
    /// A file or directory of an installed pack.
    Pack(ToolRef),
    /// A file.
    File(Bytes),
}

/// How a tool ended.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Its exit code.
    pub exit_code: i32,
    /// What it wrote to standard output.
    pub stdout: Bytes,
    /// What it wrote to standard error.
    pub stderr: Bytes,
    /// The outputs that exist, by guest path.
    pub outputs: BTreeMap<String, Bytes>,
    /// The most linear memory it held, in bytes.
    pub memory: u64,
}

/// Runs plans.
#[derive(Clone, Copy)]
pub struct Builder<'a> {
    sandbox: &'a dyn Sandbox,
    cache: &'a dyn StepCache,
    jobs: NonZeroUsize,
    watch: &'a (dyn Fn(usize) + Sync),
}

/// What a plan made.
#[derive(Clone)]
pub struct Built {
    /// The products by name.
    pub products: BTreeMap<String, Bytes>,
    /// Warnings and notes, in the order of the steps.
    pub diagnostics: Vec<Diagnostic>,
    /// One report for each step of the plan, in order.
    pub steps: Vec<StepReport>,
    /// How the products came about.
    pub provenance: Provenance,
}

/// A wasm file under its digest, with the account of how it was built.
#[derive(Clone)]
pub struct Artifact {
    /// The digest of `wasm`.
    pub digest: Digest,
    /// The bytes.
    pub wasm: Bytes,
    /// How they came about.
    pub provenance: Provenance,
}

/// Sizes in place of bytes: an artifact is no text.
impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: BTreeMap<_, _> = self.products.iter().map(|(n, b)| (n, b.len())).collect();
        f.debug_struct("Built")
            .field("products", &sizes)
            .field("diagnostics", &self.diagnostics)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifact")
            .field("digest", &self.digest)
            .field("size", &self.wasm.len())
            .finish_non_exhaustive()
    }
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// The step's label.
    pub label: String,
    /// Whether its result was known already.
    pub cached: bool,
    /// The most linear memory the tool held, in bytes; 0 if it did not run.
    pub memory: u64,
}

impl Built {
    /// The artifact of a toolkit's plan.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] if the plan makes no [`ARTIFACT`].
    pub fn artifact(&self) -> Result<Artifact, Error> {
        let wasm = self
            .products
            .get(ARTIFACT)
            .ok_or_else(|| ErrorKind::Output {
                step: "build".to_owned(),
                output: ARTIFACT.to_owned(),
            })?;
        Ok(Artifact {
            digest: Digest::of(wasm),
            wasm: wasm.clone(),
            provenance: self.provenance.clone(),
        })
    }
}

impl<'a> Builder<'a> {
    /// A builder that runs one step at a time.
    pub fn new(sandbox: &'a dyn Sandbox, cache: &'a dyn StepCache) -> Self {
        Self {
            sandbox,
            cache,
            jobs: NonZeroUsize::MIN,
            watch: &|_| (),
        }
    }

    /// Runs up to `jobs` steps at once; the result is the same for any number.
    #[must_use]
    pub fn jobs(mut self, jobs: NonZeroUsize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Has `watch` called with the number of steps done, after each one.
    #[must_use]
    pub fn watch(mut self, watch: &'a (dyn Fn(usize) + Sync)) -> Self {
        self.watch = watch;
        self
    }

    /// Runs a plan to its end.
    ///
    /// A failed step stops what depends on it and nothing else, so that one
    /// build reports the faults of all translation units.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Rejected`] carries what the compilers said. Otherwise the
    /// error of the first failed step, in the plan's order: see [`Sandbox::run`].
    pub fn run(&self, plan: &Plan) -> Result<Built, Error> {
        let count = AtomicUsize::new(0);
        let results = schedule::run_all(plan, self.jobs, |step, done| {
            let result = self.step(plan, step, &done);
            (self.watch)(1 + count.fetch_add(1, Ordering::Relaxed));
            result
        });
        let mut diagnostics = Vec::new();
        add(&mut diagnostics, &plan.notes);
        let mut steps = Vec::with_capacity(results.len());
        let mut done = Vec::with_capacity(results.len());
        let mut failures = Vec::new();
        for (step, result) in plan.steps.iter().zip(results) {
            match result {
                Some(Ok(result)) => {
                    add(&mut diagnostics, &result.record.diagnostics);
                    steps.push(StepReport {
                        label: plan.caption(step),
                        cached: result.cached,
                        memory: result.memory,
                    });
                    done.push(Some(result));
                }
                Some(Err(error)) => {
                    failures.push(error);
                    done.push(None);
                }
                None => done.push(None),
            }
        }
        if !failures.is_empty() {
            let mut error = merge(failures, diagnostics);
            name(plan, error.diagnostics_mut());
            return Err(error);
        }
        name(plan, &mut diagnostics);
        let mut products = BTreeMap::new();
        for product in &plan.products {
            let bytes = self.bytes(plan, &done, product.step, &product.output)?;
            products.insert(product.name.clone(), bytes);
        }
        Ok(Built {
            products,
            diagnostics,
            steps,
            provenance: Provenance::of(plan),
        })
    }

    /// One step, from the cache if it is there.
    fn step(
        &self,
        plan: &Plan,
        index: usize,
        done: &[Option<Arc<Done>>],
    ) -> Result<Arc<Done>, Error> {
        let step = &plan.steps[index];
        let key = step.key(|step, output| digest_of(done, step, output));
        if let Some(record) = self.cache.lookup(&key)
            && step.outputs.iter().all(|o| record.outputs.contains_key(o))
        {
            return Ok(Arc::new(Done {
                record,
                fresh: BTreeMap::new(),
                cached: true,
                memory: 0,
            }));
        }
        let result = self
            .execute(plan, step, done)
            .map_err(|error| label(error, &plan.caption(step)))?;
        self.cache.store(&key, &result.record, &result.fresh);
        Ok(Arc::new(result))
    }

    fn execute(&self, plan: &Plan, step: &Step, done: &[Option<Arc<Done>>]) -> Result<Done, Error> {
        match &step.work {
            Work::Run(run) => {
                let files = step
                    .inputs
                    .iter()
                    .map(|input| self.mounted(plan, done, input))
                    .collect::<Result<Vec<_>, _>>()?;
                let ran = self.sandbox.run(run, &files, &step.outputs)?;
                finish(step, run, ran)
            }
            Work::Splice => {
                let [runtime, pack] = &step.inputs[..] else {
                    unreachable!("a splice step has the runtime and the pack as inputs");
                };
                let pack = self.input_bytes(plan, done, pack)?;
                let wanted = splice::wanted_imports(&pack).map_err(unjoined)?;
                let spliced =
                    self.runtime_for(plan, done, runtime, "wb-trim/1", &wanted, |whole| {
                        splice::without_imports(whole, &wanted)
                    })?;
                let spliced = splice::splice(&spliced, &pack).map_err(unjoined)?;
                Ok(made(step, [spliced]))
            }
            Work::Component { world, part } => {
                let (wit, inputs) = step.inputs.split_last().expect("its last input is the WIT");
                let Source::Tree(wit) = &wit.source else {
                    unreachable!("WIT is a tree of sources");
                };
                let refused = |finding| rejected(step, vec![finding]);
                let read = || World::read(wit.files(), world).map_err(refused);
                match part {
                    Part::Header => {
                        let (header, source) = read()?.c_bindings().map_err(refused)?;
                        Ok(made(step, [header, source]))
                    }
                    Part::Modules { program } => {
                        let modules = read()?.script_modules();
                        let entry = modules.entry(program);
                        let texts = std::iter::once(entry).chain(modules.files.into_values());
                        Ok(made(step, texts.map(String::into_bytes)))
                    }
                    Part::Declarations { program } => {
                        let world = read()?;
                        let texts = [world.declarations(), world.type_check(program)];
                        Ok(made(step, texts.map(String::into_bytes)))
                    }
                    Part::Join => {
                        let pack = self.input_bytes(plan, done, &inputs[1])?;
                        let wanted = splice::wanted_imports(&pack).map_err(unjoined)?;
                        let name = format!("{}\n{}\n{world}", component::VERSION, wit.digest());
                        let runtime = &inputs[0];
                        let world = read()?;
                        let joined =
                            self.runtime_for(plan, done, runtime, &name, &wanted, |whole| {
                                world.join(whole, &wanted)
                            })?;
                        let joined = splice::splice(&joined, &pack).map_err(unjoined)?;
                        Ok(made(step, [joined]))
                    }
                    Part::Encode { caps } => {
                        let core = self.input_bytes(plan, done, &inputs[0])?;
                        let component = read()?.encode(&core, *caps);
                        let (component, findings) =
                            component.map_err(|refused| rejected(step, refused.0))?;
                        let mut done = made(step, [component]);
                        done.record.diagnostics = findings;
                        Ok(done)
                    }
                }
            }
        }
    }

    /// The runtime with just the imports that a pack uses, as `make` gives it: the
    /// same for many packs, and half the cost of joining, so it is cached by itself,
    /// under what `name` says of the making.
    fn runtime_for(
        &self,
        plan: &Plan,
        done: &[Option<Arc<Done>>],
        runtime: &Input,
        name: &str,
        wanted: &BTreeSet<String>,
        make: impl FnOnce(&[u8]) -> Result<Vec<u8>, SpliceError>,
    ) -> Result<Bytes, Error> {
        const OUTPUT: &str = "runtime";
        let key = match &runtime.source {
            Source::Pack(tool) => {
                let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
                let text = format!("{name}\n{}\n{}", tool.digest, wanted.join("\n"));
                Some(Digest::of(text.as_bytes()))
            }
            Source::Tree(_) | Source::Step { .. } => None,
        };
        if let Some(record) = key.and_then(|key| self.cache.lookup(&key))
            && let Some(digest) = record.outputs.get(OUTPUT)
            && let Some(bytes) = self.cache.read(digest)
            && Digest::of(&bytes) == *digest
        {
            return Ok(bytes);
        }
        let whole = self.input_bytes(plan, done, runtime)?;
        let trimmed = make(&whole).map_err(unjoined)?;
        let result = Done::fresh(
            BTreeMap::from([(OUTPUT.to_owned(), Bytes::from(trimmed))]),
            Vec::new(),
            0,
        );
        if let Some(key) = key {
            self.cache.store(&key, &result.record, &result.fresh);
        }
        Ok(result.fresh[OUTPUT].clone())
    }

    fn mounted(
        &self,
        plan: &Plan,
        done: &[Option<Arc<Done>>],
        input: &Input,
    ) -> Result<Mounted, Error> {
        let content = match &input.source {
            Source::Tree(tree) => Content::Tree(Arc::clone(tree.files())),
            Source::Pack(tool) => Content::Pack(tool.clone()),
            Source::Step { step, output } => Content::File(self.bytes(plan, done, *step, output)?),
        };
        Ok(Mounted {
            at: input.at.clone(),
            content,
        })
    }

    fn input_bytes(
        &self,
        plan: &Plan,
        done: &[Option<Arc<Done>>],
        input: &Input,
    ) -> Result<Bytes, Error> {
        match &input.source {
            Source::Pack(file) => self.sandbox.file(file),
            Source::Step { step, output } => self.bytes(plan, done, *step, output),
            Source::Tree(_) => unreachable!("what is joined and encoded are files"),
        }
    }

    /// The bytes of an output: fresh, or from the cache, or made again if the
    /// cache lost them or holds something else under their name.
    fn bytes(
        &self,
        plan: &Plan,
        done: &[Option<Arc<Done>>],
        index: usize,
        output: &str,
    ) -> Result<Bytes, Error> {
        let result = done[index]
            .as_ref()
            .expect("steps run after the steps they read from");
        if let Some(bytes) = result.fresh.get(output) {
            return Ok(bytes.clone());
        }
        let digest = result.record.outputs[output];
        if let Some(bytes) = self.cache.read(&digest)
            && Digest::of(&bytes) == digest
        {
            return Ok(bytes);
        }
        let step = &plan.steps[index];
        let again = self
            .execute(plan, step, done)
            .map_err(|error| label(error, &plan.caption(step)))?;
        let bytes = again.fresh[output].clone();
        check(
            &format!("output `{output}` of `{}`, made again,", step.label),
            &bytes,
            digest,
        )?;
        let key = step.key(|step, output| digest_of(done, step, output));
        self.cache.store(&key, &again.record, &again.fresh);
        Ok(bytes)
    }
}

/// The result of a step that succeeded.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    record: StepRecord,
    /// Outputs in memory: those of a step that ran now.
    fresh: BTreeMap<String, Bytes>,
    cached: bool,
    memory: u64,
}

impl Done {
    fn fresh(outputs: BTreeMap<String, Bytes>, diagnostics: Vec<Diagnostic>, memory: u64) -> Self {
        Self {
            record: StepRecord {
                outputs: outputs
                    .iter()
                    .map(|(path, bytes)| (path.clone(), Digest::of(bytes)))
                    .collect(),
                diagnostics,
            },
            fresh: outputs,
            cached: false,
            memory,
        }
    }
}

fn digest_of(done: &[Option<Arc<Done>>], step: usize, output: &str) -> Digest {
    done[step]
        .as_ref()
        .expect("steps run after the steps they read from")
        .record
        .outputs[output]
}

/// The result of a step that the host did: its outputs, in their order.
fn made(step: &Step, outputs: impl IntoIterator<Item = Vec<u8>>) -> Done {
    let outputs = step.outputs.iter().cloned().zip(outputs);
    let outputs = outputs.map(|(path, bytes)| (path, Bytes::from(bytes)));
    Done::fresh(outputs.collect(), Vec::new(), 0)
}

fn rejected(step: &Step, diagnostics: Vec<Diagnostic>) -> Error {
    ErrorKind::Rejected {
        step: step.label.clone(),
        diagnostics,
    }
    .into()
}

fn unjoined(source: SpliceError) -> Error {
    ErrorKind::Host {
        what: "cannot join the program with its runtime".to_owned(),
        source: Box::new(source),
    }
    .into()
}

/// Judges a run: its exit code, its messages, its outputs.
fn finish(step: &Step, run: &Run, ran: Ran) -> Result<Done, Error> {
    let mut failed = ran.exit_code != 0;
    let mut diagnostics = diagnose::read(run.dialect, &ran.stderr, failed);
    if run.dialect == Dialect::Lld && diagnose::lacks_main(&ran.stdout) {
        failed = true;
        diagnostics.push(Diagnostic::error("no `main` function in the sources"));
    }
    if failed {
        return Err(ErrorKind::Rejected {
            step: step.label.clone(),
            diagnostics,
        }
        .into());
    }
    if let Some(output) = step.outputs.iter().find(|o| !ran.outputs.contains_key(*o)) {
        return Err(ErrorKind::Output {
            step: step.label.clone(),
            output: output.clone(),
        }
        .into());
    }
    Ok(Done::fresh(ran.outputs, diagnostics, ran.memory))
}

/// Names the step in an error, as people know it.
fn label(error: Error, step: &str) -> Error {
    match error.into_kind() {
        ErrorKind::Crashed {
            reason,
            diagnostics,
            ..
        } => ErrorKind::Crashed {
            step: step.to_owned(),
            reason,
            diagnostics,
        }
        .into(),
        ErrorKind::Rejected { diagnostics, .. } => ErrorKind::Rejected {
            step: step.to_owned(),
            diagnostics,
        }
        .into(),
        ErrorKind::Output { output, .. } => ErrorKind::Output {
            step: step.to_owned(),
            output,
        }
        .into(),
        ErrorKind::Limit { limit, .. } => ErrorKind::Limit {
            step: step.to_owned(),
            limit,
        }
        .into(),
        other => other.into(),
    }
}

/// Adds findings, and those without a place only once: they are about no unit.
fn add(all: &mut Vec<Diagnostic>, more: &[Diagnostic]) {
    for finding in more {
        if finding.place.is_some() || !all.contains(finding) {
            all.push(finding.clone());
        }
    }
}

/// Calls files as the plan's naming does, after the cache, which is shared.
fn name(plan: &Plan, findings: &mut [Diagnostic]) {
    let files = plan.steps.iter().filter_map(|step| step.file.as_ref());
    let files: BTreeSet<&str> = files.map(RelPath::as_str).collect();
    for finding in findings {
        plan.naming.finding(finding, &files);
    }
}

/// One error for all failed steps: the first, with what every compiler said.
fn merge(failures: Vec<Error>, before: Vec<Diagnostic>) -> Error {
    let mut all = before;
    for error in &failures {
        add(&mut all, error.diagnostics());
    }
    let first = failures.into_iter().next().expect("there is a failure");
    match first.into_kind() {
        ErrorKind::Rejected { step, .. } => ErrorKind::Rejected {
            step,
            diagnostics: all,
        }
        .into(),
        ErrorKind::Crashed { step, reason, .. } => ErrorKind::Crashed {
            step,
            reason,
            diagnostics: all,
        }
        .into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
