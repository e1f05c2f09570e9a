use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use wb_dock::{Invocation, Outcome, Output};
use wb_host::{Error, Home, Nexus, TaskStreams, Toolkits, Values, consent, rfc3339, unix_time};
use wb_policy::{Cap, CapSet, Consent, Limits, Posture, Profile, Shape, Tier, Trust};
use wb_registry::{Binding, Store as _};

/// Every case and its name.
pub(crate) const ALL: [(&str, fn()); 10] = [
    (
        "a_component_is_called_in_a_worker",
        a_component_is_called_in_a_worker,
    ),
    (
        "a_kernel_is_called_in_a_worker",
        a_kernel_is_called_in_a_worker,
    ),
    (
        "what_strangers_wrote_is_compiled_in_the_worker",
        what_strangers_wrote_is_compiled_in_the_worker,
    ),
    (
        "what_is_wrong_reads_the_same_in_a_worker",
        what_is_wrong_reads_the_same_in_a_worker,
    ),
    (
        "a_nested_command_has_a_worker_of_its_own",
        a_nested_command_has_a_worker_of_its_own,
    ),
    ("a_worker_starts_another", a_worker_starts_another),
    (
        "the_time_of_a_nested_worker_is_its_callers",
        the_time_of_a_nested_worker_is_its_callers,
    ),
    (
        "the_output_of_a_nested_worker_is_its_callers",
        the_output_of_a_nested_worker_is_its_callers,
    ),
    (
        "a_nested_command_needs_its_own_consent",
        a_nested_command_needs_its_own_consent,
    ),
    ("a_task_runs_across_tiers", a_task_runs_across_tiers),
];

const ECHO: &str = include_str!("../../src/nexus/run/echo.wat");
/// Runs `echo abcde` and exits with its exit code, or with 100 more than the error's number.
const CALLS: &str = include_str!("../../src/nexus/run/calls.wat");
const SPINS: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;
/// Writes a page of zeroes again and again.
const FLOODS: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (i32.store (i32.const 4) (i32.const 65536))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $again))))"#;
const COMPONENT: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (global $at (mut i32) (i32.const 1024))
    (func (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $at)
      (global.set $at (i32.add (global.get $at) (local.get 3))))
    (func (export "same") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $i "add")))
  (func (export "run") (param "input" string) (result string)
    (canon lift (core func $i "same") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))"#;
/// Gives back the frame without its first byte, and fails for an empty one.
const KERNEL: &str = r#"(module
  (memory (export "memory") 2)
  (func (export "in_ptr") (result i32) i32.const 1024)
  (func (export "out_ptr") (result i32) i32.const 1025)
  (func (export "process") (param i32) (result i32)
    (i32.sub (local.get 0) (i32.const 1))))"#;

fn nexus(minimum: Tier) -> (TempDir, Nexus) {
    let dir = tempfile::tempdir().unwrap();
    let nexus = Nexus::open(Home::at(dir.path().join("nexus")));
    let posture = Posture {
        minimum,
        ..Posture::default()
    };
    (dir, nexus.with_posture(posture))
}

fn register(nexus: &Nexus, name: &str, wat: &str, change: impl Fn(&mut Binding)) {
    let wasm = wat::parse_str(wat).unwrap();
    let bound = nexus.register(|store| {
        let mut binding = Binding::command(name.parse().unwrap(), store.put(&wasm)?);
        change(&mut binding);
        Ok(vec![binding])
    });
    bound.unwrap();
}

fn theirs(binding: &mut Binding) {
    binding.trust = Trust::ThirdParty;
    binding.toolkit = Some("theirs".parse().unwrap());
}

fn calls(binding: &mut Binding) {
    binding.caps = CapSet::of(Cap::Commands);
}

fn run(nexus: &Nexus, name: &str, profile: &Profile) -> Result<Outcome, Error> {
    nexus.run(name, Invocation::new(name), profile)
}

/// `minimal` within other limits.
fn within(change: impl FnOnce(&mut Limits)) -> Profile {
    let minimal = Profile::minimal();
    let mut limits = minimal.limits();
    change(&mut limits);
    Profile::new("within", minimal.caps(), limits, minimal.scopes().clone())
}

fn a_component_is_called_in_a_worker() {
    let (_dir, nexus) = nexus(Tier::Process);
    register(&nexus, "it", COMPONENT, |binding| {
        binding.shape = Shape::Component;
    });
    let call = |function, values: Values<'_>| {
        let callable = nexus.callable("it", function, &Profile::compute());
        let returned = callable.unwrap().call(values, Invocation::new("it"));
        returned.unwrap().value
    };
    assert_eq!(call(Some("add"), Values::Wave("2, 3")), "5");
    let values = json!({"a": 2, "b": 3});
    assert_eq!(call(Some("add"), Values::Json(&values)), 5);
    assert_eq!(call(None, Values::Text("not \"WAVE\"")), "not \"WAVE\"");
}

fn a_kernel_is_called_in_a_worker() {
    let (_dir, nexus) = nexus(Tier::Process);
    register(&nexus, "it", KERNEL, |binding| {
        binding.shape = Shape::Kernel;
    });
    for frame in ["abc", "b"] {
        let processed = nexus.process("it", frame.as_bytes(), &Profile::compute());
        let processed = processed.unwrap();
        assert_eq!(processed.bytes, &frame.as_bytes()[1..]);
        assert_eq!(processed.usage.memory_peak, 2 << 16);
    }
}

fn what_strangers_wrote_is_compiled_in_the_worker() {
    for trust in [Trust::FirstParty, Trust::ThirdParty] {
        let (_dir, nexus) = nexus(Tier::Process);
        register(&nexus, "typed", COMPONENT, |binding| {
            binding.shape = Shape::Component;
            theirs(binding);
            binding.trust = trust;
        });
        register(&nexus, "frames", KERNEL, |binding| {
            binding.shape = Shape::Kernel;
            theirs(binding);
            binding.trust = trust;
        });
        let callable = nexus.callable("typed", Some("add"), &Profile::compute());
        let callable = callable.unwrap();
        let listed: Vec<_> = callable.functions().map(ToString::to_string).collect();
        assert_eq!(
            listed,
            [
                "add: func(a: u32, b: u32) -> u32",
                "run: func(input: string) -> string"
            ]
        );
        let returned = callable.call(Values::Wave("2, 3"), Invocation::new("typed"));
        assert_eq!(returned.unwrap().value, "5");
        let processed = nexus.process("frames", b"ab", &Profile::compute());
        assert_eq!(processed.unwrap().bytes, "b");
        // What this process compiles, it keeps.
        let kept = if trust == Trust::FirstParty { 2 } else { 0 };
        assert_eq!(programs_compiled_by(&nexus), kept, "{trust:?}");
    }
}

fn programs_compiled_by(nexus: &Nexus) -> usize {
    let below = |dir| {
        fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let files = below(nexus.home().code()).flat_map(below);
    files
        .filter(|path| path.extension().is_some_and(|kind| kind == "cwasm"))
        .count()
}

fn what_is_wrong_reads_the_same_in_a_worker() {
    let failures = |tier| {
        let (_dir, nexus) = nexus(tier);
        register(&nexus, "typed", COMPONENT, |binding| {
            binding.shape = Shape::Component;
        });
        register(&nexus, "frames", KERNEL, |binding| {
            binding.shape = Shape::Kernel;
        });
        register(&nexus, "no-kernel", ECHO, |binding| {
            binding.shape = Shape::Kernel;
        });
        let call = |function, values| {
            let callable = nexus.callable("typed", Some(function), &Profile::compute());
            let called = callable.and_then(|it| it.call(values, Invocation::new("typed")));
            called.unwrap_err().to_string()
        };
        let process = |name, frame| {
            let processed = nexus.process(name, frame, &Profile::compute());
            processed.unwrap_err().to_string()
        };
        [
            call("add", Values::Wave("2")),
            call("add", Values::Json(&json!([1, "x"]))),
            call("sub", Values::Wave("")),
            process("frames", b""),
            process("frames", &vec![0; 1 << 20]),
            process("no-kernel", b"x"),
        ]
    };
    assert_eq!(failures(Tier::Process), failures(Tier::Instance));
}

fn a_nested_command_has_a_worker_of_its_own() {
    let (_dir, nexus) = nexus(Tier::Instance);
    register(&nexus, "calls", CALLS, calls);
    register(&nexus, "echo", ECHO, theirs);
    let outcome = run(&nexus, "calls", &Profile::minimal()).unwrap();
    assert_eq!((outcome.exit_code, outcome.usage.children), (5, 1));
    let log = fs::read_to_string(nexus.home().steps()).unwrap();
    assert!(
        log.starts_with(r#"{"tool":"command:echo","exit_code":5"#),
        "{log}"
    );
    assert_eq!(log.lines().count(), 2, "{log}");
}

fn a_worker_starts_another() {
    let (_dir, nexus) = nexus(Tier::Process);
    register(&nexus, "calls", CALLS, calls);
    register(&nexus, "echo", ECHO, |_| ());
    for _ in 0..2 {
        let outcome = run(&nexus, "calls", &Profile::minimal()).unwrap();
        assert_eq!((outcome.exit_code, outcome.usage.children), (5, 1));
    }
}

fn the_time_of_a_nested_worker_is_its_callers() {
    for tier in [Tier::Instance, Tier::Process] {
        let (_dir, nexus) = nexus(tier);
        register(&nexus, "calls", CALLS, calls);
        register(&nexus, "echo", SPINS, theirs);
        let short = within(|limits| limits.wall = Duration::from_secs(1));
        let started = Instant::now();
        let error = run(&nexus, "calls", &short).unwrap_err();
        assert_eq!(
            error.to_string(),
            "wall-time limit of 1 s reached by `calls`"
        );
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

fn the_output_of_a_nested_worker_is_its_callers() {
    for tier in [Tier::Instance, Tier::Process] {
        let (_dir, nexus) = nexus(tier);
        register(&nexus, "calls", CALLS, calls);
        register(&nexus, "echo", FLOODS, theirs);
        let little = within(|limits| limits.output = 200_000);
        let outcome = run(&nexus, "calls", &little).unwrap();
        assert_eq!(outcome.exit_code, 106, "the call failed with a limit");
        assert_eq!(outcome.usage.output, 3 << 16);
    }
}

fn a_nested_command_needs_its_own_consent() {
    let (_dir, nexus) = nexus(Tier::Instance);
    register(&nexus, "calls", CALLS, calls);
    register(&nexus, "echo", CALLS, |binding| {
        calls(binding);
        theirs(binding);
    });
    let refused = run(&nexus, "calls", &Profile::minimal()).unwrap();
    assert_eq!(refused.exit_code, 103, "the call was refused");
    let consent = Consent::new(
        "theirs",
        CapSet::of(Cap::Commands),
        "ada",
        rfc3339(unix_time()),
    );
    consent::save(nexus.home(), &consent).unwrap();
    // It runs itself until that is too deep: eight workers, and nobody hangs.
    let outcome = run(&nexus, "calls", &Profile::minimal()).unwrap();
    assert_eq!((outcome.exit_code, outcome.usage.children), (102, 8));
}

fn a_task_runs_across_tiers() {
    let (dir, nexus) = nexus(Tier::Instance);
    register(&nexus, "echo", ECHO, |_| ());
    register(&nexus, "theirs", ECHO, theirs);
    let manifest = "#+TITLE: t\n#+TOOLKIT: t\n#+EXEC: task\n\n* t :toolkit:\n\n\
        #+NAME: pass\n#+begin_src sh :role task\necho | theirs | echo\n#+end_src\n";
    let toolkits = Toolkits::at(dir.path().join("toolkits"));
    let folder = dir.path().join("toolkits/t");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("manifest.org"), manifest).unwrap();
    let task = nexus.task((&toolkits, &"t".parse().unwrap()), "pass", &[]);
    let streams = TaskStreams {
        stdin: "input".into(),
        stdout: &Output::capture,
        stderr: &Output::capture,
    };
    let mut said = Vec::new();
    let ended = nexus.run_task(
        &task.unwrap(),
        &Profile::minimal(),
        streams,
        &mut |_, ends| {
            said.extend(ends.into_iter().flatten().map(|end| end.stdout.clone()));
        },
    );
    let ended = ended.unwrap();
    assert_eq!((ended.exit_code, ended.usage.children), (0, 3));
    // What goes through pipes counts as well.
    assert_eq!(
        (said.last().unwrap(), ended.usage.output),
        (&"input".into(), 15)
    );
}
