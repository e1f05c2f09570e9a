//! The compilers, provisioned as a user would have them, and what they make of a toolkit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wb_build::lane::{self, Options};
use wb_build::toolchain::Lock;
use wb_build::{Builder, DockSandbox, Tools as _};
use wb_dock::{ArgMode, Commands, Engine, Grant, Program, Resolved};
use wb_host::toolchain::{Quiet, Toolchains};
use wb_host::{Home, TreeLimits, tree};
use wb_manifest::{BuildSrc, Lang, Tree, read};
use wb_policy::{CapSet, Trust};

pub(crate) fn fixtures(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../../fixtures").join(path)
}

fn home() -> &'static Home {
    static HOME: OnceLock<Home> = OnceLock::new();
    HOME.get_or_init(|| {
        let given = std::env::var_os("WB_TEST_HOME").map(PathBuf::from);
        // <target>/tmp is where cargo lets integration tests write.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        Home::at(given.unwrap_or_else(|| target.with_file_name("wb-test-home")))
    })
}

/// The engine of compilers, guests and built-ins.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let builder = Engine::builder().code_cache(home().code());
        builder.build().expect("the machine runs wasm")
    })
}

fn toolchains() -> Toolchains {
    Toolchains::new(home(), engine())
}

/// A command that was built, and what it declares.
pub(crate) struct Built {
    pub(crate) caps: CapSet,
    pub(crate) trust: Trust,
    pub(crate) program: Program,
}

/// Builds the toolkit `id` from what its manifest names as its source.
pub(crate) fn build(id: &str) -> Built {
    let dir = fixtures("toolkits").join(id);
    let tree = tree::read(&dir, TreeLimits::default()).unwrap();
    let reading = read(tree.get("manifest.org").unwrap());
    let manifest = reading.manifest();
    let Some(BuildSrc::Path(source)) = manifest.build_src.as_ref().map(|src| &src.value) else {
        panic!("`{id}` is built from a folder");
    };
    Built {
        caps: manifest.cap_set(),
        trust: manifest.trust(),
        program: compile(manifest.lang().unwrap(), tree.under(source)),
    }
}

/// Builds and loads a source tree, of which the compilers must have nothing to say.
pub(crate) fn compile(lang: Lang, source: Tree) -> Program {
    let plan = lane::plan(lang, source, &Options::default(), &Lock::pinned()).unwrap();
    let toolchains = toolchains();
    toolchains.install(&plan.packs(), &Quiet).unwrap();
    let sandbox = DockSandbox::new(toolchains.tools());
    let built = Builder::new(&sandbox, &toolchains.cache()).run(&plan);
    let built = built.unwrap_or_else(|error| panic!("{error}\n{:#?}", error.diagnostics()));
    let said: Vec<String> = built.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(said, [""; 0]);
    engine().load(&built.artifact().unwrap().wasm).unwrap()
}

/// The commands that come with the toolchains, by name.
pub(crate) struct BuiltIns(BTreeMap<&'static str, Program>);

impl BuiltIns {
    pub(crate) fn new() -> Self {
        let (lock, toolchains) = (Lock::pinned(), toolchains());
        let names = ["jq", "upper", "wbox"];
        let load = |name: &'static str| {
            let member = format!("{name}.wasm");
            let pack = lock
                .all()
                .find(|pack| lock.member(pack.name(), &member).is_ok());
            let pack = pack.expect("the lock pins every built-in").name();
            toolchains.install(&[pack], &Quiet).unwrap();
            let tool = lock.member(pack, &member).unwrap();
            (name, toolchains.tools().program(&tool).unwrap())
        };
        Self(names.into_iter().map(load).collect())
    }
}

impl Commands for BuiltIns {
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String> {
        let program = self.0.get(name);
        Ok(program.map(|program| Resolved {
            code: program.clone().into(),
            grant: Grant::none(),
            arg_mode: ArgMode::Argv,
        }))
    }
}
