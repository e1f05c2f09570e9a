use serde::{Deserialize, Serialize};
use wb_manifest::{ArgMode, CommandName, Digest, Manifest, ToolkitId};
use wb_policy::{CapSet, Shape, Trust};

/// What a name stands for: an artifact and the whole contract it runs under.
///
/// Everything that decides about a run is kept together here, so a restart or
/// an installation elsewhere cannot lose a part of it. A resolved binding is a
/// value: a call that holds one finishes on its bytes whatever the name is
/// bound to meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The name it is called by.
    pub name: CommandName,
    /// The artifact.
    pub digest: Digest,
    /// How the artifact is invoked.
    pub shape: Shape,
    /// How arguments reach a command.
    #[serde(default)]
    pub arg_mode: ArgMode,
    /// The capabilities the manifest declares.
    #[serde(default)]
    pub caps: CapSet,
    /// Whose code it is.
    #[serde(default)]
    pub trust: Trust,
    /// The WIT world of a component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<String>,
    /// The export that a component or kernel is entered by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The toolkit it was built from; a session command has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolkit: Option<ToolkitId>,
    /// The record of how the artifact was made, in the same store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Digest>,
}

impl Binding {
    /// A first-party command with real arguments that needs no capability.
    pub const fn command(name: CommandName, digest: Digest) -> Self {
        Self {
            name,
            digest,
            shape: Shape::Command,
            arg_mode: ArgMode::Argv,
            caps: CapSet::EMPTY,
            trust: Trust::FirstParty,
            world: None,
            entry: None,
            toolkit: None,
            provenance: None,
        }
    }

    /// What `manifest` declares about the artifact `digest`, called `name`.
    ///
    /// `None` for a toolkit without an artifact of its own.
    pub fn declared(manifest: &Manifest, name: CommandName, digest: Digest) -> Option<Self> {
        let shape = manifest.shape().filter(|shape| shape.is_built())?;
        let typed = shape != Shape::Command;
        Some(Self {
            name,
            digest,
            shape,
            arg_mode: manifest.arg_mode(),
            caps: manifest.cap_set(),
            trust: manifest.trust(),
            world: (shape == Shape::Component).then(|| manifest.world().to_owned()),
            entry: typed.then(|| manifest.entry().to_owned()),
            toolkit: manifest.toolkit.as_ref().map(|id| id.value.clone()),
            provenance: None,
        })
    }

    /// The same binding as a part of the toolkit `id`.
    #[must_use]
    pub fn in_toolkit(self, id: &ToolkitId) -> Self {
        Self {
            toolkit: Some(id.clone()),
            ..self
        }
    }

    /// Everything in the store that the binding needs.
    pub fn artifacts(&self) -> impl Iterator<Item = Digest> + use<> {
        [Some(self.digest), self.provenance].into_iter().flatten()
    }
}
