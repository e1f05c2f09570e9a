//! The TypeScript lane: the JavaScript lane, because esbuild strips types, and
//! on request a strict type check beside it.

use wb_manifest::{Lang, RelPath, Tree};

use super::component::Weave;
use super::{Contract, Options, javascript, limits};
use crate::component::{CHECK_MODULE, DECLARATIONS};
use crate::diagnose::{SOURCE_ROOT, WORLD_MODULES};
use crate::error::Error;
use crate::plan::Plan;
use crate::step::{Dialect, Input, Part, Run, Source, SourceTree, Step, Work};
use crate::toolchain::Lock;

/// Raised whenever the same source would give another plan.
const VERSION: &str = "ts/1";

/// Files that can be the program, the first that exists.
const ENTRIES: [&str; 3] = ["index.ts", "index.mts", "index.tsx"];

pub(super) fn plan(tree: Tree, options: &Options, lock: &Lock) -> Result<Plan, Error> {
    let entry = javascript::entry(&tree, &ENTRIES, &["ts", "mts", "tsx"], "TypeScript")?;
    let mut plan = super::c::empty(VERSION, Some(Lang::Ts), tree.digest());
    let source = SourceTree::new(tree);
    if options.check_types {
        check(&mut plan, &source, &entry, &options.contract, lock)?;
    }
    javascript::artifact(&mut plan, &source, &entry, &options.contract, lock)?;
    Ok(plan)
}

/// Adds the type check. Nothing reads its output: it runs beside the bundling, and the
/// plan fails if it does.
fn check(
    plan: &mut Plan,
    source: &SourceTree,
    entry: &RelPath,
    contract: &Contract,
    lock: &Lock,
) -> Result<(), Error> {
    let mut root = format!("{SOURCE_ROOT}/{entry}");
    let mut inputs = vec![
        Input::new("/lib", Source::Pack(lock.member("typescript", "lib.tar")?)),
        Input::new(SOURCE_ROOT, Source::Tree(source.clone())),
    ];
    if let Contract::Component(contract) = contract {
        let weave = Weave::plan(contract)?;
        let files = [DECLARATIONS, CHECK_MODULE].map(|name| format!("/o/{name}"));
        let part = Part::Declarations {
            program: std::mem::take(&mut root),
        };
        let label = "write the types of the world";
        let step = plan.push(weave.step(label, part, Vec::new(), &files));
        inputs.extend(
            [DECLARATIONS, CHECK_MODULE]
                .into_iter()
                .zip(files)
                .map(|(name, output)| {
                    Input::new(
                        format!("{WORLD_MODULES}/{name}"),
                        Source::Step { step, output },
                    )
                }),
        );
        root = format!("{WORLD_MODULES}/{CHECK_MODULE}");
    }
    plan.push(Step {
        label: format!("check types of {entry}"),
        file: Some(entry.clone()),
        work: Work::Run(Box::new(Run {
            tool: lock.member("tsc", "tsc.wasm")?,
            argv: vec!["tsc".to_owned(), root],
            env: Vec::new(),
            limits: limits::COMPILE,
            dialect: Dialect::Tsc,
        })),
        inputs,
        outputs: Vec::new(),
    });
    Ok(())
}
