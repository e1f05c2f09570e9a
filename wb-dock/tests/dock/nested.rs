//! Guests that run commands: under one budget, by the table of imports.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wb_dock::{
    ArgMode, Commands, Ended, Engine, ErrorKind, Event, Grant, Invocation, Outcome, Program,
    Recorder, Resolved, Services, Session,
};
use wb_policy::{Allow, Cap, Limits, Profile, Resource, Scopes};

use crate::support::{granting, program};

/// A table of commands, all on one engine.
struct Table {
    engine: Engine,
    commands: BTreeMap<&'static str, Resolved>,
}

impl Table {
    fn new(engine: Engine) -> Self {
        let mut table = Self {
            engine,
            commands: BTreeMap::new(),
        };
        let commands = granting(&[Cap::Commands]);
        for name in [
            "cat",
            "exits",
            "crashes",
            "spins",
            "grows",
            "writes-forever",
        ] {
            table.add(name, name, Grant::none());
        }
        table.add("call", "calls-commands", commands);
        table.add("child", "cat", Grant::none());
        table
    }

    fn add(&mut self, name: &'static str, guest: &str, grant: Grant) {
        let program = program(&self.engine, guest);
        let resolved = Resolved {
            code: program.into(),
            grant,
            arg_mode: ArgMode::Stdin1,
        };
        self.commands.insert(name, resolved);
    }
}

impl Commands for Table {
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String> {
        if name == "held" {
            return Err("`held` is held for review".into());
        }
        Ok(self.commands.get(name).cloned())
    }
}

fn table() -> Table {
    Table::new(Engine::new().unwrap())
}

/// Runs `calls-commands` with `stdin` under the grant of `commands`.
fn call(stdin: &str) -> Outcome {
    call_under(&granting(&[Cap::Commands]), stdin).unwrap()
}

fn call_under(grant: &Grant, stdin: &str) -> Result<Outcome, wb_dock::Error> {
    let table = table();
    let caller = program(&table.engine, "calls-commands");
    let services = Services::default().commands(Arc::new(table));
    let invocation = Invocation::new("caller").stdin(stdin.to_owned());
    caller.admit(grant, &services)?.run(invocation)
}

/// The exit code of `calls-commands` for an error of the call.
const fn failed(status: i32) -> i32 {
    100 + status
}

#[test]
fn a_child_gets_arguments_and_input_and_keeps_its_streams_apart() {
    let outcome = call("cat\nbody\n");
    assert_eq!(
        (&outcome.stdout[..], outcome.exit_code),
        (&b"body\n"[..], 0)
    );
    let outcome = call("cat one two\nbody\n");
    assert_eq!(outcome.stdout, "one two\nbody\n");
    let outcome = call("exits\n");
    assert_eq!(outcome.exit_code, 7);
    assert_eq!(
        (&outcome.stdout[..], &outcome.stderr[..]),
        (&b""[..], &b"seven"[..])
    );
    assert_eq!(outcome.usage.children, 1);
}

#[test]
fn a_child_that_cannot_run_is_an_error_of_the_call() {
    for (stdin, status, message) in [
        ("nobody\n", -1, "no such command `nobody`"),
        ("held\n", -3, "`held` is held for review"),
        (
            "crashes\n",
            -5,
            "`crashes` crashed: wasm `unreachable` instruction executed",
        ),
    ] {
        let outcome = call(stdin);
        assert_eq!(outcome.exit_code, failed(status), "{stdin}");
        let stderr = String::from_utf8_lossy(&outcome.stderr);
        assert!(stderr.ends_with(message), "{stdin}: {stderr}");
    }
    // What the child wrote before it crashed is there.
    assert_eq!(call("crashes\n").stdout, "out\n");
}

#[test]
fn a_child_whose_fuel_is_not_counted_does_not_start() {
    let engine = Engine::builder().fuel(true).build().unwrap();
    let grant = granting(&[Cap::Commands]);
    let mut limits = grant.limits();
    limits.fuel = Some(1_000_000);
    let caller = program(&engine, "calls-commands");
    let services = Services::default().commands(Arc::new(table()));
    let caller = caller.admit(&grant.narrow_limits(limits), &services);
    let invocation = Invocation::new("caller").stdin("cat\n");
    let outcome = caller.unwrap().run(invocation).unwrap();
    assert_eq!(outcome.exit_code, failed(-7));
    assert_eq!(
        outcome.stderr,
        "the fuel of `cat` is limited, and this host has it on an engine that counts none"
    );
}

#[test]
fn a_child_has_the_limits_of_its_own_grant() {
    let outcome = call("grows\n");
    assert_eq!(outcome.exit_code, failed(-6));
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    assert!(
        stderr.starts_with("memory limit of 64 MiB reached: `grows` asked for"),
        "{stderr}"
    );
}

#[test]
fn runs_nest_eight_deep_and_no_further() {
    let calls = |count: usize| format!("{}cat\nend\n", "call\n".repeat(count));
    let outcome = call(&calls(7));
    assert_eq!((&outcome.stdout[..], outcome.exit_code), (&b"end\n"[..], 0));
    assert_eq!(outcome.usage.children, 8);
    let outcome = call(&calls(8));
    assert_eq!(outcome.exit_code, failed(-2), "{outcome:?}");
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    assert!(
        stderr.ends_with("`cat` would be nested more than 8 deep"),
        "{stderr}"
    );
}

#[test]
fn a_child_spends_what_its_parent_has() {
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Profile::posix().limits();
        change(&mut limits);
        granting(&[Cap::Commands]).narrow_limits(limits)
    };
    // Time: the parent ends with its child.
    let grant = limits(|limits| limits.wall = Duration::from_millis(50));
    let started = Instant::now();
    let error = call_under(&grant, "spins\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "wall-time limit of 50 ms reached by `caller`"
    );
    assert!(started.elapsed() < Duration::from_secs(2));
    // Output: the child is stopped at what is left.
    let grant = limits(|limits| limits.output = 100_000);
    let outcome = call_under(&grant, "writes-forever\n");
    let error = outcome.unwrap_err();
    let ErrorKind::Limit(exceeded) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(exceeded.resource, Resource::Output);
    // Children: there is no further one.
    let grant = limits(|limits| limits.children = 0);
    let error = call_under(&grant, "cat\n").unwrap_err();
    assert_eq!(error.code(), "policy/child-limit");
}

#[test]
fn a_grant_can_name_the_commands_it_reaches() {
    let scopes = Scopes {
        commands: Allow::Only(vec!["ca*".parse().unwrap()]),
        ..Scopes::default()
    };
    let grant = granting(&[Cap::Commands]).narrow_scopes(&scopes);
    assert_eq!(call_under(&grant, "cat\nx\n").unwrap().stdout, "x\n");
    let outcome = call_under(&grant, "exits\n").unwrap();
    assert_eq!(outcome.exit_code, failed(-3));
    assert_eq!(
        outcome.stderr,
        "the grant does not reach the command `exits`"
    );
}

/// The inputs of `run_many`, encoded.
fn inputs(items: &[&[u8]]) -> Vec<u8> {
    let mut block = (items.len() as u32).to_le_bytes().to_vec();
    for item in items {
        block.extend((item.len() as u32).to_le_bytes());
        block.extend(*item);
    }
    block
}

/// The results of `run_many`, decoded: status, output, standard error.
fn results(mut block: &[u8]) -> Vec<(i32, String, String)> {
    fn take<'b>(block: &mut &'b [u8], count: usize) -> &'b [u8] {
        let (head, rest) = block.split_at(count);
        *block = rest;
        head
    }
    let number = |block: &mut &[u8]| i32::from_le_bytes(take(block, 4).try_into().unwrap());
    let mut results = Vec::new();
    while !block.is_empty() {
        let status = number(&mut block);
        let texts = [(); 2].map(|()| {
            let len = number(&mut block).try_into().unwrap();
            String::from_utf8(take(&mut block, len).to_vec()).unwrap()
        });
        let [stdout, stderr] = texts;
        results.push((status, stdout, stderr));
    }
    results
}

/// Fans `child` out over `items`.
fn fan_out(child: &str, engine: Engine, items: &[&[u8]]) -> Vec<(i32, String, String)> {
    let mut table = Table::new(engine);
    table.add("child", child, Grant::none());
    let caller = program(&table.engine, "calls-parallel");
    let services = Services::default().commands(Arc::new(table));
    let caller = caller
        .admit(&granting(&[Cap::Parallel]), &services)
        .unwrap();
    let outcome = caller
        .run(Invocation::new("caller").stdin(inputs(items)))
        .unwrap();
    assert_eq!(outcome.exit_code, i32::try_from(items.len()).unwrap() & 255);
    assert_eq!(outcome.usage.children, items.len() as u64);
    results(&outcome.stdout)
}

#[test]
fn fan_out_answers_in_the_order_of_its_inputs() {
    let texts: Vec<String> = (0..200).map(|i| format!("item {i}")).collect();
    let items: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
    for engine in [Engine::new(), Engine::builder().pooling(80).build()] {
        let results = fan_out("cat", engine.unwrap(), &items);
        let expected: Vec<_> = texts
            .iter()
            .map(|text| (0, text.clone(), String::new()))
            .collect();
        assert_eq!(results, expected);
    }
    assert_eq!(fan_out("cat", Engine::new().unwrap(), &[]), []);
}

#[test]
fn fan_out_keeps_the_failures_apart() {
    let results = fan_out("crashes", Engine::new().unwrap(), &[b"a", b"b"]);
    let expected = (
        -5,
        "out\n".to_owned(),
        "err\n`child` crashed: wasm `unreachable` instruction executed".to_owned(),
    );
    assert_eq!(results, [expected.clone(), expected]);
    let results = fan_out("exits", Engine::new().unwrap(), &[b""]);
    assert_eq!(results, [(7, String::new(), "seven".to_owned())]);
}

#[test]
fn fan_out_ends_with_its_parent() {
    let mut table = table();
    table.add("child", "spins", Grant::none());
    let caller = program(&table.engine, "calls-parallel");
    let services = Services::default().commands(Arc::new(table));
    let mut limits = Profile::posix().limits();
    limits.wall = Duration::from_millis(60);
    let grant = granting(&[Cap::Parallel]).narrow_limits(limits);
    let started = Instant::now();
    let error = caller
        .admit(&grant, &services)
        .unwrap()
        .run(Invocation::new("caller").stdin(inputs(&[&b""[..]; 50])))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "wall-time limit of 60 ms reached by `caller`"
    );
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_session_is_told_who_it_is() {
    let session = Session {
        id: "s\"1".into(),
        tenant: "acme".into(),
    };
    let program = program(&Engine::new().unwrap(), "session-info");
    let services = Services::default().session(session);
    let outcome = program
        .admit(&Grant::none(), &services)
        .unwrap()
        .run(Invocation::new("x"))
        .unwrap();
    assert_eq!(
        outcome.stdout,
        r#"{"id":"s\"1","tenant":"acme","profile":"compute"}"#
    );
    assert_eq!(outcome.usage.host_calls, 1);
}

#[test]
fn every_run_is_recorded_inner_ones_first_to_end() {
    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);
    impl Recorder for Log {
        fn record(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(match event {
                Event::Started { command, depth } => format!("{depth} start {command}"),
                Event::Finished(step) => {
                    format!("{} end {} {:?}", step.depth, step.command, step.ended)
                }
                other => format!("{other:?}"),
            });
        }
    }
    let log = Arc::new(Log::default());
    let table = table();
    let caller: Program = program(&table.engine, "calls-commands");
    let services = Services::default()
        .commands(Arc::new(table))
        .recorder(log.clone());
    caller
        .admit(&granting(&[Cap::Commands]), &services)
        .unwrap()
        .run(Invocation::new("outer").stdin("crashes\n"))
        .unwrap();
    assert_eq!(
        *log.0.lock().unwrap(),
        [
            "0 start outer".to_owned(),
            "1 start crashes".to_owned(),
            format!("1 end crashes {:?}", Ended::Trap),
            format!("0 end outer {:?}", Ended::Exit(failed(-5))),
        ]
    );
}
