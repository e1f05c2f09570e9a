//! How our own packs are built from others: plans, as for anybody's source.

use wb_manifest::{Digest, RelPath, Tree};

use super::Lock;
use super::builtins::{builtins, upper};
use crate::error::{Error, ErrorKind};
use crate::guest;
use crate::lane::c::{self, LINKED, Object, Options, Start, Target};
use crate::lane::javascript::{self, Bundle};
use crate::lane::limits;
use crate::plan::{Plan, Product};
use crate::step::{Dialect, Input, Run, Source, SourceTree, Step, Work};

/// Where the prelude's modules are mounted.
const PRELUDE: &str = "/w";
const PRELUDE_PACK: &str = "/o/prelude.pack";

/// What a program can reach of the prelude; the rest comes by their imports.
const PRELUDE_ENTRIES: [&str; 24] = [
    "core.js",
    "inspect.js",
    "table.js",
    "url.js",
    "clone.js",
    "wb.js",
    "wb/session.js",
    "wb/commands.js",
    "wb/parallel.js",
    "wb/exec.js",
    "wb/vfs.js",
    "wb/kv.js",
    "wb/queue.js",
    "wb/secrets.js",
    "wb/net.js",
    "wb/browse.js",
    "wb/llm.js",
    "wb/tcp.js",
    "wb/tls.js",
    "wb/udp.js",
    "node/fs.js",
    "node/path.js",
    "node/process.js",
    "node/util.js",
];

/// Plans the build of a derived pack.
///
/// `sources` gives the files of a tree member of another pack.
///
/// # Errors
///
/// [`ErrorKind::UnknownPack`] if there is no recipe of this name, and what
/// `sources` answers.
pub fn recipe(
    name: &str,
    lock: &Lock,
    sources: impl Fn(&str, &str) -> Result<Tree, Error>,
) -> Result<Plan, Error> {
    match name {
        "jsc" => jsc(&js_tree(&sources("quickjs", "quickjs.tar")?), lock),
        "jsrt" => jsrt(&js_tree(&sources("quickjs", "quickjs.tar")?), lock),
        "tsc" => tsc(sources("typescript", "typescript.tar")?, lock),
        "builtins" => builtins(lock),
        "upper" => upper(lock),
        _ => Err(ErrorKind::UnknownPack {
            name: name.to_owned(),
            known: ["jsc", "jsrt", "tsc", "builtins", "upper"]
                .map(str::to_owned)
                .to_vec(),
        }
        .into()),
    }
}

/// The engine's sources and our own around it.
fn js_tree(quickjs: &Tree) -> Tree {
    let mut tree = below("quickjs", quickjs);
    tree.extend(below("js", &guest::sources("js")));
    tree
}

/// The same tree inside a folder.
pub(super) fn below(folder: &str, tree: &Tree) -> Tree {
    tree.iter()
        .map(|(path, bytes)| (path_of(&format!("{folder}/{path}")), bytes.clone()))
        .collect()
}

pub(super) fn path_of(path: &str) -> RelPath {
    path.parse().expect("paths of our own sources are relative")
}

pub(super) fn plan(name: &str, source: Digest) -> Plan {
    c::empty(&format!("{name}/1"), None, source)
}

/// Adds the compilation of some sources.
pub(super) fn compile(
    plan: &mut Plan,
    tree: &Tree,
    files: &[&str],
    options: &Options,
    lock: &Lock,
) -> Result<Vec<Object>, Error> {
    let units: Vec<_> = files.iter().map(|file| path_of(file)).collect();
    c::objects(plan, tree, &units, options, lock)
}

/// The engine itself, for size: it is in every program.
fn engine(plan: &mut Plan, tree: &Tree, lock: &Lock) -> Result<Vec<Object>, Error> {
    let options = Options {
        level: "-Os",
        extra: words(
            "-std=gnu11 -D_GNU_SOURCE -DNDEBUG -w -funsigned-char -ffunction-sections \
             -fdata-sections",
        ),
        inputs: Vec::new(),
    };
    let files = [
        "js/engine.c",
        "quickjs/libregexp.c",
        "quickjs/libunicode.c",
        "quickjs/dtoa.c",
    ];
    compile(plan, tree, &files, &options, lock)
}

/// Our own sources around the engine.
fn around() -> Options {
    Options {
        level: "-O2",
        extra: words("-std=gnu23 -D_GNU_SOURCE -DNDEBUG -ffunction-sections"),
        inputs: Vec::new(),
    }
}

/// Shadow stack of the compiler and the runtime; the limit that JavaScript meets
/// lies below it, so that recursion ends in a `RangeError`.
const JS_STACK: u32 = 4 << 20;

fn jsc(tree: &Tree, lock: &Lock) -> Result<Plan, Error> {
    let mut plan = plan("jsc", tree.digest());
    let mut objects = compile(
        &mut plan,
        tree,
        &["js/jsc.c", "js/pack.c", "js/utf8.c"],
        &around(),
        lock,
    )?;
    objects.extend(engine(&mut plan, tree, lock)?);
    let target = Target {
        stack: JS_STACK,
        ..Target::default()
    };
    let linked = c::link(&mut plan, &objects, false, false, &target, lock)?;
    plan.products.push(product("jsc.wasm", linked));
    Ok(plan)
}

fn jsrt(tree: &Tree, lock: &Lock) -> Result<Plan, Error> {
    let mut plan = plan("jsrt", tree.digest());
    let prelude = prelude(&mut plan, tree, lock)?;
    let mut objects = compile(
        &mut plan,
        tree,
        &[
            "js/jsrt.c",
            "js/native.c",
            "js/dock.c",
            "js/pack.c",
            "js/utf8.c",
        ],
        &around(),
        lock,
    )?;
    let mut options = around();
    options.extra.push("--embed-dir=/i".to_owned());
    options.inputs.push(Input::new(
        "/i/prelude.pack",
        Source::Step {
            step: prelude,
            output: PRELUDE_PACK.to_owned(),
        },
    ));
    objects.extend(compile(&mut plan, tree, &["js/runtime.c"], &options, lock)?);
    objects.extend(engine(&mut plan, tree, lock)?);
    // All but the entry is the same in both; it was compiled first.
    let command = Target {
        stack: JS_STACK,
        extra: words("--export=wb_pack_slot"),
        ..Target::default()
    };
    let linked = c::link(&mut plan, &objects, false, false, &command, lock)?;
    plan.products.push(product("jsrt.wasm", linked));

    let files = ["js/component.c", "js/canon.c"];
    let mut entry = compile(&mut plan, tree, &files, &around(), lock)?;
    entry.extend(objects.drain(1..));
    let component = Target {
        stack: JS_STACK,
        start: Start::Reactor,
        extra: words("--export=wb_pack_slot --export=wb_world_slot --export=wb_area"),
    };
    let linked = c::link(&mut plan, &entry, false, false, &component, lock)?;
    plan.products.push(product("component.wasm", linked));
    Ok(plan)
}

/// Compiles the modules that every program has around it.
fn prelude(plan: &mut Plan, tree: &Tree, lock: &Lock) -> Result<usize, Error> {
    let folder = "js/prelude".parse().expect("the folder is a relative path");
    let modules = tree.under(&folder);
    let mut argv = words("jsc --prelude --root");
    argv.push(PRELUDE.to_owned());
    argv.extend(["-o", PRELUDE_PACK].map(str::to_owned));
    argv.extend(PRELUDE_ENTRIES.map(str::to_owned));
    Ok(plan.push(Step {
        label: "compile the prelude".to_owned(),
        file: None,
        work: Work::Run(Box::new(Run {
            tool: lock.member("jsc", "jsc.wasm")?,
            argv,
            env: Vec::new(),
            limits: limits::COMPILE,
            dialect: Dialect::Jsc,
        })),
        inputs: vec![Input::new(PRELUDE, Source::Tree(SourceTree::new(modules)))],
        outputs: vec![PRELUDE_PACK.to_owned()],
    }))
}

/// The checker: TypeScript's own compiler and what calls it, by the JavaScript lane.
fn tsc(mut tree: Tree, lock: &Lock) -> Result<Plan, Error> {
    let ours = [
        ("main.js", include_str!("../../tsc/main.js")),
        ("globals.txt", include_str!("../../tsc/globals.txt")),
    ];
    tree.extend(ours.map(|(path, text)| (path_of(path), text.into())));
    let mut plan = plan("tsc", tree.digest());
    let bundle = Bundle {
        // What it would ask of Node is behind checks that find no Node here.
        extra: &[
            "--packages=external",
            "--loader:.txt=text",
            "--define:process.nextTick=undefined",
        ],
        product: "tsc.wasm",
    };
    let source = SourceTree::new(tree);
    javascript::build(&mut plan, &source, &path_of("main.js"), &bundle, lock)?;
    Ok(plan)
}

pub(super) fn product(name: &str, step: usize) -> Product {
    Product {
        name: name.to_owned(),
        step,
        output: LINKED.to_owned(),
    }
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
