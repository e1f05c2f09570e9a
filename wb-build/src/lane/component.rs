//! The steps that every language's components have in common.

use wb_manifest::Tree;

use super::{Component, layout};
use crate::component::{World, sources};
use crate::diagnose::WIT_ROOT;
use crate::error::Error;
use crate::plan::{ARTIFACT, Plan, Product};
use crate::step::{Input, Part, Source, SourceTree, Step, Work};

pub(crate) use crate::component::c_stem;

const ENCODED: &str = "/o/component.wasm";

/// A world that was found fit to build a component for.
pub(crate) struct Weave {
    name: String,
    world: World,
    wit: SourceTree,
}

impl Weave {
    /// Reads the world of a contract, so that what is wrong with it is told before
    /// anything is compiled.
    pub(crate) fn plan(contract: &Component) -> Result<Self, Error> {
        let files: Tree = sources(&contract.wit);
        let world = World::read(&files, &contract.world).map_err(layout)?;
        world.check(&contract.entry).map_err(layout)?;
        Ok(Self {
            name: contract.world.clone(),
            world,
            wit: SourceTree::new(files),
        })
    }

    /// The world's own name.
    pub(crate) fn world(&self) -> &str {
        self.world.name()
    }

    /// The world itself.
    pub(crate) fn read(&self) -> &World {
        &self.world
    }

    /// A step that the host does.
    pub(crate) fn step(
        &self,
        label: &str,
        part: Part,
        mut inputs: Vec<Input>,
        outputs: &[String],
    ) -> Step {
        inputs.push(Input::new(WIT_ROOT, Source::Tree(self.wit.clone())));
        Step {
            label: label.to_owned(),
            file: None,
            work: Work::Component {
                world: self.name.clone(),
                part,
            },
            inputs,
            outputs: outputs.to_vec(),
        }
    }

    /// Adds the last step: the output `core` of a step becomes the artifact.
    pub(crate) fn encode(&self, plan: &mut Plan, contract: &Component, step: usize, core: &str) {
        let caps = contract.caps;
        let core = Input::new(
            "/i/core.wasm",
            Source::Step {
                step,
                output: core.to_owned(),
            },
        );
        let label = format!("encode for the world {}", self.world());
        let outputs = [ENCODED.to_owned()];
        let step = plan.push(self.step(&label, Part::Encode { caps }, vec![core], &outputs));
        plan.products.push(Product {
            name: ARTIFACT.to_owned(),
            step,
            output: ENCODED.to_owned(),
        });
    }
}
