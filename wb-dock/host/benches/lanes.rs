//! What the lanes cost, each beside its bare twin: the native compiler with the
//! same arguments on the same sources, where `clang-22` is on the PATH.
//!
//! `cargo bench -p wb-host --bench lanes`. `WB_HOME` names the nexus whose
//! toolchains are used; they are installed if they are not there.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use wb_build::lane::{self, Options};
use wb_build::toolchain::{Lock, tree_entries};
use wb_build::{
    Builder, DockSandbox, Error, MemoryCache, Mounted, NoCache, Plan, Ran, Run, Sandbox, ToolRef,
    Tools as _, Work,
};
use wb_host::Home;
use wb_host::toolchain::{HostTools, Quiet, Toolchains};
use wb_manifest::{Lang, Tree};

const SLUG: &str = include_str!("../../../fixtures/ladder/slug.js");
const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

/// Runs the Lua program on standard input.
const INTERPRETER: &str = "#include \"lauxlib.h\"\n#include \"lualib.h\"\n\
    int main(void) { lua_State *L = luaL_newstate(); luaL_openlibs(L); return luaL_dofile(L, NULL); }\n";

/// Wall and processor time of some work.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

fn cpu() -> Duration {
    let now = |clock| {
        let t = rustix::time::clock_gettime(clock);
        Duration::new(t.tv_sec.unsigned_abs(), t.tv_nsec.unsigned_abs() as u32)
    };
    now(rustix::time::ClockId::ProcessCPUTime)
}

fn measure<T>(work: impl FnOnce() -> T) -> (Cost, T) {
    let (wall, start) = (Instant::now(), cpu());
    let value = work();
    let cost = Cost {
        wall: wall.elapsed(),
        cpu: cpu().saturating_sub(start),
    };
    (cost, value)
}

/// The median of some runs, by processor time.
fn median(runs: usize, mut work: impl FnMut() -> Cost) -> Cost {
    let mut costs: Vec<Cost> = (0..runs).map(|_| work()).collect();
    costs.sort_by_key(|c| c.cpu);
    costs[runs / 2]
}

/// Keeps the most memory that each tool held.
struct Watched {
    inner: DockSandbox<HostTools>,
    most: Mutex<BTreeMap<String, u64>>,
}

impl Sandbox for Watched {
    fn run(&self, run: &Run, files: &[Mounted], outputs: &[String]) -> Result<Ran, Error> {
        let ran = self.inner.run(run, files, outputs)?;
        let mut most = self.most.lock().expect("no run panics");
        let held = most.entry(run.argv[0].clone()).or_default();
        *held = ran.memory.max(*held);
        Ok(ran)
    }

    fn file(&self, file: &ToolRef) -> Result<Bytes, Error> {
        self.inner.file(file)
    }
}

struct Bench {
    toolchains: Toolchains,
    sandbox: Watched,
}

impl Bench {
    fn plan(&self, lang: Lang, tree: Tree) -> Plan {
        lane::plan(lang, tree, &Options::default(), self.toolchains.lock()).expect("a plan")
    }

    fn build(&self, plan: &Plan, jobs: usize) -> Cost {
        let jobs = NonZeroUsize::new(jobs).expect("at least one");
        let builder = Builder::new(&self.sandbox, &NoCache).jobs(jobs);
        measure(|| builder.run(plan).expect("the build succeeds")).0
    }

    /// The compile and link steps of a C plan by the native tools, one after
    /// the other; `None` if they are not there.
    fn native(&self, plan: &Plan, tree: &Tree) -> Option<Cost> {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path();
        for (path, bytes) in tree {
            write(&root.join("w").join(path.as_str()), bytes);
        }
        let member = self
            .toolchains
            .lock()
            .member("clang", "sysroot-c.tar")
            .ok()?;
        let sysroot = self
            .toolchains
            .tools()
            .file(&member)
            .expect("it is installed");
        for (path, bytes) in &tree_entries("sysroot", &sysroot).expect("a tar") {
            write(&root.join("usr").join(path.as_str()), bytes);
        }
        write(&root.join("i/none"), b"");
        write(&root.join("wb/include/none"), b"");
        let mut total = Cost {
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
        };
        for (index, step) in plan.steps.iter().enumerate() {
            let Work::Run(run) = &step.work else { continue };
            let (program, args) = run.argv.split_first()?;
            let mut command = Command::new(format!("{program}-22"));
            if program == "clang" {
                // What the sandboxed one finds by where it lies.
                let include = root.join("usr/include");
                command.arg("-nostdinc").arg("-isystem").arg(&include);
                command.arg("-isystem").arg(include.join("wasm32-wasip1"));
            }
            let object = root.join(format!("{index}.o"));
            for arg in args {
                command.arg(localized(arg, root, &object, plan));
            }
            let before = children();
            let wall = Instant::now();
            let status = command
                .stderr(Stdio::null())
                .current_dir(root)
                .status()
                .ok()?;
            assert!(status.success(), "the native {program} failed");
            total.wall += wall.elapsed();
            total.cpu += children().saturating_sub(before);
        }
        Some(total)
    }
}

/// Processor time of all children that have ended (`proc(5)`: fields 16 and 17 of
/// `stat`, in hundredths of a second).
fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<u64> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .map(|f| f.parse().unwrap_or(0))
        .collect();
    let ticks = |n: usize| fields.get(n).copied().unwrap_or(0);
    Duration::from_millis(10 * (ticks(13) + ticks(14)))
}

/// A guest path as the native tool needs it.
fn localized(arg: &str, root: &Path, object: &Path, plan: &Plan) -> String {
    if arg == "/o/unit.o" || arg == "/o/main.wasm" {
        return object.display().to_string();
    }
    if let Some(source) = arg.strip_prefix("/i/") {
        let source = source.trim_end_matches(".o");
        let label = format!("compile {source}");
        let at = plan.steps.iter().position(|s| s.label == label);
        return root
            .join(format!("{}.o", at.unwrap_or(0)))
            .display()
            .to_string();
    }
    for prefix in ["-I", "-iquote", "-L", ""] {
        if let Some(path) = arg.strip_prefix(prefix)
            && ["/w", "/usr", "/wb"]
                .iter()
                .any(|top| path.starts_with(top))
        {
            return format!("{prefix}{}{path}", root.display());
        }
    }
    arg.to_owned()
}

fn write(path: &PathBuf, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
    std::fs::write(path, bytes).expect("a file");
}

fn line(what: &str, cost: Cost, twin: Option<Cost>) {
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let twin = twin.map_or("-".to_owned(), |t| {
        format!(
            "{:8.1}   {:5.2}",
            ms(t.cpu),
            cost.cpu.as_secs_f64() / t.cpu.as_secs_f64()
        )
    });
    println!(
        "{what:34} {:8.1} {:8.1}   {twin}",
        ms(cost.wall),
        ms(cost.cpu)
    );
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = Home::discover(|name| std::env::var_os(name))?;
    let engine = wb_dock::Engine::builder().code_cache(home.code()).build()?;
    let toolchains = Toolchains::new(&home, &engine);
    toolchains.install(&[], &Quiet)?;
    let extra = Toolchains::new(&home, &engine).with_lock(Lock::parse(include_str!("lua.toml"))?);
    extra.install(&[], &Quiet)?;
    let mut lua = tree_entries(
        "lua",
        &extra
            .tools()
            .file(&extra.lock().member("lua", "lua.tar")?)?,
    )?;

    // The crate leaves the interpreter's own `main` out.
    lua.insert(
        "main.c".parse()?,
        Bytes::from_static(INTERPRETER.as_bytes()),
    );

    let bench = Bench {
        sandbox: Watched {
            inner: DockSandbox::new(toolchains.tools()),
            most: Mutex::default(),
        },
        toolchains,
    };
    println!(
        "{:34} {:>8} {:>8}   {:>8}   {:>5}",
        "ms", "wall", "cpu", "native", "ratio"
    );

    let hello = lane::inline_tree(Lang::C, HELLO)?;
    let plan = bench.plan(Lang::C, hello.clone());
    bench.build(&plan, 1);
    let twin = |plan: &Plan, tree: &Tree, runs: usize| {
        bench.native(plan, tree)?;
        // Hundredths of a second are coarse for one run: the mean of many.
        let sum = (0..runs).filter_map(|_| bench.native(plan, tree));
        let sum = sum.fold(Duration::ZERO, |sum, c| sum + c.cpu);
        let cpu = sum / u32::try_from(runs).ok()?;
        Some(Cost { wall: cpu, cpu })
    };
    line(
        "c hello, compile and link",
        median(15, || bench.build(&plan, 1)),
        twin(&plan, &hello, 15),
    );

    let plan = bench.plan(Lang::C, lua.clone());
    line(
        "lua 5.4.8, one job",
        median(3, || bench.build(&plan, 1)),
        twin(&plan, &lua, 2),
    );
    line(
        "lua 5.4.8, two jobs",
        median(3, || bench.build(&plan, 2)),
        None,
    );

    let slug = bench.plan(Lang::Js, lane::inline_tree(Lang::Js, SLUG)?);
    bench.build(&slug, 1);
    line("slug.js", median(15, || bench.build(&slug, 1)), None);
    let cache = MemoryCache::new();
    let builder = Builder::new(&bench.sandbox, &cache);
    builder.run(&slug)?;
    let again = median(15, || measure(|| builder.run(&slug).expect("it builds")).0);
    line("slug.js, unchanged", again, None);

    for (tool, bytes) in &*bench.sandbox.most.lock().expect("no run panics") {
        println!("{tool}: at most {} MiB of linear memory", bytes >> 20);
    }
    Ok(())
}
