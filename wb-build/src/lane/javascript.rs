//! The JavaScript lane: esbuild bundles, `jsc` compiles to bytecode, and the
//! bytecode is spliced into a copy of the runtime.
//!
//! Packages come from `node_modules` inside the tree: the host puts them there
//! from a committed lock file before planning (see [`crate::npm`]).

mod component;

use wb_manifest::{Lang, RelPath, Tree};

use super::{Contract, layout, limits, scan};
use crate::diagnose::{Diagnostic, SOURCE_ROOT};
use crate::error::Error;
use crate::plan::{ARTIFACT, Plan, Product};
use crate::step::{Dialect, Input, Run, Source, SourceTree, Step, Work};
use crate::toolchain::Lock;

/// Raised whenever the same source would give another plan.
const VERSION: &str = "js/1";

/// Files that can be the program, the first that exists.
const ENTRIES: [&str; 2] = ["index.js", "index.mjs"];

/// Modules the runtime itself offers; `jsc` checks the names taken from them.
const RUNTIME_MODULES: [&str; 3] = ["wb", "wb/*", "node:*"];

/// Node's modules that the runtime has, as older packages spell them.
const BARE_NODE_MODULES: [&str; 4] = ["fs", "path", "process", "util"];

/// What differs between one program's bundling and another's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bundle<'a> {
    /// Further arguments for esbuild.
    pub extra: &'a [&'a str],
    /// The name of the product.
    pub product: &'a str,
}

impl Default for Bundle<'_> {
    fn default() -> Self {
        Self {
            extra: &[],
            product: ARTIFACT,
        }
    }
}

const SPLICED: &str = "/o/main.wasm";
const BUNDLE: &str = "/o/bundle.js";
const MAP: &str = "/o/bundle.js.map";
const PACK: &str = "/o/main.pack";

pub(super) fn plan(tree: Tree, contract: &Contract, lock: &Lock) -> Result<Plan, Error> {
    let entry = entry(&tree, &ENTRIES, &["js", "mjs"], "JavaScript")?;
    let mut plan = super::c::empty(VERSION, Some(Lang::Js), tree.digest());
    let source = SourceTree::new(tree);
    artifact(&mut plan, &source, &entry, contract, lock)?;
    Ok(plan)
}

/// Adds the steps from a module graph to the artifact of a toolkit.
pub(super) fn artifact(
    plan: &mut Plan,
    source: &SourceTree,
    entry: &RelPath,
    contract: &Contract,
    lock: &Lock,
) -> Result<(), Error> {
    match contract {
        Contract::Component(contract) => component::build(plan, source, entry, contract, lock),
        Contract::Command | Contract::Kernel { .. } => {
            build(plan, source, entry, &Bundle::default(), lock)
        }
    }
}

/// The program's entry: one of the usual names, else the only source there is.
pub(super) fn entry(
    tree: &Tree,
    names: &[&str],
    extensions: &[&str],
    language: &str,
) -> Result<RelPath, Error> {
    let top: Vec<_> = tree
        .iter()
        .map(|(path, _)| path)
        .filter(|path| {
            // Declarations are no program.
            let is_source = path.extension().is_some_and(|e| extensions.contains(&e))
                && !path.as_str().ends_with(".d.ts");
            path.parent().is_root() && is_source
        })
        .collect();
    let usual = names
        .iter()
        .find_map(|name| top.iter().find(|path| path.as_str() == *name));
    let path = match (usual, &top[..]) {
        (Some(path), _) | (None, [path]) => (*path).clone(),
        (None, found) => {
            let usual = names[0];
            let message = if found.is_empty() {
                format!("no {language} source in the source folder, expected `{usual}`")
            } else {
                format!(
                    "several {language} files and none is `{usual}`, expected that as the entry"
                )
            };
            return Err(layout(Diagnostic::error(message)));
        }
    };
    let bytes = tree
        .get(path.as_str())
        .expect("the entry was found in the tree");
    if bytes.trim_ascii().is_empty() {
        return Err(layout(Diagnostic::error("the source is empty").at(
            path.as_str(),
            1,
            1,
        )));
    }
    let sources = tree.iter().filter(|(p, _)| {
        p.extension().is_some_and(|e| extensions.contains(&e))
            && !p.as_str().starts_with("node_modules/")
    });
    for (path, bytes) in sources {
        if let Some(found) = scan::check_utf8(path, bytes, language) {
            return Err(layout(found));
        }
    }
    Ok(path)
}

/// Adds the steps from a module graph to the artifact.
pub(crate) fn build(
    plan: &mut Plan,
    source: &SourceTree,
    entry: &RelPath,
    options: &Bundle<'_>,
    lock: &Lock,
) -> Result<(), Error> {
    let bundle = bundle(plan, source, entry, options, lock)?;
    let inputs = vec![
        output("/i/bundle.js", bundle, BUNDLE),
        output("/i/bundle.js.map", bundle, MAP),
    ];
    finish(plan, "/i", "bundle.js", inputs, options.product, lock)
}

/// Adds the steps from one module, `entry` in the mounted `root`, to the artifact.
pub(crate) fn finish(
    plan: &mut Plan,
    root: &str,
    entry: &str,
    inputs: Vec<Input>,
    product: &str,
    lock: &Lock,
) -> Result<(), Error> {
    let pack = bytecode(plan, root, entry, inputs, lock)?;
    let main = plan.push(Step {
        label: "join with the runtime".to_owned(),
        file: None,
        work: Work::Splice,
        inputs: vec![
            Input::new(
                "/i/jsrt.wasm",
                Source::Pack(lock.member("jsrt", "jsrt.wasm")?),
            ),
            output("/i/main.pack", pack, PACK),
        ],
        outputs: vec![SPLICED.to_owned()],
    });
    plan.products.push(Product {
        name: product.to_owned(),
        step: main,
        output: SPLICED.to_owned(),
    });
    Ok(())
}

/// Adds the compilation of one module, which leaves [`PACK`].
fn bytecode(
    plan: &mut Plan,
    root: &str,
    entry: &str,
    inputs: Vec<Input>,
    lock: &Lock,
) -> Result<usize, Error> {
    Ok(plan.push(Step {
        label: "compile to bytecode".to_owned(),
        file: None,
        work: Work::Run(Box::new(Run {
            tool: lock.member("jsc", "jsc.wasm")?,
            argv: ["jsc", "--maps", "--root", root, "-o", PACK, entry]
                .map(str::to_owned)
                .to_vec(),
            env: Vec::new(),
            limits: limits::COMPILE,
            dialect: Dialect::Jsc,
        })),
        inputs,
        outputs: vec![PACK.to_owned()],
    }))
}

fn output(at: &str, step: usize, output: &str) -> Input {
    Input::new(
        at,
        Source::Step {
            step,
            output: output.to_owned(),
        },
    )
}

fn bundle(
    plan: &mut Plan,
    source: &SourceTree,
    entry: &RelPath,
    options: &Bundle<'_>,
    lock: &Lock,
) -> Result<usize, Error> {
    let mut argv = esbuild(&format!("{SOURCE_ROOT}/{entry}"));
    argv.extend(RUNTIME_MODULES.map(|name| format!("--external:{name}")));
    argv.extend(BARE_NODE_MODULES.map(|name| format!("--alias:{name}=node:{name}")));
    argv.extend(options.extra.iter().map(ToString::to_string));
    let inputs = vec![Input::new(SOURCE_ROOT, Source::Tree(source.clone()))];
    bundling(plan, entry, argv, inputs, lock)
}

/// How every program is bundled, from the module at a guest path.
fn esbuild(entry: &str) -> Vec<String> {
    let mut argv: Vec<String> = vec!["esbuild".to_owned(), entry.to_owned()];
    argv.extend(
        [
            "--bundle",
            "--format=esm",
            "--platform=neutral",
            "--main-fields=browser,module,main",
            // Packages that know browsers bring code that needs nothing of Node.
            "--conditions=wb,browser,worker,module",
            // What the engine understands; esbuild lowers the rest or refuses it.
            "--target=es2024",
            "--charset=utf8",
            "--legal-comments=none",
            "--sourcemap=external",
            "--sources-content=false",
            "--define:process.env.NODE_ENV=\"production\"",
            "--log-level=warning",
            "--log-limit=50",
            "--color=false",
        ]
        .map(str::to_owned),
    );
    argv
}

/// Adds a run of esbuild, which leaves [`BUNDLE`] and [`MAP`].
fn bundling(
    plan: &mut Plan,
    entry: &RelPath,
    mut argv: Vec<String>,
    inputs: Vec<Input>,
    lock: &Lock,
) -> Result<usize, Error> {
    argv.push(format!("--outfile={BUNDLE}"));
    Ok(plan.push(Step {
        label: format!("bundle {entry}"),
        file: Some(entry.clone()),
        work: Work::Run(Box::new(Run {
            tool: lock.member("esbuild", "esbuild.wasm")?,
            argv,
            // One collection less at start; a bundle fits in memory many times over.
            env: Vec::new(),
            limits: limits::COMPILE,
            dialect: Dialect::Esbuild,
        })),
        inputs,
        outputs: vec![BUNDLE.to_owned(), MAP.to_owned()],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &'static [u8])]) -> Tree {
        files
            .iter()
            .map(|&(path, text)| (path.parse().unwrap(), text.into()))
            .collect()
    }

    fn fault(files: &[(&str, &'static [u8])]) -> String {
        let lock = Lock::pinned();
        plan(tree(files), &Contract::Command, &lock)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_entry_is_index_or_the_only_source() {
        let entry_of = |files| entry(&tree(files), &ENTRIES, &["js", "mjs"], "JavaScript");
        let both: &[(&str, &[u8])] = &[("index.js", b"1"), ("other.js", b"2")];
        assert_eq!(entry_of(both).unwrap().as_str(), "index.js");
        assert_eq!(
            entry_of(&[("slug.js", b"1"), ("lib/x.js", b"2")])
                .unwrap()
                .as_str(),
            "slug.js"
        );
    }

    #[test]
    fn faults_of_the_layout_say_what_was_expected() {
        assert_eq!(
            fault(&[("readme.md", b"x")]),
            "error: no JavaScript source in the source folder, expected `index.js`"
        );
        assert!(fault(&[("a.js", b"1"), ("b.js", b"2")]).contains("several JavaScript files"));
        assert_eq!(
            fault(&[("index.js", b"\n")]),
            "index.js:1:1: error: the source is empty"
        );
        assert_eq!(
            fault(&[("index.js", b"'\xc3('")]),
            "index.js:1:2: error: byte 0xc3 is not UTF-8, which JavaScript source has to be"
        );
    }
}
