//! The process tier: the same runs as in this process, and nothing else gets out.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::guests::{ECHO, GROWS, NOTHING, SPINS, TRAPS, echo_args, module, spinning};
use wb_dock::cap::Session;
use wb_dock::{ErrorKind, Grant, Invocation, Output, Services};
use wb_policy::{Limits, Profile, Resource};
use wb_tier::{Attempt, Error, Process, Runner};

fn process() -> Process {
    Process::with_worker(env!("CARGO_BIN_EXE_wb-worker"))
}

fn limited(change: impl FnOnce(&mut Limits)) -> Grant {
    let mut limits = Profile::compute().limits();
    change(&mut limits);
    Grant::none().narrow_limits(limits)
}

#[test]
fn a_confined_worker_can_do_none_of_this() {
    let results = process().attempt(&Attempt::ALL).unwrap();
    for (attempt, result) in Attempt::ALL.iter().zip(results) {
        let errno = result.unwrap_or_else(|| panic!("{attempt:?} worked"));
        assert!(
            errno == libc_eperm() || errno == libc_eacces(),
            "{attempt:?} failed with {errno}, refused wanted"
        );
    }
}

const fn libc_eperm() -> i32 {
    1
}

const fn libc_eacces() -> i32 {
    13
}

#[test]
fn the_probe_names_what_is_in_force() {
    let confinement = process().probe().unwrap();
    assert!(
        confinement.seccomp && confinement.no_new_privileges,
        "{confinement:?}"
    );
    assert!(
        confinement.unprivileged && confinement.landlock > 0,
        "{confinement:?}"
    );
}

#[test]
fn a_binary_that_is_no_worker_is_refused() {
    let error = Process::new().unwrap_err();
    assert_eq!(error.code(), "tier/unavailable");
    assert!(error.to_string().contains("worker_if_asked"), "{error}");
}

#[test]
fn a_program_that_is_no_worker_is_not_taken_for_one() {
    let cat = Process::with_worker("/bin/true");
    let error = cat.run(
        &module(NOTHING),
        &Grant::none(),
        &Services::default(),
        Invocation::new("n"),
    );
    assert_eq!(error.unwrap_err().code(), "tier/start");
}

#[test]
fn input_goes_in_and_output_comes_out() {
    let process = process();
    let run = |input: &'static str| {
        let invocation = Invocation::new("echo").stdin(input);
        process
            .run(
                &module(ECHO),
                &Grant::none(),
                &Services::default(),
                invocation,
            )
            .unwrap()
    };
    let outcome = run("hello");
    assert_eq!(outcome.stdout, "hello");
    assert!(outcome.usage.memory_peak >= 64 << 10 && outcome.usage.output == 5);
    let workers = process.idle_workers();
    assert_eq!(run("again").stdout, "again");
    assert_eq!(process.idle_workers(), workers, "the worker was kept");
}

#[test]
fn arguments_reach_the_guest() {
    let invocation = Invocation::new("args").args(["one", "two"]);
    let outcome = process()
        .run(
            &echo_args(),
            &Grant::none(),
            &Services::default(),
            invocation,
        )
        .unwrap();
    assert_eq!(outcome.stdout, "args\0one\0two\0");
}

#[test]
fn streams_are_passed_on_both_ways() {
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sink = Sink::default();
    let invocation = Invocation::new("echo")
        .stdin(wb_dock::Input::stream(&b"streamed"[..]))
        .stdout(Output::stream(sink.clone()));
    let outcome = process()
        .run(
            &module(ECHO),
            &Grant::none(),
            &Services::default(),
            invocation,
        )
        .unwrap();
    assert_eq!(outcome.stdout, "");
    assert_eq!(*sink.0.lock().unwrap(), b"streamed");
}

#[test]
fn limits_hold_and_leave_the_worker_usable() {
    let process = process();
    let grant = limited(|limits| limits.wall = Duration::from_millis(200));
    let started = Instant::now();
    let _alone = spinning();
    for (guest, resource) in [(SPINS, Resource::Wall), (GROWS, Resource::Memory)] {
        let run = process.run(
            &module(guest),
            &grant,
            &Services::default(),
            Invocation::new("g"),
        );
        let Err(Error::Dock(error)) = run else {
            panic!("{run:?}")
        };
        let ErrorKind::Limit(exceeded) = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(exceeded.resource, resource);
        assert_eq!(&*exceeded.by, "g");
    }
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(process.idle_workers().len(), 2);
}

#[test]
fn crashes_and_refusals_read_as_without_a_worker() {
    let process = process();
    let run = |guest| {
        let invocation = Invocation::new("g");
        let run = process.run(
            &module(guest),
            &Grant::none(),
            &Services::default(),
            invocation,
        );
        run.unwrap_err()
    };
    assert_eq!(
        run(TRAPS).to_string(),
        "`g` crashed: wasm `unreachable` instruction executed"
    );
    let refused = run(crate::guests::COMMANDS);
    assert_eq!(refused.code(), "dock/not-granted");
    assert!(
        refused
            .to_string()
            .contains("the smallest profile that grants it is `minimal`"),
        "{refused}"
    );
    assert_eq!(run("(module)").code(), "dock/not-a-command");
}

#[test]
fn a_worker_killed_in_a_call_is_a_typed_error_and_the_next_call_works() {
    let _alone = spinning();
    let process = process();
    let grant = limited(|limits| limits.wall = Duration::from_secs(20));
    let spin = || {
        process.run(
            &module(SPINS),
            &grant,
            &Services::default(),
            Invocation::new("spin"),
        )
    };
    let error = std::thread::scope(|scope| {
        let run = scope.spawn(spin);
        let victim = (0..300).find_map(|_| {
            std::thread::sleep(Duration::from_millis(50));
            children_using_cpu()
        });
        let victim = victim.expect("a worker spins");
        let pid = rustix::process::Pid::from_raw(victim).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        run.join().unwrap().unwrap_err()
    });
    assert_eq!(error.code(), "tier/worker-died");
    assert_eq!(
        error.to_string(),
        "the worker of `spin` died: signal 9 ended it"
    );
    let echo = Invocation::new("echo").stdin("still here");
    let outcome = process.run(&module(ECHO), &grant, &Services::default(), echo);
    assert_eq!(outcome.unwrap().stdout, "still here");
}

/// A worker of this process that has computed for a while: the one that spins.
fn children_using_cpu() -> Option<i32> {
    let own = std::process::id().to_string();
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, fields)) = stat.rsplit_once(") ") else {
            continue;
        };
        let fields: Vec<_> = fields.split(' ').collect();
        let ticks: u64 = fields[11].parse().unwrap_or(0);
        let args = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        // Only a guest that spins computes that long, and `spinning` is held.
        if fields[1] == own && args.contains("--wb-worker") && ticks > 30 {
            return Some(pid);
        }
    }
    None
}

#[test]
fn a_worker_that_died_while_it_waited_is_replaced() {
    let process = process();
    let run = || {
        let echo = Invocation::new("echo").stdin("x");
        process.run(&module(ECHO), &Grant::none(), &Services::default(), echo)
    };
    assert_eq!(run().unwrap().stdout, "x");
    let pid = process.idle_workers()[0];
    let victim = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(victim, rustix::process::Signal::KILL).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(run().unwrap().stdout, "x");
    assert_ne!(process.idle_workers(), [pid]);
}

#[test]
fn tenants_do_not_share_a_worker() {
    let process = process();
    for tenant in ["a", "b", "a"] {
        let services = Services::default().session(Session {
            id: "s".to_owned(),
            tenant: tenant.to_owned(),
        });
        let invocation = Invocation::new("n");
        let outcome = process.run(&module(NOTHING), &Grant::none(), &services, invocation);
        assert!(outcome.unwrap().is_success());
    }
    assert_eq!(process.idle_workers().len(), 2);
}
