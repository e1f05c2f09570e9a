//! What a warm call into a worker process costs, beside a bare round trip over pipes
//! to a process that does nothing, and beside the same run in this process.
//!
//! Everything is measured on one processor first. With more than one, a round trip
//! takes ten times as long when the other side was put on a processor that had gone to
//! sleep, and which of the two is hit by that is a matter of luck.

#![expect(clippy::print_stdout, reason = "a benchmark says what it measured")]

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use wb_dock::{Engine, Grant, Invocation, Services};
use wb_tier::{Instance, Module, Process, Runner};

/// Bytes in each direction of the bare round trip: about a message of a call.
const MESSAGE: usize = 64;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--echo") {
        return echo();
    }
    let everywhere = sched_getaffinity(None).expect("where this process may run");
    let mut one = CpuSet::new();
    let first = (0..CpuSet::MAX_CPU).find(|&cpu| everywhere.is_set(cpu));
    one.set(first.expect("it runs somewhere"));
    for (place, cpus) in [("one processor", one), ("all processors", everywhere)] {
        // What is started from here on stays there as well.
        sched_setaffinity(None, &cpus).expect("this process may say where it runs");
        let mut sides = Sides::new();
        println!("{place}: {}", ratios(&mut sides));
        sides.pipe.end();
    }
}

/// The sides turn by turn, so that what else the machine does hits all of them: the
/// medians and their ratio.
fn ratios(sides: &mut Sides) -> String {
    const ROUNDS: usize = 400;
    const BATCH: u32 = 25;
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let mut time = |side: usize, work: &mut dyn FnMut()| {
            let started = Instant::now();
            (0..BATCH).for_each(|_| work());
            times[side].push(started.elapsed() / BATCH);
        };
        time(0, &mut || sides.pipe.round_trip());
        time(1, &mut || sides.process());
        time(2, &mut || sides.instance());
    }
    let [pipe, process, instance] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64() * 1e6
    });
    format!(
        "warm call in a process {process:.2} us; {:.2} x bare pipe round trip ({pipe:.2} us); \
         in this process {instance:.2} us",
        process / pipe
    )
}

/// What is compared.
struct Sides {
    pipe: Pipe,
    process: Process,
    instance: Instance,
    module: Module,
    grant: Grant,
    services: Services,
}

impl Sides {
    fn new() -> Self {
        let nothing = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
        let wasm = wat::parse_str(nothing).expect("the text is a module");
        let engine = Engine::builder().pooling(4).build().expect("an engine");
        Self {
            pipe: Pipe::new(),
            process: Process::with_worker(env!("CARGO_BIN_EXE_wb-worker")),
            instance: Instance::new(engine),
            module: Module::new(wasm),
            grant: Grant::none(),
            services: Services::default(),
        }
    }

    fn process(&self) {
        self.run(&self.process);
    }

    fn instance(&self) {
        self.run(&self.instance);
    }

    fn run(&self, tier: &dyn Runner) {
        let nothing = Invocation::new("nothing");
        tier.run(&self.module, &self.grant, &self.services, nothing)
            .expect("the guest does nothing wrong");
    }
}

/// A process that sends back what it gets.
struct Pipe {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Pipe {
    fn new() -> Self {
        let this = std::env::current_exe().expect("the benchmark is a file");
        let mut child = Command::new(this)
            .arg("--echo")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let to = child.stdin.take().expect("it was asked for");
        let from = child.stdout.take().expect("it was asked for");
        Self { child, to, from }
    }

    fn round_trip(&mut self) {
        let mut message = [0; MESSAGE];
        self.to.write_all(&message).expect("the child reads");
        self.from
            .read_exact(&mut message)
            .expect("the child answers");
    }

    fn end(mut self) {
        drop(self.to);
        let _ = self.child.wait();
    }
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
