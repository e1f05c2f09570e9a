//! Calls of a component, next to the same calls written by hand on wasmtime: typed
//! text and list calls of an instance that is there already, and an instance with its
//! one call. Both sides use the pooling allocator and epochs.
//!
//! `cargo bench -p wb-dock --features bare --bench component`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::hint::black_box;
use std::time::Instant;

use wasmtime::component::{Component, InstancePre, Linker, TypedFunc};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};
use wb_dock::{Grant, Invocation, Services};

/// Returns what it is given: text, and a list of bytes.
const ECHO: &str = r#"(component
  (core module $m
    (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0))
      (i32.store (i32.const 20) (local.get 1))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (func (export "text") (param "it" string) (result string)
    (canon lift (core func $i "echo") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc"))))
  (func (export "list") (param "it" (list u8)) (result (list u8))
    (canon lift (core func $i "echo") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))"#;

const INSTANCES: u32 = 64;
const ROUNDS: usize = 300;

struct ByHand {
    engine: Engine,
    linked: InstancePre<()>,
}

impl ByHand {
    fn new(wasm: &[u8]) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(INSTANCES)
            .total_component_instances(INSTANCES)
            .total_memories(INSTANCES)
            .linear_memory_keep_resident(256 << 10)
            .table_keep_resident(64 << 10)
            .pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::new(&engine, wasm).unwrap();
        let linked = Linker::new(&engine).instantiate_pre(&component).unwrap();
        Self { engine, linked }
    }

    fn start(&self) -> (Store<()>, wasmtime::component::Instance) {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.linked.instantiate(&mut store).unwrap();
        (store, instance)
    }
}

/// Runs both sides turn by turn, so that what else the machine does hits both, and
/// prints the medians and their ratio.
fn compare(what: &str, batch: u32, limit: f64, mut dock: impl FnMut(), mut bare: impl FnMut()) {
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        for (times, side) in times
            .iter_mut()
            .zip([&mut dock as &mut dyn FnMut(), &mut bare])
        {
            let started = Instant::now();
            (0..batch).for_each(|_| side());
            times.push(started.elapsed().as_secs_f64() / f64::from(batch));
        }
    }
    let [dock, bare] = times.map(|mut times| {
        times.sort_unstable_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    println!(
        "{what}: dock {:.0} ns, by hand {:.0} ns, {:.2} x (at most {limit} x)",
        dock * 1e9,
        bare * 1e9,
        dock / bare,
    );
}

fn main() {
    let wasm = wat::parse_str(ECHO).unwrap();
    let by_hand = ByHand::new(&wasm);
    let grant = Grant::none();
    for on_callers in [true, false] {
        let mut engine = wb_dock::Engine::builder().pooling(INSTANCES);
        if on_callers {
            engine = engine.callers_stack();
        }
        let program = engine.build().unwrap().load_component(&wasm).unwrap();
        let component = program.admit(&grant, &Services::default()).unwrap();
        println!(
            "on {}",
            if on_callers {
                "the caller's stack"
            } else {
                "a stack of its own"
            }
        );
        calls(&component, &by_hand);
        starts(&component, &by_hand);
    }
}

fn calls(component: &wb_dock::Component, by_hand: &ByHand) {
    for size in [16, 1024] {
        let text = "x".repeat(size);
        let bytes = text.as_bytes();
        let mut instance = component.start(Invocation::new("echo")).unwrap();
        let (mut store, bare) = by_hand.start();
        let ours = instance.typed::<(&str,), (String,)>("text").unwrap();
        let theirs: TypedFunc<(&str,), (String,)> =
            bare.get_typed_func(&mut store, "text").unwrap();
        compare(
            &format!("text of {size} bytes"),
            2000,
            1.25,
            || drop(black_box(instance.call(&ours, (&text,)).unwrap())),
            || drop(black_box(theirs.call(&mut store, (&text,)).unwrap())),
        );
        let ours = instance.typed::<(&[u8],), (Vec<u8>,)>("list").unwrap();
        let theirs: TypedFunc<(&[u8],), (Vec<u8>,)> =
            bare.get_typed_func(&mut store, "list").unwrap();
        compare(
            &format!("list of {size} bytes"),
            2000,
            1.25,
            || drop(black_box(instance.call(&ours, (bytes,)).unwrap())),
            || drop(black_box(theirs.call(&mut store, (bytes,)).unwrap())),
        );
    }
}

fn starts(component: &wb_dock::Component, by_hand: &ByHand) {
    compare(
        "instance and one call",
        100,
        1.3,
        || {
            let called = component.call_typed::<(&str,), (String,)>("text", ("hi",));
            drop(black_box(called.unwrap()));
        },
        || {
            let (mut store, bare) = by_hand.start();
            let text = bare.get_typed_func::<(&str,), (String,)>(&mut store, "text");
            drop(black_box(text.unwrap().call(&mut store, ("hi",)).unwrap()));
        },
    );
}
