//! The media kernels of `fixtures/media`, built by the C lane and run as a graph.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "the pictures are files")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use wb_build::lane::{self, Contract, Options};
use wb_build::toolchain::Lock;
use wb_build::{Artifact, NoCache};
use wb_dock::{Grant, Graph, Kernel, Services};
use wb_manifest::{Lang, Tree};
use wb_policy::{Cap, CapSet, Profiles, Trust};

use crate::home::{engine, run, tree_of};

fn media() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/media")
}

fn picture(name: &str) -> Vec<u8> {
    std::fs::read(media().join("reference").join(name)).unwrap()
}

/// One kernel, with the header that all of them include.
fn build(name: &str) -> Artifact {
    let mut tree: Tree = tree_of(&media().join(name));
    let header = std::fs::read(media().join("include/picture.h")).unwrap();
    tree.insert("include/picture.h".parse().unwrap(), header);
    let options = Options {
        contract: Contract::Kernel {
            entry: "process".to_owned(),
        },
        ..Options::default()
    };
    let plan = lane::plan(Lang::C, tree, &options, &Lock::pinned()).unwrap();
    match run(&plan, &NoCache, 1) {
        Ok(built) => built.artifact().unwrap(),
        Err(error) => panic!("{error}\n{:#?}", error.diagnostics()),
    }
}

/// No built-in profile has `frames`; a deployer's may.
fn grant() -> Grant {
    let profile = "[profiles.media]\nextends = \"compute\"\nadd-caps = [\"frames\"]\n";
    let profiles = Profiles::from_toml(profile).unwrap();
    let profile = profiles.get("media").unwrap();
    Grant::decide(CapSet::of(Cap::Frames), Trust::FirstParty, profile, None).unwrap()
}

fn kernel(name: &str) -> Kernel {
    let program = engine().load(&build(name).wasm).unwrap();
    let imports = program
        .imports()
        .filter(|(module, _)| *module != "wb:frames");
    assert_eq!(imports.count(), 0, "{name}");
    program
        .admit_kernel("process", &grant(), &Services::default())
        .unwrap()
}

/// A chain of kernels with an arena for small pictures.
fn chain(names: &[&str]) -> Graph {
    let mut graph = Graph::builder().arena(1 << 20);
    for name in names {
        graph = graph.kernel(*name, &kernel(name));
    }
    for pair in names.windows(2) {
        graph = graph.edge(pair[0], pair[1]);
    }
    graph.build().unwrap()
}

#[test]
fn pictures_are_those_of_the_reference() {
    let blurred = chain(&["decode", "blur", "encode"]);
    let mut blurred = blurred.open().unwrap();
    assert!(blurred.run(&picture("in.ppm")).unwrap() == picture("blurred.ppm"));
    let whole = chain(&["decode", "blur", "resize", "encode"]);
    let mut instance = whole.open().unwrap();
    for _ in 0..20 {
        assert!(instance.run(&picture("in.ppm")).unwrap() == picture("out.ppm"));
    }
    let frames = vec![picture("in.ppm"); 20];
    let width = NonZeroUsize::new(2).unwrap();
    for made in whole.map(&frames, width, <[u8]>::to_vec) {
        assert!(made.unwrap() == picture("out.ppm"));
    }
}

#[test]
fn what_is_no_picture_is_the_error_of_the_kernel_that_finds_it() {
    let graph = chain(&["decode", "blur", "resize", "encode"]);
    let mut graph = graph.open().unwrap();
    let mut whole = picture("in.ppm");
    let cases: [(&[u8], i32); 4] = [
        (b"", -10),
        (b"P6\n1 1\n65535\n\0\0\0\0\0\0", -10),
        (b"P6 99999 1 255 ", -12),
        (&whole[..whole.len() - 1], -11),
    ];
    for (bytes, code) in cases {
        let error = graph.run(bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("kernel `decode` failed with {code}")
        );
    }
    whole.push(b'\n');
    assert!(graph.run(&whole).unwrap() == picture("out.ppm"));
}
