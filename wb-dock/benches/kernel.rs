//! Calls of a kernel, next to the same calls on bare wasmtime: the two sides turn by
//! turn, so that what else the machine does hits both. Then a graph with shared
//! frames next to the sum of its kernels, and fan-out next to one thread.
//!
//! `cargo bench -p wb-dock --bench kernel`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::Instant;

use wb_dock::{Engine, Grant, Graph, Kernel, Services};
use wb_policy::{Cap, CapSet, Profiles, Trust};

/// Copies its input to its output.
const COPIES: &str = r#"(module
  (memory (export "memory") 4)
  (func (export "in_ptr") (result i32) (i32.const 1024))
  (func (export "out_ptr") (result i32) (i32.const 131072))
  (func (export "process") (param $len i32) (result i32)
    (memory.copy (i32.const 131072) (i32.const 1024) (local.get $len))
    (local.get $len)))"#;

/// Adds one to every byte of a shared frame, 64 bytes a turn.
const SHARES: &str = r#"(module
  (import "wb:frames" "input" (func $input (result i32)))
  (import "wb:frames" "output" (func $output (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "in_ptr") (result i32) (i32.const 0))
  (func (export "out_ptr") (result i32) (i32.const 0))
  (func (export "process") (param $len i32) (result i32)
    (local $i i32) (local $in i32) (local $out i32) (local $one v128)
    (local.set $one (i8x16.splat (i32.const 1)))
    (local.set $in (call $input))
    (local.set $out (call $output (local.get $len)))
    (loop $next
      (v128.store (i32.add (local.get $out) (local.get $i)) (i8x16.add (local.get $one)
        (v128.load (i32.add (local.get $in) (local.get $i)))))
      (v128.store offset=16 (i32.add (local.get $out) (local.get $i)) (i8x16.add (local.get $one)
        (v128.load offset=16 (i32.add (local.get $in) (local.get $i)))))
      (v128.store offset=32 (i32.add (local.get $out) (local.get $i)) (i8x16.add (local.get $one)
        (v128.load offset=32 (i32.add (local.get $in) (local.get $i)))))
      (v128.store offset=48 (i32.add (local.get $out) (local.get $i)) (i8x16.add (local.get $one)
        (v128.load offset=48 (i32.add (local.get $in) (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 64)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $len))))
    (local.get $len)))"#;

/// Burns a time that depends on nothing.
const BURNS: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "in_ptr") (result i32) (i32.const 0))
  (func (export "out_ptr") (result i32) (i32.const 0))
  (func (export "process") (param i32) (result i32)
    (local $i i32)
    (loop $next
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 2000000))))
    (i32.const 0)))"#;

fn kernel(text: &str) -> Kernel {
    let profile = "[profiles.media]\nextends = \"posix\"\nadd-caps = [\"frames\"]\n";
    let profiles = Profiles::from_toml(profile).unwrap();
    let media = profiles.get("media").unwrap();
    let grant = Grant::decide(CapSet::of(Cap::Frames), Trust::FirstParty, media, None).unwrap();
    let program = Engine::new()
        .unwrap()
        .load(&wat::parse_str(text).unwrap())
        .unwrap();
    program
        .admit_kernel("process", &grant, &Services::default())
        .unwrap()
}

/// The same calls with nothing but wasmtime: the function and the memory looked up
/// once, a deadline that never comes.
struct Bare {
    store: wasmtime::Store<()>,
    memory: wasmtime::Memory,
    entry: wasmtime::TypedFunc<i32, i32>,
}

impl Bare {
    fn new(text: &str) -> Self {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let engine = wasmtime::Engine::new(&config).unwrap();
        let wasm = wat::parse_str(text).unwrap();
        let module = wasmtime::Module::new(&engine, wasm).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let entry = instance.get_typed_func(&mut store, "process").unwrap();
        Self {
            store,
            memory,
            entry,
        }
    }

    fn call(&mut self, frame: &[u8]) -> &[u8] {
        self.memory.data_mut(&mut self.store)[1024..][..frame.len()].copy_from_slice(frame);
        let len = self
            .entry
            .call(&mut self.store, i32::try_from(frame.len()).unwrap())
            .unwrap();
        &self.memory.data(&self.store)[131_072..][..usize::try_from(len).unwrap()]
    }
}

/// Medians of both sides in seconds a call, taken turn by turn.
fn medians(rounds: usize, batch: u32, mut a: impl FnMut(), mut b: impl FnMut()) -> [f64; 2] {
    let mut times = [const { Vec::new() }; 2];
    for round in 0..rounds {
        let mut time = |side: usize, work: &mut dyn FnMut()| {
            let started = Instant::now();
            (0..batch).for_each(|_| work());
            times[side].push(started.elapsed().as_secs_f64() / f64::from(batch));
        };
        // Neither is always the first, which a scheduler might interrupt more often.
        if round % 2 == 0 {
            time(0, &mut a);
            time(1, &mut b);
        } else {
            time(1, &mut b);
            time(0, &mut a);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

fn calls() {
    let mut dock = kernel(COPIES).open("copies").unwrap();
    let mut bare = Bare::new(COPIES);
    for len in [0, 64, 1 << 10, 16 << 10] {
        let frame = vec![1; len];
        let [ours, theirs] = medians(
            400,
            2000,
            || _ = black_box(dock.call(black_box(&frame)).unwrap()),
            || _ = black_box(bare.call(black_box(&frame))),
        );
        println!(
            "{len} bytes in and out: {:.1} ns, bare {:.1} ns, {:.2} x",
            ours * 1e9,
            theirs * 1e9,
            ours / theirs
        );
    }
}

/// Four kernels in a chain, and what the four cost by themselves: one call with a
/// frame that has to be copied in, three with frames already in place.
fn graph() {
    let shares = kernel(SHARES);
    let frame = vec![1; 1920 * 1080 * 3];
    let chain = Graph::builder()
        .kernel("a", &shares)
        .kernel("b", &shares)
        .kernel("c", &shares)
        .kernel("d", &shares);
    let chain = chain.edge("a", "b").edge("b", "c").edge("c", "d");
    let mut chain = chain.build().unwrap().open().unwrap();
    let mut alone = shares.open("alone").unwrap();
    let [whole, sum] = medians(
        25,
        1,
        || _ = black_box(chain.run(&frame).unwrap()),
        || {
            black_box(alone.call(&frame).unwrap());
            for _ in 0..3 {
                black_box(alone.run(frame.len()).unwrap());
            }
        },
    );
    println!(
        "1080p through four kernels: {:.2} ms, their sum {:.2} ms, {:.2} x",
        whole * 1e3,
        sum * 1e3,
        whole / sum,
    );
}

fn fan_out() {
    let burns = kernel(BURNS);
    let frames = [[0_u8; 1]; 64];
    let on = |width| {
        let width = NonZeroUsize::new(width).unwrap();
        for result in burns.map("burns", &frames, width, <[u8]>::len) {
            result.unwrap();
        }
    };
    let [two, one] = medians(15, 1, || on(2), || on(1));
    println!("fan-out on two threads: efficiency {:.2}", one / two / 2.0);
}

fn main() {
    calls();
    #[cfg(target_os = "linux")]
    graph();
    fan_out();
}
