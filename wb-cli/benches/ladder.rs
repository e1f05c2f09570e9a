//! Measures what a user of `wbx` waits for: cold starts, rebuilds, verification of a large repository.
//!
//! Every row has its twin in the same run, the two interleaved, so that a busy machine slows both. Needs installed
//! toolchains (`wbx toolchain install`, or the test run) and says so when they are missing.
//!
//! `cargo bench -p wb-cli --bench ladder [-- ROW]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io};

/// Measures, and prints its lines of the table.
type Row = fn(&Bench) -> Result<()>;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let only = env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let bench = Bench::new()?;
    println!("| what | median | twin | ratio or rate |");
    println!("|---|---|---|---|");
    let rows: [(&str, Row); 3] = [
        ("cold", cold_run),
        ("build", inline_builds),
        ("verify", verify_many),
    ];
    for (name, row) in rows {
        if only.as_deref().is_none_or(|only| only == name) {
            row(&bench)?;
        }
    }
    Ok(())
}

/// A scratch directory, and a nexus with the toolchains of the tests.
struct Bench {
    scratch: tempfile::TempDir,
    home: PathBuf,
}

impl Bench {
    fn new() -> Result<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
        let home =
            env::var_os("WB_TEST_HOME").map_or_else(|| target.join("wb-test-home"), PathBuf::from);
        fs::create_dir_all(&home)?;
        let bench = Self {
            scratch: tempfile::tempdir()?,
            home: home.canonicalize()?,
        };
        bench.wbx(["toolchain", "install"])?;
        Ok(bench)
    }

    fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wbx"));
        command
            .args(args)
            .env("WB_HOME", &self.home)
            .env("WB_TOOLKITS_ROOT", self.scratch.path().join("toolkits"))
            .current_dir(self.scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn wbx(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Duration> {
        timed(&mut self.command(args))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

/// The wall time of one process, which has to succeed.
fn timed(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let output = command.output()?;
    let elapsed = start.elapsed();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{command:?}: {}\n{stderr}", output.status)).into());
    }
    Ok(elapsed)
}

fn median(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

/// Starts a cached 1.5 MB command, beside the smallest Rust process that does nothing.
fn cold_run(bench: &Bench) -> Result<()> {
    let empty = bench.path("empty");
    fs::write(bench.path("empty.rs"), "fn main() {}\n")?;
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    timed(
        Command::new(rustc)
            .arg("-O")
            .arg(bench.path("empty.rs"))
            .arg("-o")
            .arg(&empty),
    )?;

    fs::write(bench.path("large.c"), large_program(5200)?)?;
    bench.wbx(["toolkit", "build-inline", "bench-large", "c", "large.c"])?;
    let run = ["run", "bench-large"];
    bench.wbx(run)?;
    let (mut ours, mut twin) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        ours.push(bench.wbx(run)?);
        twin.push(timed(&mut Command::new(&empty))?);
    }
    let (ours, twin) = (median(&mut ours), median(&mut twin));
    let size = artifact_size(bench, "bench-large")?;
    println!(
        "| `wbx run` of a cached {} kB command, cold | {} | empty Rust process {} | {:.2} × |",
        size / 1000,
        ms(ours),
        ms(twin),
        ours.as_secs_f64() / twin.as_secs_f64(),
    );
    Ok(())
}

/// A C program of `functions` functions that the optimiser can neither merge nor drop.
fn large_program(functions: u32) -> std::result::Result<String, std::fmt::Error> {
    let mut source = String::from("#include <stdio.h>\nvolatile unsigned state = 1;\n");
    for n in 0..functions {
        writeln!(
            source,
            "static __attribute__((noinline)) unsigned f{n}(unsigned x) {{"
        )?;
        for k in 0..12 {
            let odd = (n * 12 + k).wrapping_mul(2_654_435_761) | 1;
            let (factor, shift) = (odd.rotate_left(7), k + 1);
            writeln!(source, "  x = (x ^ {odd}u) * {factor}u + (x >> {shift});")?;
        }
        source.push_str("  state += x; return x;\n}\n");
    }
    source.push_str("static unsigned (*const table[])(unsigned) = {\n");
    for n in 0..functions {
        write!(source, "f{n},")?;
    }
    writeln!(
        source,
        "}};\nint main(void) {{ printf(\"%u\\n\", table[state % {functions}](state)); }}"
    )?;
    Ok(source)
}

/// The bytes of the artifact a name is bound to.
fn artifact_size(bench: &Bench, name: &str) -> Result<u64> {
    let commands = bench.home.join("build/commands");
    let registry: serde_json::Value =
        serde_json::from_slice(&fs::read(commands.join("registry.json"))?)?;
    let binding = &registry["bindings"][name];
    let current = binding["current"]
        .as_u64()
        .ok_or("the command is not registered")?;
    let version = &binding["versions"][usize::try_from(current)?];
    let digest = version["digest"]
        .as_str()
        .ok_or("the version has no digest")?;
    Ok(fs::metadata(commands.join(format!("{digest}.wasm")))?.len())
}

/// Builds the program of the ladder anew each time, and unchanged, beside node starting on the same file.
fn inline_builds(bench: &Bench) -> Result<()> {
    let source = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/ladder/slug.js"
    ))?;
    let file = bench.path("slug.js");
    let build = ["toolkit", "build-inline", "bench-slug", "js", "slug.js"];
    let (mut changed, mut unchanged, mut twin) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..30 {
        let stamp = bench.scratch.path().display().to_string();
        fs::write(
            &file,
            format!(
                "{source}\nglobalThis.round = {:?};\n",
                format!("{stamp} {round}")
            ),
        )?;
        changed.push(bench.wbx(build)?);
        unchanged.push(bench.wbx(build)?);
        twin.push(timed(
            Command::new("node")
                .arg("--check")
                .arg(&file)
                .stdout(Stdio::null()),
        )?);
    }
    let twin = median(&mut twin);
    for (what, samples) in [
        ("`build-inline` of slug.js, toolchain warm", &mut changed),
        ("the same, source unchanged", &mut unchanged),
    ] {
        let ours = median(samples);
        println!(
            "| {what} | {} | `node --check` {} | {:.2} × |",
            ms(ours),
            ms(twin),
            ours.as_secs_f64() / twin.as_secs_f64(),
        );
    }
    Ok(())
}

/// Verifies a repository of two thousand toolkits, beside reading the same files.
fn verify_many(bench: &Bench) -> Result<()> {
    const COUNT: u32 = 2000;
    let root = bench.path("toolkits");
    fs::create_dir_all(&root)?;
    fs::write(bench.path("tool.c"), "int main(void) { return 0; }\n")?;
    let name = |n: u32| format!("tool-{n:04}");
    bench.wbx(["toolkit", "promote", &name(0), "c", "tool.c"])?;
    for n in 1..COUNT {
        copy_renamed(&root.join(name(0)), &root.join(name(n)), &name(0), &name(n))?;
    }
    let (mut ours, mut twin) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        ours.push(bench.wbx(["toolkit", "verify", "--all"])?);
        let start = Instant::now();
        read_all(&root)?;
        twin.push(start.elapsed());
    }
    let (ours, twin) = (median(&mut ours), median(&mut twin));
    println!(
        "| `toolkit verify --all` of {COUNT} toolkits | {} | reading their files {} | {:.0} toolkits/s |",
        ms(ours),
        ms(twin),
        f64::from(COUNT) / ours.as_secs_f64(),
    );
    Ok(())
}

fn copy_renamed(from: &Path, to: &Path, old: &str, new: &str) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_renamed(&entry.path(), &target, old, new)?;
        } else {
            fs::write(target, fs::read_to_string(entry.path())?.replace(old, new))?;
        }
    }
    Ok(())
}

fn read_all(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            read_all(&entry.path())?
        } else {
            fs::read(entry.path())?.len() as u64
        };
    }
    Ok(bytes)
}
