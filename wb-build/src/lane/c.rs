//! The C and C++ lane: clang per translation unit, then wasm-ld.
//!
//! Only the tree and the toolchain's own sysroot are mounted, so an `#include`
//! of anything else finds nothing to read, whatever path it names.

mod component;
mod search;

use wb_manifest::{Digest, Lang, RelPath, Tree};

use super::{Contract, OBJECT_ROOT, layout, limits, scan};
use crate::diagnose::{Diagnostic, SOURCE_ROOT};
use crate::error::Error;
use crate::guest;
use crate::naming::Naming;
use crate::plan::{ARTIFACT, Plan, Product};
use crate::step::{Dialect, Input, Run, Source, SourceTree, Step, Work};
use crate::toolchain::Lock;

/// Raised whenever the same source would give another plan.
const VERSION: &str = "c/2";

/// The same for kernels.
const KERNEL_VERSION: &str = "c-kernel/1";

/// Where `wb.h` is mounted, after the user's own folders in the search order.
const BINDINGS: &str = "/wb/include";

/// Libraries that stand in for what WASI lacks. The macros only make headers
/// declare them, and the linker takes nothing that is not called.
const EMULATED: [&str; 4] = ["SIGNAL", "PROCESS_CLOCKS", "GETPID", "MMAN"];

/// What a translation unit is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    /// C.
    C,
    /// C++, without exceptions: the sysroot has no unwinder.
    Cpp,
}

impl Language {
    /// Tells by the extension, as every C compiler does.
    fn of(path: &RelPath) -> Option<Self> {
        match path.extension()? {
            "c" => Some(Self::C),
            "cc" | "cpp" | "cxx" => Some(Self::Cpp),
            _ => None,
        }
    }

    const fn driver(self) -> &'static str {
        match self {
            Self::C => "clang",
            Self::Cpp => "clang++",
        }
    }

    /// The member of the clang pack that holds its headers and libraries.
    const fn sysroot(self) -> &'static str {
        match self {
            Self::C => "sysroot-c.tar",
            Self::Cpp => "sysroot-cpp.tar",
        }
    }
}

/// Names of every translation unit's extension, for finding included sources.
const UNIT_SUFFIXES: [&str; 4] = [".c", ".cc", ".cpp", ".cxx"];

/// How units are compiled.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The optimisation level, `-O2` for toolkits.
    pub level: &'static str,
    /// Further arguments for every unit.
    pub extra: Vec<String>,
    /// Further files that every unit may read.
    pub inputs: Vec<Input>,
}

/// What is linked.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// How the module is entered.
    pub start: Start,
    /// Bytes of stack; it lies below the data, so overflow traps.
    pub stack: u32,
    /// Further arguments for the linker.
    pub extra: Vec<String>,
}

/// How a module is entered.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// Through `main`, once.
    Main,
    /// Through what its objects export, any number of times.
    Reactor,
    /// Through an exported function of this name, any number of times.
    Kernel(String),
}

impl Options {
    /// How kernels are compiled: hot loops, in which what an iteration costs beside
    /// the work counts. The engine looks at its clock once an iteration, so that a
    /// loop that is not unrolled may take half as long again.
    fn kernel() -> Self {
        let extra = ["-msimd128", "-funroll-loops", "-mllvm", "-unroll-count=8"];
        Self {
            level: "-O3",
            extra: extra.map(str::to_owned).to_vec(),
            inputs: Vec::new(),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: "-O2",
            extra: Vec::new(),
            inputs: Vec::new(),
        }
    }
}

impl Default for Target {
    fn default() -> Self {
        Self {
            start: Start::Main,
            stack: 1 << 20,
            extra: Vec::new(),
        }
    }
}

/// Plans the build of all C and C++ sources in `tree` into one artifact.
pub(super) fn plan(
    lang: Lang,
    tree: &Tree,
    contract: &Contract,
    lock: &Lock,
) -> Result<Plan, Error> {
    let units = units(tree);
    if units.is_empty() {
        return Err(layout(Diagnostic::error(
            "no C or C++ source in the source folder, expected `main.c` or other `.c`, `.cc`, \
             `.cpp` or `.cxx` files",
        )));
    }
    if units.iter().all(|path| {
        tree.get(path.as_str())
            .is_some_and(|b| b.trim_ascii().is_empty())
    }) {
        let path = units[0].as_str();
        return Err(layout(
            Diagnostic::error("the source is empty").at(path, 1, 1),
        ));
    }
    let cpp = units
        .iter()
        .any(|path| Language::of(path) == Some(Language::Cpp));
    let (version, options, start) = match contract {
        Contract::Kernel { entry } => {
            let start = Start::Kernel(entry.clone());
            (KERNEL_VERSION, Options::kernel(), start)
        }
        _ => (VERSION, Options::default(), Start::Main),
    };
    let target = Target {
        start,
        ..Target::default()
    };
    let mut plan = empty(version, Some(lang), tree.digest());
    let sjlj = scan::mentions(tree, "setjmp");
    if let Contract::Component(contract) = contract {
        component::build(&mut plan, tree, &units, contract, cpp, lock)?;
        return Ok(plan);
    }
    let objects = objects(&mut plan, tree, &units, &options, lock)?;
    let main = link(&mut plan, &objects, cpp, sjlj, &target, lock)?;
    plan.products.push(Product {
        name: ARTIFACT.to_owned(),
        step: main,
        output: LINKED.to_owned(),
    });
    Ok(plan)
}

/// Every translation unit of a tree.
pub(crate) fn units(tree: &Tree) -> Vec<RelPath> {
    tree.iter()
        .map(|(path, _)| path)
        .filter(|path| Language::of(path).is_some())
        .cloned()
        .collect()
}

/// A plan without steps.
pub(crate) fn empty(version: &str, lang: Option<Lang>, source: Digest) -> Plan {
    Plan {
        lane: version.to_owned(),
        lang,
        source,
        steps: Vec::new(),
        products: Vec::new(),
        notes: Vec::new(),
        naming: Naming::default(),
    }
}

/// An object file that a step of the plan makes.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The path of its source, for the linker's messages.
    path: RelPath,
    step: usize,
}

const UNIT: &str = "/o/unit.o";
pub(crate) const LINKED: &str = "/o/main.wasm";

/// Adds a compile step for each of `units`.
///
/// A unit sees the whole tree but for those other units that nothing names, so
/// that editing one source leaves the others' steps as they were.
pub(crate) fn objects(
    plan: &mut Plan,
    tree: &Tree,
    units: &[RelPath],
    options: &Options,
    lock: &Lock,
) -> Result<Vec<Object>, Error> {
    let clang = lock.member("clang", "llvm.wasm")?;
    let bindings = Source::Tree(SourceTree::new(guest::headers()));
    let included = scan::named_files(tree, &UNIT_SUFFIXES);
    let shared: Tree = tree
        .iter()
        .filter(|(path, _)| Language::of(path).is_none() || included.contains(path.file_name()))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    let search = search::arguments(tree);
    let sjlj = scan::mentions(tree, "setjmp");

    let mut objects = Vec::new();
    for path in units {
        let (Some(language), Some(bytes)) = (Language::of(path), tree.get(path.as_str())) else {
            return Err(layout(Diagnostic::error(format!("no source `{path}`"))));
        };
        let mut seen = shared.clone();
        seen.insert(path.clone(), bytes.clone());
        let mut argv: Vec<String> = [
            language.driver(),
            "--target=wasm32-wasip1",
            options.level,
            "-fno-color-diagnostics",
            "-fno-caret-diagnostics",
            "-ferror-limit=50",
            // The guest path is the same everywhere; users want theirs in `__FILE__`.
            "-ffile-prefix-map=/w/=",
        ]
        .map(str::to_owned)
        .to_vec();
        if language == Language::Cpp {
            argv.extend(["-std=gnu++20", "-fno-exceptions"].map(str::to_owned));
        } else {
            argv.push("-std=gnu17".to_owned());
        }
        argv.extend(EMULATED.map(|name| format!("-D_WASI_EMULATED_{name}")));
        if sjlj {
            argv.extend(SJLJ.map(str::to_owned));
        }
        argv.extend(options.extra.iter().cloned());
        argv.extend(search.iter().cloned());
        argv.extend(["-isystem", BINDINGS, "-c"].map(str::to_owned));
        argv.push(format!("{SOURCE_ROOT}/{path}"));
        argv.extend(["-o", UNIT].map(str::to_owned));
        let step = plan.push(Step {
            label: format!("compile {path}"),
            file: Some(path.clone()),
            work: Work::Run(Box::new(Run {
                tool: clang.clone(),
                argv,
                // `__DATE__` and `__TIME__` must not depend on the day.
                env: vec![("SOURCE_DATE_EPOCH".to_owned(), "0".to_owned())],
                limits: limits::COMPILE,
                dialect: Dialect::Clang,
            })),
            inputs: [
                Input::new(
                    "/usr",
                    Source::Pack(lock.member("clang", language.sysroot())?),
                ),
                Input::new(BINDINGS, bindings.clone()),
                Input::new(SOURCE_ROOT, Source::Tree(SourceTree::new(seen))),
            ]
            .into_iter()
            .chain(options.inputs.iter().cloned())
            .collect(),
            outputs: vec![UNIT.to_owned()],
        });
        objects.push(Object {
            path: path.clone(),
            step,
        });
    }
    Ok(objects)
}

/// Lowers `setjmp` to wasm exceptions, in the form engines keep.
const SJLJ: [&str; 4] = [
    "-mllvm",
    "-wasm-enable-sjlj",
    "-mllvm",
    "-wasm-use-legacy-eh=false",
];

/// Adds the link step and returns its index; it leaves [`LINKED`].
pub(crate) fn link(
    plan: &mut Plan,
    objects: &[Object],
    cpp: bool,
    sjlj: bool,
    target: &Target,
    lock: &Lock,
) -> Result<usize, Error> {
    let language = if cpp { Language::Cpp } else { Language::C };
    let mut argv: Vec<String> = [
        "wasm-ld",
        "-m",
        "wasm32",
        "-L/usr/lib/wasm32-unknown-wasip1",
        "-L/usr/lib/wasm32-wasip1",
        match target.start {
            Start::Main => "/usr/lib/wasm32-wasip1/crt1-command.o",
            Start::Reactor | Start::Kernel(_) => "/usr/lib/wasm32-wasip1/crt1-reactor.o",
        },
    ]
    .map(str::to_owned)
    .to_vec();
    let mut inputs = vec![Input::new(
        "/usr",
        Source::Pack(lock.member("clang", language.sysroot())?),
    )];
    for object in objects {
        let at = format!("{OBJECT_ROOT}{}.o", object.path);
        argv.push(at.clone());
        inputs.push(Input::new(
            at,
            Source::Step {
                step: object.step,
                output: UNIT.to_owned(),
            },
        ));
    }
    if cpp {
        argv.extend(["-lc++", "-lc++abi"].map(str::to_owned));
    }
    if sjlj {
        argv.push("-lsetjmp".to_owned());
    }
    for name in EMULATED {
        let name = name.to_lowercase().replace('_', "-");
        argv.push(format!("-lwasi-emulated-{name}"));
    }
    argv.extend(
        [
            "-lc",
            "/usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a",
            "--gc-sections",
            "--strip-all",
            "--stack-first",
        ]
        .map(str::to_owned),
    );
    match &target.start {
        // Says on standard output where `main` is: libc's start only calls it if it is there.
        Start::Main => argv.push("--trace-symbol=__main_argc_argv".to_owned()),
        Start::Reactor => argv.push("--entry=_initialize".to_owned()),
        Start::Kernel(entry) => {
            argv.push("--entry=_initialize".to_owned());
            argv.extend(["in_ptr", "out_ptr", entry].map(|name| format!("--export={name}")));
            argv.extend(["in_cap", "out_cap"].map(|name| format!("--export-if-defined={name}")));
        }
    }
    argv.push("-z".to_owned());
    argv.push(format!("stack-size={}", target.stack));
    argv.extend(target.extra.iter().cloned());
    argv.extend(["-o", LINKED].map(str::to_owned));
    Ok(plan.push(Step {
        label: "link".to_owned(),
        file: None,
        work: Work::Run(Box::new(Run {
            tool: lock.member("clang", "llvm.wasm")?,
            argv,
            env: Vec::new(),
            limits: limits::COMPILE,
            dialect: Dialect::Lld,
        })),
        inputs,
        outputs: vec![LINKED.to_owned()],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &'static str)]) -> Tree {
        files
            .iter()
            .map(|&(path, text)| (path.parse().unwrap(), text.into()))
            .collect()
    }

    #[test]
    fn editing_one_unit_leaves_the_steps_of_the_others() {
        let lock = Lock::pinned();
        let plan_of = |text| {
            plan(
                Lang::C,
                &tree(&[("a.c", text), ("b.c", "int b;"), ("h.h", "")]),
                &Contract::Command,
                &lock,
            )
        };
        let (one, two) = (plan_of("int a;").unwrap(), plan_of("int c;").unwrap());
        let key = |plan: &Plan, step: usize| plan.steps[step].key(|_, _| Digest::of(b""));
        assert_ne!(key(&one, 0), key(&two, 0));
        assert_eq!(key(&one, 1), key(&two, 1));
    }

    #[test]
    fn a_unit_that_is_included_is_seen_by_the_others() {
        let lock = Lock::pinned();
        let tree = tree(&[("a.c", "#include \"b.c\"\n"), ("b.c", "int b;")]);
        let plan = plan(Lang::C, &tree, &Contract::Command, &lock).unwrap();
        let Source::Tree(seen) = &plan.steps[0].inputs[2].source else {
            panic!("the source is the third input")
        };
        assert!(seen.files().contains("b.c"));
    }

    #[test]
    fn sources_that_hold_nothing_are_refused_by_name() {
        let lock = Lock::pinned();
        let plan = |tree: &Tree| plan(Lang::C, tree, &Contract::Command, &lock);
        let error = plan(&tree(&[("main.c", " \n\t")])).unwrap_err();
        assert_eq!(error.to_string(), "main.c:1:1: error: the source is empty");
        let error = plan(&tree(&[("readme.md", "x")])).unwrap_err();
        assert!(error.to_string().contains("no C or C++ source"), "{error}");
    }
}
