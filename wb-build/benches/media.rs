//! What the kernels of the toolkit `media` cost on a picture of 1920 x 1080: with and
//! without the checks that let the engine stop them, and the blur next to the same C
//! compiled natively for vectors of the same 128 bits. The sides take turns, so that
//! what else the machine does hits both.
//!
//! `cargo bench -p wb-build --bench media`; `WB_TEST_HOME` is a nexus with the packs of
//! the C lane, `CLANG` the native compiler (`clang-22`, the one the lane runs).

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a benchmark"
)]

#[path = "../tests/lanes/home.rs"]
#[allow(dead_code, reason = "shared with the tests, which need all of it")]
mod home;
#[cfg(target_os = "linux")]
#[path = "../tests/lanes/media/kernels.rs"]
#[allow(dead_code, reason = "shared with the tests, which need all of it")]
mod kernels;

#[cfg(target_os = "linux")]
fn main() {
    let frames = measured::epochs();
    measured::native(&frames);
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("kernels share frames on Linux alone");
}

#[cfg(target_os = "linux")]
mod measured {
    use std::hint::black_box;
    use std::io::{BufRead, BufReader, Write};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use wasmtime::{Caller, Config, Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

    use super::kernels::{build, kernel, media};

    const KERNELS: [&str; 4] = ["decode", "blur", "resize", "encode"];
    const ROUNDS: usize = 101;

    /// A kernel on bare wasmtime, with a frame in place behind its own memory.
    struct Bare {
        store: Store<Places>,
        memory: Memory,
        entry: TypedFunc<i32, i32>,
    }

    #[derive(Clone, Copy)]
    struct Places {
        input: u32,
        len: u32,
        output: u32,
    }

    impl Bare {
        fn new((entry, wasm): (&str, &[u8]), has_epochs: bool, frame: &[u8]) -> Self {
            let engine = Engine::new(Config::new().epoch_interruption(has_epochs)).unwrap();
            let mut linker = Linker::<Places>::new(&engine);
            let mut link = |name, place: fn(&Places) -> u32| {
                let read = move |caller: Caller<'_, Places>| place(caller.data());
                linker.func_wrap("wb:frames", name, read).unwrap();
            };
            link("input", |places| places.input);
            link("input_len", |places| places.len);
            let output = |caller: Caller<'_, Places>, _len: u32| caller.data().output;
            linker.func_wrap("wb:frames", "output", output).unwrap();
            let len = u32::try_from(frame.len()).unwrap();
            let nowhere = Places {
                input: 0,
                len,
                output: 0,
            };
            let mut store = Store::new(&engine, nowhere);
            if has_epochs {
                store.set_epoch_deadline(u64::MAX / 2);
            }
            let module = Module::new(&engine, wasm).unwrap();
            let instance: Instance = linker.instantiate(&mut store, &module).unwrap();
            let memory = instance.get_memory(&mut store, "memory").unwrap();
            // The head that a decoded picture has more than a file is well below a page.
            let pages = frame.len() as u64 / (64 << 10) + 2;
            let start = memory.data_size(&store);
            memory.grow(&mut store, 2 * pages).unwrap();
            memory.data_mut(&mut store)[start..][..frame.len()].copy_from_slice(frame);
            let input = u32::try_from(start).unwrap();
            *store.data_mut() = Places {
                input,
                len,
                output: input + u32::try_from(pages << 16).unwrap(),
            };
            if let Ok(start) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
                start.call(&mut store, ()).unwrap();
            }
            let entry = instance.get_typed_func(&mut store, entry).unwrap();
            Self {
                store,
                memory,
                entry,
            }
        }

        fn run(&mut self) -> &[u8] {
            let Places { len, output, .. } = *self.store.data();
            let made = self.entry.call(&mut self.store, len.cast_signed()).unwrap();
            let made = usize::try_from(made).unwrap();
            &self.memory.data(&self.store)[output as usize..][..made]
        }
    }

    /// Every kernel with and without epochs. Returns the frame that each is called with.
    pub(super) fn epochs() -> Vec<Vec<u8>> {
        let mut frame = ppm(1920, 1080);
        let mut frames = Vec::new();
        let mut sums = [0.0; 2];
        for name in KERNELS {
            let wasm = build(name).wasm;
            let mut checked = Bare::new((name, &wasm), true, &frame);
            let mut unchecked = Bare::new((name, &wasm), false, &frame);
            let made = checked.run().to_vec();
            assert!(made == unchecked.run());
            let [with, without] = quartiles(
                || time(|| _ = black_box(checked.run())),
                || time(|| _ = black_box(unchecked.run())),
            );
            sums[0] += with;
            sums[1] += without;
            print(&format!("{name} with epochs"), with, "without", without);
            frames.push(std::mem::replace(&mut frame, made));
        }
        print("all four with epochs", sums[0], "without", sums[1]);
        frames
    }

    /// The blur as the Dock runs it, and as the processor does.
    pub(super) fn native(frames: &[Vec<u8>]) {
        let frame = &frames[1];
        let mut blur = kernel("blur").open("blur").unwrap();
        let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang-22".to_owned());
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("blur");
        let mut compile = Command::new(&clang);
        compile.args(["-O3", "-funroll-loops", "-mllvm", "-unroll-count=8"]);
        if cfg!(target_arch = "x86_64") {
            compile.arg("-msse4.1");
        }
        let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
        compile.arg(media().join("src/blur.c"));
        compile.arg(bench.join("native.c"));
        let compiled = compile.arg("-o").arg(&program).status();
        if !compiled.is_ok_and(|status| status.success()) {
            println!("blur next to native: not measured, `{clang}` does not compile it");
            return;
        }
        let mut child = Command::new(&program)
            .arg(frame.len().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut turn = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        turn.write_all(frame).unwrap();
        let mut native = || {
            turn.write_all(b".").unwrap();
            turn.flush().unwrap();
            let line = lines.next().unwrap().unwrap();
            let (took, sum) = line.split_once(' ').unwrap();
            let took = Duration::from_nanos(took.parse().unwrap());
            (took, sum.parse::<u64>().unwrap())
        };
        let made = fnv(blur.call(frame).unwrap());
        assert_eq!(native().1, made, "both make the same picture");
        let len = frame.len();
        let [dock, processor] = quartiles(
            || time(|| _ = black_box(blur.run(len).unwrap())),
            || native().0,
        );
        print("blur in the Dock", dock, "native", processor);
        drop(turn);
        child.wait().unwrap();
    }

    fn time(work: impl FnOnce()) -> Duration {
        let started = Instant::now();
        work();
        started.elapsed()
    }

    /// What both sides take in milliseconds: lower quartiles, because calls are about as
    /// long as a slice of the scheduler, and a call that was interrupted takes several
    /// times as long. They take turns, and take turns in going first, or the one that
    /// is interrupted more often would always be the same.
    fn quartiles(mut a: impl FnMut() -> Duration, mut b: impl FnMut() -> Duration) -> [f64; 2] {
        let mut times = [const { Vec::new() }; 2];
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                times[0].push(a());
                times[1].push(b());
            } else {
                times[1].push(b());
                times[0].push(a());
            }
        }
        times.map(|mut times| {
            times.sort();
            times[ROUNDS / 4].as_secs_f64() * 1e3
        })
    }

    fn print(what: &str, ours: f64, other: &str, theirs: f64) {
        let ratio = ours / theirs;
        println!("{what}: {ours:.3} ms, {other} {theirs:.3} ms, {ratio:.3} x");
    }

    /// A picture of noise, so that nothing can be predicted.
    fn ppm(width: usize, height: usize) -> Vec<u8> {
        let mut picture = format!("P6\n{width} {height}\n255\n").into_bytes();
        let mut state = 1_u32;
        picture.extend((0..width * height * 3).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
        picture
    }

    /// As in `native.c`.
    fn fnv(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        })
    }
}
