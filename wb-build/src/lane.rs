//! Lanes: how one language becomes wasm, as functions from a source tree to a plan.
//!
//! A lane runs nothing and knows nothing of the machine. Its version is part of
//! the provenance and rises whenever its plan for the same source changes.

pub(crate) mod c;
mod component;
mod contract;
pub(crate) mod javascript;
mod scan;
mod typescript;

use wb_manifest::{Lang, Tree};

use crate::diagnose::Diagnostic;
use crate::error::{Error, ErrorKind};
use crate::plan::Plan;
use crate::toolchain::Lock;

pub use contract::{Component, Contract};

/// Where lanes mount objects for the linker.
pub(crate) const OBJECT_ROOT: &str = "/i/";

/// What a build is asked for beside the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What is made of it.
    pub contract: Contract,
    /// Check types strictly before building (TypeScript only).
    pub check_types: bool,
}

/// Plans the build of `tree`, the folder that `#+BUILD_SRC: path:` names.
///
/// A run of a compiler may use 2 GiB of memory, five minutes and 4 MiB of output.
///
/// # Errors
///
/// [`ErrorKind::Layout`] if the tree has no entry file, or one that cannot be
/// compiled as it is, and for WIT with a fault; [`ErrorKind::Unsupported`] for a
/// language without a lane, and for a kernel in another than C and C++;
/// [`ErrorKind::UnknownPack`] and [`ErrorKind::Lock`] if `lock` lacks a tool of the lane.
///
/// # Examples
///
/// ```
/// use wb_build::lane::{self, Options};
/// use wb_build::toolchain::Lock;
/// use wb_manifest::Lang;
///
/// let tree = lane::inline_tree(Lang::C, "int main(void) { return 0; }")?;
/// let plan = lane::plan(Lang::C, tree, &Options::default(), &Lock::pinned())?;
/// assert_eq!(plan.products[0].name, wb_build::ARTIFACT);
/// println!("{}", plan.render()); // tools, arguments and inputs of every step
/// # Ok::<(), wb_build::Error>(())
/// ```
pub fn plan(lang: Lang, tree: Tree, options: &Options, lock: &Lock) -> Result<Plan, Error> {
    if matches!(options.contract, Contract::Kernel { .. }) && !matches!(lang, Lang::C | Lang::Cpp) {
        return Err(ErrorKind::Unsupported {
            what: format!("a kernel in language `{lang}`"),
            reason: "this version builds kernels in c and c++".to_owned(),
        }
        .into());
    }
    match lang {
        Lang::C | Lang::Cpp => c::plan(lang, &tree, &options.contract, lock),
        Lang::Js => javascript::plan(tree, &options.contract, lock),
        Lang::Ts => typescript::plan(tree, options, lock),
        other => Err(ErrorKind::Unsupported {
            what: format!("language `{other}`"),
            reason: "this version builds c, c++, js and ts".to_owned(),
        }
        .into()),
    }
}

/// Where the source of an inline build belongs, so that it is the same tree as
/// the toolkit it may be promoted to.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] for a language without a lane.
pub fn entry_file(lang: Lang) -> Result<&'static str, Error> {
    match lang {
        Lang::C => Ok("main.c"),
        Lang::Cpp => Ok("main.cpp"),
        Lang::Js => Ok("index.js"),
        Lang::Ts => Ok("index.ts"),
        other => Err(ErrorKind::Unsupported {
            what: format!("language `{other}`"),
            reason: "this version builds c, c++, js and ts".to_owned(),
        }
        .into()),
    }
}

/// The tree of an inline build: the one source at its lane's entry path.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] for a language without a lane, and
/// [`ErrorKind::Layout`] for a source that holds nothing.
///
/// # Examples
///
/// ```
/// use wb_build::lane::inline_tree;
/// use wb_manifest::Lang;
///
/// let tree = inline_tree(Lang::Js, "console.log(1)")?;
/// assert!(tree.contains("index.js"));
/// assert!(inline_tree(Lang::Js, " \n").is_err());
/// # Ok::<(), wb_build::Error>(())
/// ```
pub fn inline_tree(lang: Lang, source: impl Into<bytes::Bytes>) -> Result<Tree, Error> {
    let file = entry_file(lang)?;
    let source = source.into();
    if source.trim_ascii().is_empty() {
        return Err(layout(
            Diagnostic::error("the source is empty").at(file, 1, 1),
        ));
    }
    let mut tree = Tree::new();
    let file = file
        .parse()
        .map_err(|e| layout(Diagnostic::error(format!("{e}"))))?;
    tree.insert(file, source);
    Ok(tree)
}

pub(crate) fn layout(diagnostic: Diagnostic) -> Error {
    ErrorKind::Layout {
        diagnostics: vec![diagnostic],
    }
    .into()
}

/// What compilers may use at most.
pub(crate) mod limits {
    use std::time::Duration;

    use wb_policy::Limits;

    const GIB: u64 = 1024 * Limits::MIB;

    /// One run of a compiler. A template-heavy C++ unit takes some 500 MiB; a
    /// whole database engine in one unit at -O2 takes 40 s.
    pub(crate) const COMPILE: Limits = Limits {
        memory: 2 * GIB,
        wall: Duration::from_mins(5),
        fuel: None,
        output: 4 * Limits::MIB,
        host_calls: u64::MAX,
        egress: 0,
        children: 0,
    };
}
