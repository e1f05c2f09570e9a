//! Components from JavaScript: modules that stand for the world around the program,
//! and our runtime with the imports and exports of that world.

use wb_manifest::RelPath;

use super::{BARE_NODE_MODULES, BUNDLE, MAP, PACK, SPLICED, bundling, bytecode, esbuild, output};
use crate::component::{ENTRY_MODULE, check_script};
use crate::diagnose::{SOURCE_ROOT, WORLD_MODULES};
use crate::error::Error;
use crate::lane::component::Weave;
use crate::lane::{Component, layout};
use crate::plan::Plan;
use crate::step::{Input, Part, Source, SourceTree};
use crate::toolchain::Lock;

pub(super) fn build(
    plan: &mut Plan,
    source: &SourceTree,
    entry: &RelPath,
    contract: &Component,
    lock: &Lock,
) -> Result<(), Error> {
    let weave = Weave::plan(contract)?;
    check_script(weave.read()).map_err(layout)?;
    let modules = weave.read().script_modules();
    let names = std::iter::once(ENTRY_MODULE).chain(modules.files.keys().map(String::as_str));
    let files: Vec<String> = names.map(|name| format!("/o/{name}")).collect();
    let program = format!("{SOURCE_ROOT}/{entry}");
    let part = Part::Modules { program };
    let step = plan.push(weave.step("write the modules of the world", part, Vec::new(), &files));

    let mut inputs = vec![Input::new(SOURCE_ROOT, Source::Tree(source.clone()))];
    inputs.extend(files.iter().map(|file| {
        let name = file.trim_start_matches("/o/");
        output(&format!("{WORLD_MODULES}/{name}"), step, file)
    }));
    let mut argv = esbuild(&format!("{WORLD_MODULES}/{ENTRY_MODULE}"));
    argv.extend(["--external:node:*", "--external:wit:*"].map(str::to_owned));
    argv.extend(BARE_NODE_MODULES.map(|name| format!("--alias:{name}=node:{name}")));
    for (name, file) in &modules.aliases {
        argv.push(format!("--alias:{name}={WORLD_MODULES}/{file}"));
    }
    let bundle = bundling(plan, entry, argv, inputs, lock)?;
    let inputs = vec![
        output("/i/bundle.js", bundle, BUNDLE),
        output("/i/bundle.js.map", bundle, MAP),
    ];
    let pack = bytecode(plan, "/i", "bundle.js", inputs, lock)?;
    let runtime = Input::new(
        "/i/component.wasm",
        Source::Pack(lock.member("jsrt", "component.wasm")?),
    );
    let inputs = vec![runtime, output("/i/main.pack", pack, PACK)];
    let outputs = [SPLICED.to_owned()];
    let core = plan.push(weave.step("join with the runtime", Part::Join, inputs, &outputs));
    weave.encode(plan, contract, core, SPLICED);
    Ok(())
}
