//! Components from C: bindings to the world beside the sources, a module without
//! `main`, and that encoded.

use wb_manifest::{RelPath, Tree};

use super::{LINKED, Object, Options, Start, Target, UNIT, link, objects};
use crate::error::Error;
use crate::lane::component::{self, Weave};
use crate::lane::{Component, limits, scan};
use crate::plan::Plan;
use crate::step::{Dialect, Input, Part, Run, Source, Step, Work};
use crate::toolchain::Lock;

/// Where the bindings are mounted: programs include `<WORLD.h>`.
const BINDINGS: &str = "/b";

pub(super) fn build(
    plan: &mut Plan,
    tree: &Tree,
    units: &[RelPath],
    contract: &Component,
    cpp: bool,
    lock: &Lock,
) -> Result<(), Error> {
    let weave = Weave::plan(contract)?;
    let stem = component::c_stem(weave.world());
    let files = [format!("/o/{stem}.h"), format!("/o/{stem}.c")];
    let bindings = plan.push(weave.step("write the bindings", Part::Header, Vec::new(), &files));
    let mounted = |file: &str| {
        let name = file.rsplit('/').next().unwrap_or(file);
        let output = file.to_owned();
        Input::new(
            format!("{BINDINGS}/{name}"),
            Source::Step {
                step: bindings,
                output,
            },
        )
    };
    let options = Options {
        extra: vec![format!("-I{BINDINGS}")],
        inputs: vec![mounted(&files[0])],
        ..Options::default()
    };
    let mut all = objects(plan, tree, units, &options, lock)?;
    all.push(compile_bindings(
        plan,
        &stem,
        files.iter().map(|f| mounted(f)).collect(),
        lock,
    )?);
    let target = Target {
        start: Start::Reactor,
        ..Target::default()
    };
    let sjlj = scan::mentions(tree, "setjmp");
    let core = link(plan, &all, cpp, sjlj, &target, lock)?;
    weave.encode(plan, contract, core, LINKED);
    Ok(())
}

fn compile_bindings(
    plan: &mut Plan,
    stem: &str,
    bindings: Vec<Input>,
    lock: &Lock,
) -> Result<Object, Error> {
    let mut inputs = vec![Input::new(
        "/usr",
        Source::Pack(lock.member("clang", "sysroot-c.tar")?),
    )];
    inputs.extend(bindings);
    let source = format!("{BINDINGS}/{stem}.c");
    let argv = [
        "clang",
        "--target=wasm32-wasip1",
        "-O2",
        "-std=gnu17",
        // What the generator writes is not the user's to mend.
        "-w",
        "-c",
        &source,
        "-o",
        UNIT,
    ];
    let compiled = plan.push(Step {
        label: "compile the bindings".to_owned(),
        file: None,
        work: Work::Run(Box::new(Run {
            tool: lock.member("clang", "llvm.wasm")?,
            argv: argv.map(str::to_owned).to_vec(),
            env: vec![("SOURCE_DATE_EPOCH".to_owned(), "0".to_owned())],
            limits: limits::COMPILE,
            dialect: Dialect::Clang,
        })),
        inputs,
        outputs: vec![UNIT.to_owned()],
    });
    let path = format!("wit/{stem}.c")
        .parse()
        .expect("worlds have plain names");
    Ok(Object {
        path,
        step: compiled,
    })
}
