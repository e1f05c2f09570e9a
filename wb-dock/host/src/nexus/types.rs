//! The worlds of a toolkit's components, as types for its programs.

use wb_build::Naming;
use wb_build::lane::Contract;
use wb_manifest::{BuildSrc, CommandName, RelDir, ToolkitId, Tree};

use super::Nexus;
use super::build::{failed, units};
use crate::error::{Error, ErrorKind};
use crate::toolkits::Toolkits;

/// The types of a component's world, for TypeScript.
#[derive(Clone, Debug)]
pub struct Types {
    /// The component.
    pub name: CommandName,
    /// Its world.
    pub world: String,
    /// The folder of its sources, if it is built from one.
    pub source: Option<RelDir>,
    /// The declarations.
    pub text: String,
}

impl Nexus {
    /// The types of the components that the manifest of `id` declares, or only of `which`.
    ///
    /// # Errors
    ///
    /// As [`Nexus::build`] before anything is compiled;
    /// [`ErrorKind::NoComponent`].
    pub fn types(
        &self,
        toolkits: &Toolkits,
        id: &ToolkitId,
        which: Option<&str>,
    ) -> Result<Vec<Types>, Error> {
        let tree = toolkits.tree(id)?;
        let mut types = Vec::new();
        for unit in units(id, &tree, which)? {
            let Contract::Component(contract) = Contract::declared(&unit.manifest, &tree) else {
                continue;
            };
            let source = match unit.source {
                BuildSrc::Path(dir) => Some(dir),
                _ => None,
            };
            let naming = source.as_ref().map_or_else(Naming::default, Naming::below);
            let text = contract
                .declarations()
                .map_err(|error| failed(error.named(&naming), &Tree::new(), &naming))?;
            types.push(Types {
                name: unit.name,
                world: contract.world,
                source,
                text,
            });
        }
        if types.is_empty() {
            let id = id.to_string();
            return Err(ErrorKind::NoComponent { id }.into());
        }
        Ok(types)
    }
}
