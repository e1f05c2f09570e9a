//! What a warm call into a worker process costs, beside a bare round trip over pipes
//! to a process that does nothing, and beside the same run in this process.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use criterion::Criterion;
use wb_dock::{Engine, Grant, Invocation, Services};
use wb_tier::{Instance, Module, Process, Runner};

/// Bytes in each direction of the bare round trip: about a message of a call.
const MESSAGE: usize = 64;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--echo") {
        return echo();
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("call");

    let this = std::env::current_exe().expect("the benchmark is a file");
    let mut child = Command::new(this)
        .arg("--echo")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut to = child.stdin.take().expect("it was asked for");
    let mut from = child.stdout.take().expect("it was asked for");
    let mut message = [0; MESSAGE];
    group.bench_function("bare pipe round trip", |bencher| {
        bencher.iter(|| {
            to.write_all(&message).expect("the child reads");
            from.read_exact(&mut message).expect("the child answers");
        });
    });
    drop(to);
    let _ = child.wait();

    let wasm = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#);
    let module = Module::new(wasm.expect("the text is a module"));
    let (grant, services) = (Grant::none(), Services::default());
    let process = Process::with_worker(env!("CARGO_BIN_EXE_wb-worker"));
    let engine = Engine::builder().pooling(4).build().expect("an engine");
    let instance = Instance::new(engine);
    let tiers: [(&str, &dyn Runner); 2] = [("process", &process), ("instance", &instance)];
    for (name, tier) in tiers {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                tier.run(&module, &grant, &services, Invocation::new("nothing"))
                    .expect("the guest does nothing wrong")
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// The other end of the bare round trip.
fn echo() {
    let (mut from, mut to) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut message = [0; MESSAGE];
    while from.read_exact(&mut message).is_ok() {
        if to.write_all(&message).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}
