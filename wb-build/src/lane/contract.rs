//! What a lane makes of a source: the build's side of `#+EXEC`.

use wb_manifest::{Manifest, RelDir, Tree};
use wb_policy::{CapSet, Shape};

/// The shape of the artifact, with what that shape needs to know at build time.
///
/// # Examples
///
/// ```
/// use wb_build::lane::Contract;
/// use wb_manifest::{Tree, read};
///
/// let reading = read(b"* A kernel :toolkit:\n#+EXEC: kernel\n");
/// let contract = Contract::declared(reading.manifest(), &Tree::new());
/// assert_eq!(contract, Contract::Kernel { entry: "process".to_owned() });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contract {
    /// A program of WASI preview 1: arguments and standard input to standard output.
    #[default]
    Command,
    /// A component of a WIT world.
    Component(Component),
    /// A module that turns bytes into bytes, see `wb_dock`'s kernels. The source
    /// defines `in_ptr`, `out_ptr` and the entry, and may define `in_cap` and
    /// `out_cap`; all of them with C linkage.
    Kernel {
        /// The export that is called for each frame.
        entry: String,
    },
}

/// The world that a component is built for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// `#+WIT`: the name of the world, alone (`engine`) or with its package
    /// (`workbooks:engine/engine`).
    pub world: String,
    /// `#+ENTRY`: the function that is called unless a caller names another.
    pub entry: String,
    /// The WIT of the toolkit, the files of its folder `wit`; packages that they use
    /// beside the Dock's and WASI's are in `deps`.
    pub wit: Tree,
    /// `#+CAPS`: what its imports may need.
    pub caps: CapSet,
}

impl Contract {
    /// What `manifest` declares; `toolkit` is the whole tree of its toolkit.
    ///
    /// A manifest of a shape that no lane builds gives the contract of a command.
    pub fn declared(manifest: &Manifest, toolkit: &Tree) -> Self {
        match manifest.shape() {
            Some(Shape::Component) => Self::Component(Component {
                world: manifest.world().to_owned(),
                entry: manifest.entry().to_owned(),
                wit: toolkit.under(&wit_folder()),
                caps: manifest.cap_set(),
            }),
            Some(Shape::Kernel) => Self::Kernel {
                entry: manifest.entry().to_owned(),
            },
            _ => Self::Command,
        }
    }
}

/// Where a toolkit keeps its WIT.
fn wit_folder() -> RelDir {
    "wit".parse().expect("the folder is a plain name")
}
