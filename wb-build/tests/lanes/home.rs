//! A nexus with toolchains, shared by all tests and kept between test runs.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::OnceLock;

use wb_build::lane::{self, Options};
use wb_build::toolchain::Lock;
use wb_build::{Artifact, Builder, Built, DockSandbox, Error, NoCache, Plan, StepCache};
use wb_dock::{Engine, Grant, Invocation, Outcome, Services};
use wb_host::Home;
use wb_host::toolchain::{HostTools, Quiet, Toolchains};
use wb_manifest::{Lang, Tree};

/// The nexus: `WB_TEST_HOME`, else a folder of the target directory.
pub(crate) fn home() -> Home {
    static HOME: OnceLock<Home> = OnceLock::new();
    HOME.get_or_init(|| {
        let given = std::env::var_os("WB_TEST_HOME").map(PathBuf::from);
        // <target>/tmp is where cargo lets integration tests write.
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        Home::at(given.unwrap_or_else(|| target.with_file_name("wb-test-home")))
    })
    .clone()
}

pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        Engine::builder()
            .code_cache(home().code())
            .build()
            .expect("the machine runs wasm")
    })
}

pub(crate) fn toolchains() -> Toolchains {
    Toolchains::new(&home(), engine())
}

/// A sandbox with these packs installed.
pub(crate) fn sandbox(packs: &[&str]) -> DockSandbox<HostTools> {
    let toolchains = toolchains();
    toolchains
        .install(packs, &Quiet)
        .expect("the packs install");
    DockSandbox::new(toolchains.tools())
}

pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    files
        .iter()
        .map(|(path, text)| {
            (
                path.parse().expect("a relative path"),
                text.to_string().into(),
            )
        })
        .collect()
}

/// The files below a directory of the repository.
pub(crate) fn tree_of(dir: &std::path::Path) -> Tree {
    wb_host::tree::read(dir, wb_host::TreeLimits::default()).expect("the directory is readable")
}

pub(crate) fn plan(lang: Lang, tree: Tree) -> Result<Plan, Error> {
    lane::plan(lang, tree, &Options::default(), &Lock::pinned())
}

pub(crate) fn run(plan: &Plan, cache: &dyn StepCache, jobs: usize) -> Result<Built, Error> {
    let sandbox = sandbox(&plan.packs());
    Builder::new(&sandbox, cache)
        .jobs(NonZeroUsize::new(jobs).expect("at least one"))
        .run(plan)
}

/// Builds without a cache on two threads.
pub(crate) fn build(lang: Lang, files: &[(&str, &str)]) -> Result<Built, Error> {
    run(&plan(lang, tree(files))?, &NoCache, 2)
}

pub(crate) fn artifact(lang: Lang, files: &[(&str, &str)]) -> Artifact {
    match build(lang, files) {
        Ok(built) => built.artifact().expect("the plan makes an artifact"),
        Err(error) => panic!("{error}\n{:#?}", error.diagnostics()),
    }
}

/// Runs an artifact without any capability.
pub(crate) fn execute(artifact: &Artifact, args: &[&str], stdin: &str) -> Outcome {
    let command = engine()
        .load(&artifact.wasm)
        .and_then(|program| program.admit(&Grant::none(), &Services::default()))
        .expect("the artifact is a command");
    let invocation = Invocation::new("program")
        .args(args.iter().copied())
        .stdin(stdin.as_bytes().to_vec());
    command
        .run(invocation)
        .expect("the command runs to its end")
}

/// What a program prints.
pub(crate) fn output(lang: Lang, files: &[(&str, &str)], args: &[&str], stdin: &str) -> String {
    let outcome = execute(&artifact(lang, files), args, stdin);
    assert_eq!(
        String::from_utf8_lossy(&outcome.stderr),
        "",
        "nothing on standard error"
    );
    assert_eq!(outcome.exit_code, 0);
    String::from_utf8(outcome.stdout.to_vec()).expect("text on standard output")
}

/// The findings of a build that fails, a line each.
pub(crate) fn findings(lang: Lang, files: &[(&str, &str)]) -> Vec<String> {
    let error = build(lang, files).expect_err("the build fails");
    let findings = error.diagnostics();
    assert!(!findings.is_empty(), "{error}");
    findings.iter().map(ToString::to_string).collect()
}
