//! A warm run of a trivial command, everything included, next to the same run
//! written by hand: on wasmtime with wasmtime-wasi, and on wasmtime with our own
//! preview 1. All three use the pooling allocator with the same settings.
//!
//! `cargo bench -p wb-dock --features bare`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wb_dock::bare::Twin;
use wb_dock::{ArgMode, Command, Commands, Engine, Grant, Invocation, Resolved, Services};
use wb_policy::{Cap, CapSet, Profile, Trust};

const INSTANCES: u32 = 64;

fn wasm(guest: &str) -> Vec<u8> {
    let path = format!("{}/tests/guests/{guest}.wat", env!("CARGO_MANIFEST_DIR"));
    wat::parse_file(path).unwrap()
}

/// The run as a user of the dock writes it.
fn dock(command: &Command, stdin: Bytes) -> Bytes {
    let outcome = command.run(Invocation::new("cat").stdin(stdin)).unwrap();
    assert!(outcome.is_success());
    outcome.stdout
}

/// The run as one writes it without the dock.
mod by_hand {
    use bytes::Bytes;
    use wasmtime::{
        Config, Enabled, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module,
        PoolingAllocationConfig, Store, StoreLimits, StoreLimitsBuilder,
    };
    use wasmtime_wasi::WasiCtxBuilder;
    use wasmtime_wasi::p1::{self, WasiP1Ctx};
    use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};

    type Data = (WasiP1Ctx, StoreLimits);

    pub(crate) struct ByHand {
        engine: Engine,
        linked: InstancePre<Data>,
    }

    impl ByHand {
        pub(crate) fn new(wasm: &[u8]) -> Self {
            let mut pool = PoolingAllocationConfig::new();
            pool.total_core_instances(super::INSTANCES)
                .total_memories(super::INSTANCES)
                .total_tables(super::INSTANCES)
                .total_stacks(super::INSTANCES)
                .total_gc_heaps(super::INSTANCES)
                .linear_memory_keep_resident(256 << 10)
                .table_keep_resident(64 << 10)
                .pagemap_scan(Enabled::Auto);
            let mut config = Config::new();
            config
                .epoch_interruption(true)
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
            let engine = Engine::new(&config).unwrap();
            let module = Module::new(&engine, wasm).unwrap();
            let mut linker: Linker<Data> = Linker::new(&engine);
            p1::add_to_linker_sync(&mut linker, |data| &mut data.0).unwrap();
            Self {
                linked: linker.instantiate_pre(&module).unwrap(),
                engine,
            }
        }

        pub(crate) fn run(&self, stdin: Bytes) -> Bytes {
            let stdout = MemoryOutputPipe::new(64 << 20);
            let wasi = WasiCtxBuilder::new()
                .args(&["cat"])
                .stdin(MemoryInputPipe::new(stdin))
                .stdout(stdout.clone())
                .build_p1();
            let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
            let mut store = Store::new(&self.engine, (wasi, limits));
            store.limiter(|data| &mut data.1);
            store.set_epoch_deadline(1000);
            let instance = self.linked.instantiate(&mut store).unwrap();
            instance
                .get_typed_func::<(), ()>(&mut store, "_start")
                .unwrap()
                .call(&mut store, ())
                .unwrap();
            drop(store);
            stdout.contents()
        }
    }
}

struct Sides {
    command: Command,
    by_hand: by_hand::ByHand,
    twin: Twin,
}

impl Sides {
    fn new() -> Self {
        let engine = Engine::builder().pooling(INSTANCES).build().unwrap();
        let program = engine.load(&wasm("cat")).unwrap();
        Self {
            command: program.admit(&Grant::none(), &Services::default()).unwrap(),
            by_hand: by_hand::ByHand::new(&wasm("cat")),
            twin: Twin::new(&program),
        }
    }
}

fn warm_run(c: &mut Criterion) {
    let sides = Sides::new();
    for (name, stdin) in [
        ("trivial", Bytes::from_static(b"hi\n")),
        ("1 MiB", Bytes::from(vec![b'x'; 1 << 20])),
    ] {
        let mut group = c.benchmark_group(format!("warm run, {name}"));
        group.throughput(Throughput::Bytes(stdin.len() as u64));
        group.bench_function("dock", |b| {
            b.iter(|| black_box(dock(&sides.command, stdin.clone())));
        });
        group.bench_function("by hand on wasmtime-wasi", |b| {
            b.iter(|| black_box(sides.by_hand.run(stdin.clone())));
        });
        group.bench_function("bare wasmtime, own preview 1", |b| {
            b.iter(|| black_box(sides.twin.run("cat", stdin.clone())));
        });
        group.finish();
    }
}

/// The three sides turn by turn, so that what else the machine does hits all of
/// them: prints the ratios of the medians.
fn ratios(_: &mut Criterion) {
    const ROUNDS: usize = 400;
    const BATCH: u32 = 25;
    let sides = Sides::new();
    let stdin = Bytes::from_static(b"hi\n");
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let mut time = |side: usize, run: &dyn Fn()| {
            let started = Instant::now();
            (0..BATCH).for_each(|_| run());
            times[side].push(started.elapsed() / BATCH);
        };
        time(0, &|| drop(black_box(dock(&sides.command, stdin.clone()))));
        time(1, &|| drop(black_box(sides.by_hand.run(stdin.clone()))));
        time(2, &|| drop(black_box(sides.twin.run("cat", stdin.clone()))));
    }
    let [dock, by_hand, twin] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64()
    });
    println!(
        "warm run: dock {:.2} us; {:.2} x by hand on wasmtime-wasi ({:.2} us); {:.2} x bare twin ({:.2} us)",
        dock * 1e6,
        dock / by_hand,
        by_hand * 1e6,
        dock / twin,
        twin * 1e6,
    );
}

/// A guest that runs another by name: two runs, and what lies between.
fn nested(_: &mut Criterion) {
    struct Child(Resolved);
    impl Commands for Child {
        fn resolve(&self, _: &str) -> Result<Option<Resolved>, String> {
            Ok(Some(self.0.clone()))
        }
    }
    const RUNS: u32 = 20_000;
    let engine = Engine::builder().pooling(INSTANCES).build().unwrap();
    let child = Resolved {
        code: engine.load(&wasm("cat")).unwrap().into(),
        grant: Grant::none(),
        arg_mode: ArgMode::Argv,
    };
    let services = Services::default().commands(Arc::new(Child(child)));
    let declared = CapSet::of(Cap::Commands);
    let profile = Profile::minimal();
    let grant = Grant::decide(declared, Trust::FirstParty, &profile, None).unwrap();
    let caller = engine.load(&wasm("calls-commands")).unwrap();
    let caller = caller.admit(&grant, &services).unwrap();
    let started = Instant::now();
    for _ in 0..RUNS {
        let invocation = Invocation::new("caller").stdin("child\nhi\n");
        assert_eq!(caller.run(invocation).unwrap().stdout, "hi\n");
    }
    println!(
        "nested run, outer and inner: {:.2} us",
        (started.elapsed() / RUNS).as_secs_f64() * 1e6
    );
}

/// How often `work` is done in a second on so many threads.
fn rate(threads: u32, work: impl Fn() + Sync) -> f64 {
    const SPAN: Duration = Duration::from_millis(25);
    let until = Instant::now() + SPAN;
    let worker = || {
        let mut done = 0u32;
        while Instant::now() < until {
            work();
            done += 1;
        }
        done
    };
    let done: u32 = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let own = worker();
        own + others
            .into_iter()
            .map(|other| other.join().unwrap())
            .sum::<u32>()
    });
    f64::from(done) / SPAN.as_secs_f64()
}

/// One thread and two, where the cores are free: only rounds count in which work
/// that shares nothing went nearly twice as fast on two, just before and just after.
fn threads(_: &mut Criterion) {
    const ROUNDS: usize = 200;
    let sides = Sides::new();
    let stdin = Bytes::from_static(b"hi\n");
    let run = || drop(black_box(dock(&sides.command, stdin.clone())));
    let twin = || drop(black_box(sides.twin.run("cat", stdin.clone())));
    let free = || {
        let spin = || (0..2_000u32).for_each(|i| _ = black_box(i));
        rate(2, spin) / rate(1, spin) > 1.85
    };
    let mut gains = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        let was_free = free();
        let gain = rate(2, run) / rate(1, run);
        let bare = rate(2, twin) / rate(1, twin);
        if was_free && free() {
            gains[0].push(gain);
            gains[1].push(bare);
        }
    }
    let counted = gains[0].len();
    let [gain, bare] = gains.map(|mut gains| {
        gains.sort_by(f64::total_cmp);
        gains.get(gains.len() / 2).copied().unwrap_or(f64::NAN)
    });
    println!(
        "two threads: {gain:.2} x the runs of one; the bare twin {bare:.2} x \
         ({counted} of {ROUNDS} rounds had free cores)"
    );
}

criterion_group!(benches, warm_run, ratios, nested, threads);
criterion_main!(benches);
