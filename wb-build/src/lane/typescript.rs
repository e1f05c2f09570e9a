//! The TypeScript lane: the JavaScript lane, because esbuild strips types, and
//! on request a strict type check beside it.

use wb_manifest::{Lang, Tree};

use super::{Options, javascript, limits};
use crate::diagnose::SOURCE_ROOT;
use crate::error::Error;
use crate::plan::Plan;
use crate::step::{Dialect, Input, Run, Source, SourceTree, Step, Work};
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
        // Nothing reads its output: it runs beside the bundling, and the plan
        // fails if it does.
        plan.push(Step {
            label: format!("check types of {entry}"),
            file: Some(entry.clone()),
            work: Work::Run(Box::new(Run {
                tool: lock.member("tsc", "tsc.wasm")?,
                argv: vec!["tsc".to_owned(), format!("{SOURCE_ROOT}/{entry}")],
                env: Vec::new(),
                limits: limits::COMPILE,
                dialect: Dialect::Tsc,
            })),
            inputs: vec![
                Input::new("/lib", Source::Pack(lock.member("typescript", "lib.tar")?)),
                Input::new(SOURCE_ROOT, Source::Tree(source.clone())),
            ],
            outputs: Vec::new(),
        });
    }
    javascript::artifact(&mut plan, &source, &entry, &options.contract, lock)?;
    Ok(plan)
}
