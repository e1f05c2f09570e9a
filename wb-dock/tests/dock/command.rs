//! The command shape: arguments and input, output and exit code.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use wb_dock::{ArgMode, Engine, ErrorKind, Grant, Input, Invocation, Output, Services};

use crate::support::{command, engines, program, run, wasm};

#[test]
fn input_becomes_output() {
    let cat = command("cat");
    let outcome = cat.run(Invocation::new("cat").stdin("text")).unwrap();
    assert_eq!(outcome.stdout, "text");
    assert!(outcome.is_success());
    assert_eq!(outcome.usage.output, 4);
}

#[test]
fn every_kind_of_engine_runs_the_same() {
    for (name, builder) in engines() {
        let engine = builder.build().unwrap();
        let cat = program(&engine, "cat")
            .admit(&Grant::none(), &Services::default())
            .unwrap();
        for _ in 0..100 {
            let outcome = cat.run(Invocation::new("cat").stdin("text")).unwrap();
            assert_eq!(outcome.stdout, "text", "{name}");
        }
    }
}

#[test]
fn large_input_passes_whole() {
    let text: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    let outcome = command("cat")
        .run(Invocation::new("cat").stdin(text.clone()))
        .unwrap();
    assert!(outcome.stdout == text);
}

#[test]
fn streams_pass_through() {
    /// Gives one byte at a time.
    struct Trickle(&'static [u8]);
    impl Read for Trickle {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else {
                return Ok(0);
            };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let seen = Shared::default();
    let outcome = command("cat")
        .run(
            Invocation::new("cat")
                .args(["first", "line"])
                .arg_mode(ArgMode::Stdin1)
                .stdin(Input::stream(Trickle(b"text")))
                .stdout(Output::stream(seen.clone())),
        )
        .unwrap();
    assert_eq!(*seen.0.lock().unwrap(), b"first line\ntext");
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.usage.output, 15);
}

#[test]
fn stdin1_puts_the_arguments_on_the_first_line() {
    let run = |args: &[&str]| {
        let invocation = Invocation::new("cat")
            .args(args.iter().copied())
            .arg_mode(ArgMode::Stdin1)
            .stdin("rest\n");
        command("cat").run(invocation).unwrap().stdout
    };
    assert_eq!(run(&["a", "b c"]), "a b c\nrest\n");
    assert_eq!(run(&[""]), "\nrest\n");
    assert_eq!(run(&[]), "rest\n");
}

#[test]
fn arguments_and_environment_arrive_as_given() {
    let print = command("prints-args");
    let invocation = Invocation::new("print")
        .args(["", "ü x"])
        .env("A", "1=2")
        .env("B", "");
    let outcome = print.run(invocation).unwrap();
    assert_eq!(outcome.stdout, "print\0\0ü x\0A=1=2\0B=\0");
    // Nothing of the host's own environment, and with stdin1 no arguments.
    let invocation = Invocation::new("print").arg("x").arg_mode(ArgMode::Stdin1);
    assert_eq!(print.run(invocation).unwrap().stdout, "print\0");
}

#[test]
fn what_c_cannot_express_is_no_argument() {
    for invocation in [
        Invocation::new("x").arg("a\0b"),
        Invocation::new("x\0"),
        Invocation::new("x").env("A=B", "1"),
        Invocation::new("x").env("A", "\0"),
    ] {
        let error = command("cat").run(invocation).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::BadArgument { .. }),
            "{error}"
        );
    }
}

#[test]
fn the_exit_code_is_the_guests_own() {
    let outcome = run("exits").unwrap();
    assert_eq!((outcome.exit_code, outcome.is_success()), (7, false));
    assert_eq!(outcome.stderr, "seven");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_crash_tells_what_was_written_before() {
    let error = run("crashes").unwrap_err();
    assert_eq!(error.code(), "dock/trap");
    assert_eq!(
        error.to_string(),
        "`crashes` crashed: wasm `unreachable` instruction executed"
    );
    let outcome = error.outcome().unwrap();
    assert_eq!(
        (&outcome.stdout[..], &outcome.stderr[..]),
        (&b"out\n"[..], &b"err\n"[..])
    );
}

#[test]
fn bad_pointers_are_an_errno() {
    run("bad-pointers").unwrap();
}

#[test]
fn a_path_upwards_leads_nowhere() {
    use wb_dock::fs::{Image, Mount};
    let mount = Mount::read_only("/", Image::from_files([("etc/passwd", "x")]).unwrap());
    let outcome = command("opens-parent")
        .run(Invocation::new("x").mount(mount))
        .unwrap();
    assert_eq!(outcome.exit_code, 63, "EPERM");
    // Without a mount there is no directory to start from.
    assert_eq!(run("opens-parent").unwrap().exit_code, 8, "EBADF");
}

#[test]
fn the_same_run_reads_the_same_clock_and_random() {
    let first = run("prints-clock-and-random").unwrap().stdout;
    let second = run("prints-clock-and-random").unwrap().stdout;
    assert_eq!(first.len(), 24);
    assert_eq!(first, second);
    // Another seed changes the random bytes and nothing else.
    let program = program(&Engine::new().unwrap(), "prints-clock-and-random");
    let seeded = program
        .admit(&Grant::none(), &Services::default().seed(1))
        .unwrap();
    let third = seeded.run(Invocation::new("x")).unwrap().stdout;
    assert_eq!(third[..16], first[..16]);
    assert_ne!(third[16..], first[16..]);
}

#[test]
fn exceptions_are_collected() {
    run("throws").unwrap();
}

#[test]
fn sleeping_takes_no_time_by_the_virtual_clock() {
    let outcome = run("sleeps").unwrap();
    assert_eq!(outcome.stdout, "awake\n");
    assert!(outcome.elapsed.as_secs() < 5);
}

#[test]
fn one_command_runs_on_many_threads() {
    let cat = command("cat");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let cat = &cat;
            scope.spawn(move || {
                for round in 0..50 {
                    let text = format!("{thread} {round}");
                    let invocation = Invocation::new("cat").stdin(text.clone());
                    assert_eq!(cat.run(invocation).unwrap().stdout, text);
                }
            });
        }
    });
}

#[test]
fn a_small_thread_is_enough_for_deep_recursion() {
    let recurses = command("recurses");
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    let error = thread
        .spawn(move || recurses.run(Invocation::new("recurses")).unwrap_err())
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "`recurses` crashed: call stack exhausted"
    );
}

#[test]
fn a_program_is_named_by_its_bytes() {
    let engine = Engine::new().unwrap();
    let (one, two) = (program(&engine, "cat"), program(&engine, "cat"));
    assert_eq!(one.digest(), two.digest());
    assert_ne!(one.digest(), program(&engine, "exits").digest());
    assert_eq!(
        one.imports().collect::<Vec<_>>(),
        [
            ("wasi_snapshot_preview1", "fd_read"),
            ("wasi_snapshot_preview1", "fd_write")
        ]
    );
    assert_eq!(wasm("cat"), wasm("cat"));
}
