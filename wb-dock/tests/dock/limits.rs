//! Every limit stops the guest, and the error says which one it was and whose.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wb_dock::fs::{Image, Mount};
use wb_dock::{Clock, Engine, Error, ErrorKind, Grant, Invocation, Outcome, Services};
use wb_policy::Resource;

use crate::support::{admit, engines, limited, program, run, run_limited, wall};

fn exceeded(run: Result<Outcome, Error>) -> (Resource, String) {
    let error = run.unwrap_err();
    let ErrorKind::Limit(exceeded) = error.kind() else {
        panic!("not a limit: {error}");
    };
    assert_eq!(error.code(), exceeded.code());
    (exceeded.resource, error.to_string())
}

#[test]
fn a_loop_ends_at_its_deadline() {
    for (name, builder) in engines() {
        let engine = builder.build().unwrap();
        let grant = wall(Duration::from_millis(60));
        let spins = program(&engine, "spins")
            .admit(&grant, &Services::default())
            .unwrap();
        let started = Instant::now();
        let (resource, message) = exceeded(spins.run(Invocation::new("spins")));
        let took = started.elapsed();
        assert_eq!(resource, Resource::Wall);
        assert_eq!(
            message, "wall-time limit of 60 ms reached by `spins`",
            "{name}"
        );
        assert!(took >= Duration::from_millis(60), "{name}: {took:?}");
        // Twenty milliseconds where nothing else runs; tests share their cores.
        assert!(took < Duration::from_millis(400), "{name}: {took:?}");
    }
}

#[test]
fn deadlines_hold_after_the_engine_has_been_idle() {
    let engine = Engine::new().unwrap();
    let grant = wall(Duration::from_millis(30));
    let spins = program(&engine, "spins")
        .admit(&grant, &Services::default())
        .unwrap();
    for pause in [0, 400, 0] {
        std::thread::sleep(Duration::from_millis(pause));
        let (resource, _) = exceeded(spins.run(Invocation::new("spins")));
        assert_eq!(resource, Resource::Wall);
    }
}

#[test]
fn host_calls_end_at_the_deadline_too() {
    let started = Instant::now();
    let run = admit("one-large-read", &wall(Duration::from_millis(50))).run(Invocation::new("x"));
    assert_eq!(exceeded(run).0, Resource::Wall);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn real_sleep_ends_at_the_deadline() {
    struct System(Instant);
    impl Clock for System {
        fn wall(&self) -> u64 {
            0
        }
        fn monotonic(&self) -> u64 {
            self.0.elapsed().as_nanos() as u64
        }
        fn sleep(&self, time: Duration) {
            std::thread::sleep(time);
        }
    }
    let services = Services::default().clock(Arc::new(System(Instant::now())));
    let program = program(&Engine::new().unwrap(), "sleeps");
    let grant = wall(Duration::from_millis(50));
    let sleeps = program.admit(&grant, &services).unwrap();
    let started = Instant::now();
    assert_eq!(exceeded(sleeps.run(Invocation::new("x"))).0, Resource::Wall);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn memory_stops_where_it_is_charged() {
    for (name, builder) in engines() {
        let engine = builder.build().unwrap();
        for guest in ["grows", "grows-table"] {
            let grows = program(&engine, guest)
                .admit(&Grant::none(), &Services::default())
                .unwrap();
            let (resource, message) = exceeded(grows.run(Invocation::new(guest)));
            assert_eq!(resource, Resource::Memory, "{name}");
            let start = format!("memory limit of 64 MiB reached: `{guest}` asked for ");
            assert!(message.starts_with(&start), "{name}: {message}");
        }
    }
}

/// The memory limit comes first for all elements that a table can have; for one more the
/// guest is told no, with a pool and without.
#[test]
fn a_table_has_the_same_limit_on_every_engine() {
    let grows_by = |elements: u32| {
        let text = format!(
            r#"(module
                 (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                 (memory (export "memory") 1)
                 (table $t 0 funcref)
                 (func (export "_start")
                   (call $exit (i32.eq (i32.const -1)
                     (table.grow $t (ref.null func) (i32.const {elements}))))))"#
        );
        wat::parse_str(text).unwrap()
    };
    for (name, builder) in engines() {
        let engine = builder.build().unwrap();
        let run = |elements| {
            let program = engine.load(&grows_by(elements)).unwrap();
            let grows = program.admit(&Grant::none(), &Services::default());
            grows.unwrap().run(Invocation::new("grows"))
        };
        assert_eq!(exceeded(run(1 << 25)).0, Resource::Memory, "{name}");
        assert_eq!(run((1 << 25) + 1).unwrap().exit_code, 1, "{name}");
    }
}

#[test]
fn memory_asked_for_from_the_start_counts() {
    let (resource, message) = exceeded(run("starts-large"));
    assert_eq!(resource, Resource::Memory);
    assert_eq!(
        message,
        "memory limit of 64 MiB reached: `starts-large` asked for 512 MiB more"
    );
}

#[test]
fn memory_is_given_back_when_a_run_ends() {
    let cat = admit("cat", &limited(|limits| limits.memory = 128 << 10));
    for _ in 0..10 {
        let outcome = cat.run(Invocation::new("cat").stdin("x")).unwrap();
        assert_eq!(outcome.usage.memory_peak, 128 << 10);
    }
}

#[test]
fn files_are_memory() {
    for guest in ["fills-files", "makes-files"] {
        let guest = admit(guest, &limited(|limits| limits.memory = 4 << 20));
        let mount = Mount::writable("/", Image::empty());
        let error = guest.run(Invocation::new("x").mount(mount)).unwrap_err();
        let peak = error.outcome().unwrap().usage.memory_peak;
        assert!((2 << 20..=4 << 20).contains(&peak), "{peak}");
        assert_eq!(exceeded(Err(error)).0, Resource::Memory);
    }
}

#[test]
fn output_is_counted_and_kept_up_to_the_limit() {
    let error = run_limited("writes-forever", |limits| limits.output = 1_000_000).unwrap_err();
    assert_eq!(error.outcome().unwrap().stdout.len(), 15 * 65_536);
    let (resource, message) = exceeded(Err(error));
    assert_eq!(resource, Resource::Output);
    assert_eq!(
        message,
        "output limit of 1000000 bytes reached: `writes-forever` asked for 64 KiB more"
    );
}

#[test]
fn dock_calls_are_counted() {
    let run = run_limited("calls-dock-forever", |limits| limits.host_calls = 1000);
    assert_eq!(exceeded(run).0, Resource::HostCalls);
}

#[test]
fn fuel_stops_at_the_same_place_every_time() {
    let engine = Engine::builder().fuel(true).build().unwrap();
    let grant = limited(|limits| limits.fuel = Some(100_000));
    let spins = program(&engine, "spins")
        .admit(&grant, &Services::default())
        .unwrap();
    let cat = program(&engine, "cat")
        .admit(&grant, &Services::default())
        .unwrap();
    let (resource, message) = exceeded(spins.run(Invocation::new("spins")));
    assert_eq!(resource, Resource::Fuel);
    assert!(
        message.starts_with("fuel limit of 100000 reached"),
        "{message}"
    );
    let burnt: Vec<u64> = (0..3)
        .map(|_| {
            cat.run(Invocation::new("cat").stdin("x"))
                .unwrap()
                .usage
                .fuel
        })
        .collect();
    assert!(
        burnt[0] > 0 && burnt.iter().all(|fuel| *fuel == burnt[0]),
        "{burnt:?}"
    );
}

#[test]
fn a_limit_on_fuel_needs_an_engine_that_counts_it() {
    let grant = limited(|limits| limits.fuel = Some(1));
    let program = program(&Engine::new().unwrap(), "cat");
    let error = program.admit(&grant, &Services::default()).unwrap_err();
    assert_eq!(error.code(), "dock/engine");
}

#[test]
fn recursion_is_a_trap_and_not_the_end_of_the_host() {
    for _ in 0..3 {
        let error = run("recurses").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`recurses` crashed: call stack exhausted"
        );
    }
}

#[test]
fn more_guests_than_the_pool_has_room_for_are_refused() {
    /// Holds a sleeping guest until it is let go.
    struct Gate(std::sync::Barrier);
    impl Clock for Gate {
        fn wall(&self) -> u64 {
            0
        }
        fn monotonic(&self) -> u64 {
            0
        }
        fn sleep(&self, _: Duration) {
            self.0.wait();
            self.0.wait();
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    let engine = Engine::builder().pooling(1).build().unwrap();
    let gate = Arc::new(Gate(std::sync::Barrier::new(2)));
    let grant = wall(Duration::from_millis(200));
    let sleeps = program(&engine, "sleeps")
        .admit(&grant, &Services::default().clock(gate.clone()))
        .unwrap();
    let cat = program(&engine, "cat")
        .admit(&grant, &Services::default())
        .unwrap();
    std::thread::scope(|scope| {
        let held = scope.spawn(|| sleeps.run(Invocation::new("sleeps")));
        gate.0.wait();
        let error = cat.run(Invocation::new("cat")).unwrap_err();
        assert_eq!(error.code(), "dock/busy", "{error}");
        gate.0.wait();
        assert_eq!(exceeded(held.join().unwrap()).0, Resource::Wall);
    });
    cat.run(Invocation::new("cat")).unwrap();
}
