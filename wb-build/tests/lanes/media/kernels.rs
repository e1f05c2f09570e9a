//! The kernels of `fixtures/media`, for the tests and the benchmark.
#![expect(clippy::disallowed_methods, reason = "the pictures are files")]

use std::path::{Path, PathBuf};

use wb_build::lane::{self, Contract, Options};
use wb_build::toolchain::Lock;
use wb_build::{Artifact, NoCache};
use wb_dock::{Grant, Kernel, Services};
use wb_manifest::{Lang, Tree};
use wb_policy::{Cap, CapSet, Profiles, Trust};

use crate::home::{engine, run, tree_of};

pub(crate) fn media() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/media")
}

pub(crate) fn picture(name: &str) -> Vec<u8> {
    std::fs::read(media().join("reference").join(name)).expect("a kernel of the fixture")
}

/// One kernel, with the header that all of them include.
pub(crate) fn build(name: &str) -> Artifact {
    let mut tree: Tree = tree_of(&media().join(name));
    let header = std::fs::read(media().join("include/picture.h")).expect("a kernel of the fixture");
    tree.insert(
        "include/picture.h"
            .parse()
            .expect("a kernel of the fixture"),
        header,
    );
    let options = Options {
        contract: Contract::Kernel {
            entry: "process".to_owned(),
        },
        ..Options::default()
    };
    let plan =
        lane::plan(Lang::C, tree, &options, &Lock::pinned()).expect("a kernel of the fixture");
    match run(&plan, &NoCache, 1) {
        Ok(built) => built.artifact().expect("a kernel of the fixture"),
        Err(error) => panic!("{error}\n{:#?}", error.diagnostics()),
    }
}

/// No built-in profile has `frames`; a deployer's may.
fn grant() -> Grant {
    let profile = "[profiles.media]\nextends = \"compute\"\nadd-caps = [\"frames\"]\n";
    let profiles = Profiles::from_toml(profile).expect("a kernel of the fixture");
    let profile = profiles.get("media").expect("a kernel of the fixture");
    Grant::decide(CapSet::of(Cap::Frames), Trust::FirstParty, profile, None)
        .expect("a kernel of the fixture")
}

pub(crate) fn kernel(name: &str) -> Kernel {
    let program = engine()
        .load(&build(name).wasm)
        .expect("a kernel of the fixture");
    let imports = program
        .imports()
        .filter(|(module, _)| *module != "wb:frames");
    assert_eq!(imports.count(), 0, "{name}");
    program
        .admit_kernel("process", &grant(), &Services::default())
        .expect("a kernel of the fixture")
}
