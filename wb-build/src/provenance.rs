//! How an artifact came about: stored beside it, so that anybody can repeat it.

use std::collections::BTreeMap;

use wb_manifest::Digest;

use crate::plan::Plan;
use crate::step::{Source, ToolRef, Work};

/// The version of the stored form.
const FORMAT: u32 = 1;

/// The account of a build: what went in and what was done to it.
///
/// It holds nothing of the machine, the user or the day, so the same build has
/// the same provenance everywhere.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    /// Version of this form: 1.
    pub format: u32,
    /// Name and version of the lane.
    pub lane: String,
    /// Version of `wb-build`.
    pub builder: String,
    /// Digest of the source tree, dependencies included.
    pub source: Digest,
    /// Every tool, library and runtime used, with its digest.
    pub tools: BTreeMap<String, Digest>,
    /// What was run, in the order of the plan.
    pub commands: Vec<Command>,
}

/// One run of a tool.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Command {
    /// What it was for.
    pub label: String,
    /// The tool; one of [`Provenance::tools`], or what the host did.
    pub tool: String,
    /// Its arguments, the first being its name.
    pub argv: Vec<String>,
}

impl Provenance {
    /// The account of a plan; it says everything before anything has run.
    pub fn of(plan: &Plan) -> Self {
        let mut tools = BTreeMap::new();
        let mut commands = Vec::new();
        let name = |tool: &ToolRef| format!("{}:{}", tool.pack, tool.member);
        for step in &plan.steps {
            for input in &step.inputs {
                if let Source::Pack(tool) = &input.source {
                    tools.insert(name(tool), tool.digest);
                }
            }
            commands.push(match &step.work {
                Work::Run(run) => {
                    tools.insert(name(&run.tool), run.tool.digest);
                    Command {
                        label: step.label.clone(),
                        tool: name(&run.tool),
                        argv: run.argv.clone(),
                    }
                }
                Work::Splice => Command {
                    label: step.label.clone(),
                    tool: "splice".to_owned(),
                    argv: Vec::new(),
                },
                Work::Component { world, part } => Command {
                    label: step.label.clone(),
                    tool: part.name().to_owned(),
                    argv: vec![world.clone()],
                },
            });
        }
        Self {
            format: FORMAT,
            lane: plan.lane.clone(),
            builder: env!("CARGO_PKG_VERSION").to_owned(),
            source: plan.source,
            tools,
            commands,
        }
    }

    /// The stored form: JSON with a line for each field, ended by a newline.
    ///
    /// # Panics
    ///
    /// Never: text, numbers and lists of them always have a JSON form.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self)
            .expect("maps with text keys and plain fields always serialize");
        text.push('\n');
        text
    }
}
