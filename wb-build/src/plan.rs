//! A build as a graph of steps: data that can be printed, compared and hashed.

use std::fmt::Write as _;

use wb_manifest::{Digest, Lang};

use crate::diagnose::Diagnostic;
use crate::naming::Naming;
use crate::step::{Source, Step, Work};

/// The steps that make one artifact, each after the steps whose outputs it reads.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name and version of the lane, such as `c/1`; part of the provenance.
    pub lane: String,
    /// The language as the manifest names it; `None` for plans of our own tools.
    pub lang: Option<Lang>,
    /// Digest of the source tree the plan was made from.
    pub source: Digest,
    /// The steps.
    pub steps: Vec<Step>,
    /// What the plan makes.
    pub products: Vec<Product>,
    /// What the lane has to say about the source without having compiled it.
    pub notes: Vec<Diagnostic>,
    /// What people call the files; no part of any result or cache key.
    pub naming: Naming,
}

/// A file that a plan makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its name: `main.wasm` for the artifact of a toolkit.
    pub name: String,
    /// Index of the step that makes it.
    pub step: usize,
    /// Guest path of the file among that step's outputs.
    pub output: String,
}

/// The name of the product that becomes a toolkit's artifact.
pub const ARTIFACT: &str = "main.wasm";

impl Plan {
    /// The same plan, whose findings and captions call files as `naming` does.
    #[must_use]
    pub fn named(mut self, naming: Naming) -> Self {
        self.naming = naming;
        self
    }

    /// What a step does, in the user's names.
    pub(crate) fn caption(&self, step: &Step) -> String {
        self.naming.caption(&step.label, step.file.as_ref())
    }

    /// Adds a step and returns its index.
    ///
    /// # Panics
    ///
    /// If the step reads an output of a step that is not in the plan yet: a
    /// plan is built in the order of its data flow, so it cannot have a cycle.
    pub fn push(&mut self, step: Step) -> usize {
        let index = self.steps.len();
        assert!(
            step.needs().all(|n| n < index),
            "step `{}` reads from a step after it",
            step.label
        );
        self.steps.push(step);
        index
    }

    /// The plan as text: what will run, with which arguments, on which inputs.
    ///
    /// The text holds digests only where they name source trees and tools, so
    /// it is stable as long as the lane, the tools and the source are.
    pub fn render(&self) -> String {
        let mut text = format!("lane {}\nsource {}\n", self.lane, self.source);
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        for (index, step) in self.steps.iter().enumerate() {
            let _ = writeln!(text, "\n[{index}] {}", self.caption(step));
            match &step.work {
                Work::Run(run) => {
                    let _ = writeln!(text, "  tool {}", run.tool);
                    for arg in &run.argv {
                        let _ = writeln!(text, "  arg  {arg}");
                    }
                    for (name, value) in &run.env {
                        let _ = writeln!(text, "  env  {name}={value}");
                    }
                }
                Work::Splice => text.push_str("  splice\n"),
                Work::Component { world, part } => {
                    let _ = writeln!(text, "  {} of world {world}", part.name());
                }
            }
            for input in &step.inputs {
                let source = match &input.source {
                    Source::Tree(tree) => {
                        format!("tree {:.12}, {} files", tree.digest(), tree.files().len())
                    }
                    Source::Pack(tool) => tool.to_string(),
                    Source::Step { step, output } => format!("[{step}] {output}"),
                };
                let _ = writeln!(text, "  in   {} = {source}", input.at);
            }
            for output in &step.outputs {
                let _ = writeln!(text, "  out  {output}");
            }
        }
        text.push('\n');
        for product in &self.products {
            let _ = writeln!(
                text,
                "{} = [{}] {}",
                product.name, product.step, product.output
            );
        }
        text
    }

    /// Names of the packs the plan's steps use, sorted.
    pub fn packs(&self) -> Vec<&str> {
        let mut packs: Vec<&str> = Vec::new();
        for step in &self.steps {
            if let Work::Run(run) = &step.work {
                packs.push(&run.tool.pack);
            }
            packs.extend(step.inputs.iter().filter_map(|i| match &i.source {
                Source::Pack(tool) => Some(tool.pack.as_str()),
                Source::Tree(_) | Source::Step { .. } => None,
            }));
        }
        packs.sort_unstable();
        packs.dedup();
        packs
    }
}
