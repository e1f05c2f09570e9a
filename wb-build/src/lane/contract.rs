//! What a lane makes of a source: the build's side of `#+EXEC`.

use wb_manifest::{Manifest, RelDir, Tree};
use wb_policy::{CapSet, Shape};

use super::layout;
use crate::component::{World, check_script, sources};
use crate::error::Error;

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

impl Component {
    /// The contract of a component whose world and entry need not be named: the only
    /// world of its own package, else `engine`, and the only export, else `run`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layout`](crate::ErrorKind::Layout) for WIT with a fault, and for a
    /// world that is not there.
    pub fn chosen(
        wit: Tree,
        world: Option<&str>,
        entry: Option<&str>,
        caps: CapSet,
    ) -> Result<Self, Error> {
        let files = sources(&wit);
        let only_world = || World::only(&files).map_err(layout);
        let world = match world {
            Some(world) => Some(world.to_owned()),
            None => only_world()?,
        };
        let world = world.unwrap_or_else(|| "engine".to_owned());
        let only_export = || -> Result<_, Error> {
            Ok(World::read(&files, &world).map_err(layout)?.only_export())
        };
        let entry = match entry {
            Some(entry) => Some(entry.to_owned()),
            None => only_export()?,
        };
        let entry = entry.unwrap_or_else(|| "run".to_owned());
        Ok(Self {
            world,
            entry,
            wit,
            caps,
        })
    }

    /// The types of the world for programs in JavaScript and TypeScript: a declaration
    /// file with a module for each interface, and one of the world's own name whose
    /// functions the program exports.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layout`](crate::ErrorKind::Layout) for a world that is not there, or
    /// that no program in these languages can have.
    ///
    /// # Examples
    ///
    /// ```
    /// use wb_build::lane::Component;
    /// use wb_manifest::Tree;
    /// use wb_policy::CapSet;
    ///
    /// let text = "package my:greeter;\nworld greeter { export greet: func(name: string) -> string; }\n";
    /// let mut wit = Tree::new();
    /// wit.insert("greeter.wit".parse().unwrap(), text);
    /// let component = Component {
    ///     world: "greeter".to_owned(),
    ///     entry: "greet".to_owned(),
    ///     wit,
    ///     caps: CapSet::EMPTY,
    /// };
    /// let types = component.declarations()?;
    /// assert!(types.contains("declare module \"my:greeter/greeter\" {"));
    /// assert!(types.contains("export function greet(name: string): string | Promise<string>;"));
    /// # Ok::<(), wb_build::Error>(())
    /// ```
    pub fn declarations(&self) -> Result<String, Error> {
        let world = World::read(&sources(&self.wit), &self.world).map_err(layout)?;
        check_script(&world).map_err(layout)?;
        Ok(world.declarations())
    }
}

/// Where a toolkit keeps its WIT.
fn wit_folder() -> RelDir {
    "wit".parse().expect("the folder is a plain name")
}
