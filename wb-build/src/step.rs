//! One step of a build, as plain data.
//!
//! A step knows nothing of the machine: its hash says all that its result
//! depends on, and is the key of the cache.

use std::fmt;
use std::sync::Arc;

use wb_manifest::{Digest, Hasher, RelPath, Tree};
use wb_policy::{CapSet, Limits};

use crate::component;

/// A file of an installed toolchain pack, pinned by digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolRef {
    /// The pack.
    pub pack: String,
    /// The file in it.
    pub member: String,
    /// The digest of the file.
    pub digest: Digest,
}

/// `pack:member@` and the first digits of the digest.
impl fmt::Display for ToolRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}@{:.12}", self.pack, self.member, self.digest)
    }
}

/// A source tree together with its digest, shared by the steps that read it.
#[derive(Clone, Debug)]
pub struct SourceTree {
    files: Arc<Tree>,
    digest: Digest,
}

impl SourceTree {
    /// Hashes `files` once, for all steps.
    pub fn new(files: Tree) -> Self {
        let digest = files.digest();
        Self {
            files: Arc::new(files),
            digest,
        }
    }

    /// The files.
    pub fn files(&self) -> &Arc<Tree> {
        &self.files
    }

    /// The digest of the whole tree.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Where the bytes of an input come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Somebody's source, mounted as a read-only directory.
    Tree(SourceTree),
    /// A member of a toolchain pack: a directory if it is a tree, else a file.
    Pack(ToolRef),
    /// What an earlier step wrote, mounted as a file.
    Step {
        /// Index of that step in the plan.
        step: usize,
        /// One of its outputs.
        output: String,
    },
}

/// An input of a step, and the guest path where it appears.
#[derive(Clone, Debug)]
pub struct Input {
    /// Absolute path inside the sandbox.
    pub at: String,
    /// What appears there, read-only.
    pub source: Source,
}

impl Input {
    /// An input at a guest path.
    pub fn new(at: impl Into<String>, source: Source) -> Self {
        Self {
            at: at.into(),
            source,
        }
    }
}

/// Whose messages a tool writes; decides how they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// clang and clang++.
    Clang,
    /// wasm-ld.
    Lld,
    /// esbuild.
    Esbuild,
    /// Our JavaScript bytecode compiler.
    Jsc,
    /// The TypeScript checker.
    Tsc,
}

impl Dialect {
    const fn tag(self) -> &'static str {
        match self {
            Self::Clang => "clang",
            Self::Lld => "lld",
            Self::Esbuild => "esbuild",
            Self::Jsc => "jsc",
            Self::Tsc => "tsc",
        }
    }
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Work {
    /// Runs a tool, itself wasm, on the dock.
    Run(Box<Run>),
    /// Joins a bytecode pack to the JavaScript runtime by rewriting bytes; the
    /// first input is the runtime, the second the pack.
    Splice,
    /// A part of a component that the host makes by itself; the last input is the
    /// tree of WIT that holds the world.
    Component {
        /// The name of the world.
        world: String,
        /// The part.
        part: Part,
    },
}

/// What the host makes of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The bindings for C: header and source.
    Header,
    /// The modules for JavaScript: what the program imports, and the entry that
    /// exports from the program at this guest path.
    Modules {
        /// The path.
        program: String,
    },
    /// The types of the world, and a module that checks the program at this guest
    /// path against them.
    Declarations {
        /// The path.
        program: String,
    },
    /// The JavaScript runtime of the world with a pack; the inputs before the WIT
    /// are the runtime and the pack.
    Join,
    /// The component, encoded and held to these capabilities; the input before the
    /// WIT is the core module.
    Encode {
        /// What its imports may need.
        caps: CapSet,
    },
}

impl Part {
    /// What it is, in a word.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Header => "bindings",
            Self::Modules { .. } => "modules",
            Self::Declarations { .. } => "declarations",
            Self::Join => "join",
            Self::Encode { .. } => "encode",
        }
    }
}

/// The version of how packs and runtimes are joined; rises whenever the same two
/// would give other bytes.
const SPLICE: &str = "splice/1";

/// One run of a tool.
#[derive(Clone, Debug)]
pub struct Run {
    /// The tool.
    pub tool: ToolRef,
    /// Arguments, the first being the name the tool is called by.
    pub argv: Vec<String>,
    /// The whole environment, sorted by name.
    pub env: Vec<(String, String)>,
    /// What the run may use at most.
    pub limits: Limits,
    /// How its messages are read.
    pub dialect: Dialect,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does, for people: `compile src/main.c`.
    pub label: String,
    /// The one file of the source tree it is about; its label ends in the path.
    pub file: Option<RelPath>,
    /// What it does.
    pub work: Work,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// Guest paths of the files it must leave behind.
    pub outputs: Vec<String>,
}

impl Step {
    /// Steps whose outputs this one reads.
    pub fn needs(&self) -> impl Iterator<Item = usize> + '_ {
        self.inputs.iter().filter_map(|i| match i.source {
            Source::Step { step, .. } => Some(step),
            Source::Tree(_) | Source::Pack(_) => None,
        })
    }

    /// The cache key: a hash of all that the result depends on.
    ///
    /// `produced` gives the digest of an earlier step's output, so a step whose
    /// inputs came out the same keeps its key although their sources changed.
    /// The label is left out; limits are left out too, because a run that ends
    /// within them gives the same bytes under any.
    pub fn key(&self, produced: impl Fn(usize, &str) -> Digest) -> Digest {
        let mut key = KeyWriter::new("wb-step/1");
        match &self.work {
            Work::Run(run) => {
                key.text("run").digest(run.tool.digest);
                key.list(run.argv.iter().map(String::as_str));
                key.list(run.env.iter().flat_map(|(k, v)| [k.as_str(), v]));
                key.text(run.dialect.tag());
            }
            Work::Splice => {
                key.text(SPLICE);
            }
            Work::Component { world, part } => {
                key.text(component::VERSION).text(part.name()).text(world);
                match part {
                    Part::Modules { program } | Part::Declarations { program } => key.text(program),
                    Part::Encode { caps } => key.text(&caps.to_string()),
                    Part::Header | Part::Join => &mut key,
                };
            }
        }
        key.count(self.inputs.len());
        for input in &self.inputs {
            key.text(&input.at);
            match &input.source {
                Source::Tree(tree) => key.text("tree").digest(tree.digest()),
                Source::Pack(tool) => key.text("pack").digest(tool.digest),
                Source::Step { step, output } => key.text("step").digest(produced(*step, output)),
            };
        }
        key.list(self.outputs.iter().map(String::as_str));
        key.finish()
    }
}

/// Hashes fields so that no two lists of fields share an encoding.
struct KeyWriter(Hasher);

impl KeyWriter {
    fn new(version: &str) -> Self {
        let mut writer = Self(Digest::hasher());
        writer.text(version);
        writer
    }

    fn count(&mut self, n: usize) -> &mut Self {
        self.0.update(&(n as u64).to_le_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.count(text.len()).0.update(text.as_bytes());
        self
    }

    fn digest(&mut self, digest: Digest) -> &mut Self {
        self.0.update(digest.as_bytes());
        self
    }

    fn list<'a>(&mut self, items: impl Iterator<Item = &'a str>) {
        let items: Vec<_> = items.collect();
        self.count(items.len());
        for item in items {
            self.text(item);
        }
    }

    fn finish(self) -> Digest {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(argv: &[&str]) -> Step {
        Step {
            label: "a step".to_owned(),
            file: None,
            work: Work::Run(Box::new(Run {
                tool: ToolRef {
                    pack: "p".to_owned(),
                    member: "t.wasm".to_owned(),
                    digest: Digest::of(b"tool"),
                },
                argv: argv.iter().map(ToString::to_string).collect(),
                env: Vec::new(),
                limits: crate::lane::limits::COMPILE,
                dialect: Dialect::Clang,
            })),
            inputs: vec![Input::new(
                "/i/0.o",
                Source::Step {
                    step: 0,
                    output: "/o/0.o".to_owned(),
                },
            )],
            outputs: vec!["/o/out".to_owned()],
        }
    }

    #[test]
    fn arguments_that_join_to_the_same_text_have_different_keys() {
        let of = |argv: &[&str]| step(argv).key(|_, _| Digest::of(b""));
        assert_ne!(of(&["cc", "a b"]), of(&["cc", "a", "b"]));
        assert_ne!(of(&["cc", ""]), of(&["cc"]));
    }

    #[test]
    fn the_key_follows_the_bytes_of_an_input_and_not_its_origin() {
        let mut a = step(&["ld"]);
        let mut b = a.clone();
        a.label = "one".to_owned();
        b.label = "two".to_owned();
        b.inputs[0].source = Source::Step {
            step: 7,
            output: "/o/7.o".to_owned(),
        };
        let same = |_: usize, _: &str| Digest::of(b"object");
        assert_eq!(a.key(same), b.key(same));
        assert_ne!(a.key(same), a.key(|_, _| Digest::of(b"other")));
    }
}
