//! The kernels of the toolkit `media`, for the tests and the benchmark.
#![expect(clippy::disallowed_methods, reason = "the pictures are files")]

use std::path::{Path, PathBuf};

use wb_build::Artifact;
use wb_build::lane::{self, Contract, Options};
use wb_build::toolchain::Lock;
use wb_dock::{Grant, Kernel, Services};
use wb_manifest::{Lang, Tree};
use wb_policy::{Cap, CapSet, Profiles, Trust};

use crate::home::{engine, run, toolchains, tree_of};

pub(crate) fn media() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/toolkits/media")
}

pub(crate) fn picture(name: &str) -> Vec<u8> {
    std::fs::read(media().join("reference").join(name)).expect("a picture of the toolkit")
}

/// What the palette entry of this name declares.
fn declared(name: &str) -> (Contract, Tree) {
    let toolkit = tree_of(&media());
    let entries = wb_manifest::palette(&toolkit);
    let entry = entries.iter().find(|entry| entry.name.as_str() == name);
    let manifest = entry.expect("a kernel of the toolkit").reading.manifest();
    let source = toolkit.under(&"src".parse().expect("a folder"));
    (Contract::declared(manifest, &toolkit), source)
}

/// One kernel of the toolkit.
pub(crate) fn build(name: &str) -> Artifact {
    let (contract, source) = declared(name);
    let options = Options {
        contract,
        ..Options::default()
    };
    let plan = lane::plan(Lang::C, source, &options, &Lock::pinned());
    let plan = plan.expect("a kernel of the toolkit");
    // All kernels are of the same objects, so only the first is compiled.
    match run(&plan, &toolchains().cache(), 1) {
        Ok(built) => built.artifact().expect("a kernel of the toolkit"),
        Err(error) => panic!("{error}\n{:#?}", error.diagnostics()),
    }
}

/// No built-in profile has `frames`; a deployer's may.
fn grant() -> Grant {
    let profile = "[profiles.media]\nextends = \"compute\"\nadd-caps = [\"frames\"]\n";
    let profiles = Profiles::from_toml(profile).expect("a profile");
    let profile = profiles.get("media").expect("it is declared above");
    Grant::decide(CapSet::of(Cap::Frames), Trust::FirstParty, profile, None)
        .expect("first-party code needs no consent")
}

pub(crate) fn kernel(name: &str) -> Kernel {
    let (Contract::Kernel { entry }, _) = declared(name) else {
        panic!("`{name}` is a kernel")
    };
    let program = engine().load(&build(name).wasm).expect("a module");
    let imports = program
        .imports()
        .filter(|(module, _)| *module != "wb:frames");
    assert_eq!(imports.count(), 0, "{name}");
    program
        .admit_kernel(&entry, &grant(), &Services::default())
        .expect("it is a kernel")
}
