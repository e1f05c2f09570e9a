//! The commands of `tests/guests`, built for preview 1, behave as components as they do
//! as core modules: every call goes through the public adapter and our preview 2.

use wb_dock::fs::{Image, Mount};
use wb_dock::{Engine, ErrorKind, Grant, Invocation, Services};

use wb_policy::Resource;

use crate::support::{adapted, limited};

/// What a run gives: exit code, standard output, standard error, files.
type Ran = (i32, Vec<u8>, Vec<u8>, Vec<(String, bytes::Bytes)>);

fn as_component(name: &str, invocation: Invocation) -> Ran {
    let program = Engine::new()
        .unwrap()
        .load_component(&adapted(name))
        .unwrap();
    let component = program.admit(&Grant::none(), &Services::default()).unwrap();
    let mut instance = component.start(invocation).unwrap();
    let (code, outcome) = match instance.call_wave("run", "") {
        Ok(value) => (i32::from(value != "ok"), instance.finish()),
        Err(error) => match error.kind() {
            ErrorKind::Exited { code, .. } => (*code, instance.finish()),
            kind => panic!("{name}: {kind:?}"),
        },
    };
    let files = outcome.files.all();
    (
        code,
        outcome.stdout.to_vec(),
        outcome.stderr.to_vec(),
        files,
    )
}

fn as_module(name: &str, invocation: Invocation) -> Ran {
    let wasm = wat::parse_file(format!(
        "{}/tests/guests/{name}.wat",
        env!("CARGO_MANIFEST_DIR")
    ));
    let program = Engine::new().unwrap().load(&wasm.unwrap()).unwrap();
    let command = program.admit(&Grant::none(), &Services::default()).unwrap();
    let outcome = command.run(invocation).unwrap();
    let files = outcome.files.all();
    (
        outcome.exit_code,
        outcome.stdout.to_vec(),
        outcome.stderr.to_vec(),
        files,
    )
}

#[test]
fn arguments_and_streams() {
    for name in ["cat", "prints-args"] {
        let invocation = || {
            Invocation::new(name)
                .args(["a", "b c", "ü"])
                .env("LANG", "C")
                .stdin("first\nsecond\n")
        };
        assert_eq!(
            as_component(name, invocation()),
            as_module(name, invocation()),
            "{name}"
        );
    }
}

#[test]
fn an_exit_is_no_crash() {
    let invocation = || Invocation::new("exits");
    assert_eq!(as_module("exits", invocation()).0, 7);
    // The adapter tells success from failure, and no more.
    assert_eq!(as_component("exits", invocation()).0, 1);
}

#[test]
fn files_are_made_changed_and_found_again() {
    let image = Image::from_files([("a/b.txt", "content"), ("c.txt", "x")]).unwrap();
    let invocation = || Invocation::new("edits").mount(Mount::writable("/", image.clone()));
    let module = as_module("edits-files", invocation());
    assert_eq!(module.0, 0);
    assert_eq!(module.1, b"contentd ");
    assert_eq!(as_component("edits-files", invocation()), module);
}

#[test]
fn nothing_above_the_root_is_in_reach() {
    let image = Image::from_files([("f", "")]).unwrap();
    let invocation = Invocation::new("opens").mount(Mount::read_only("/", image));
    assert_eq!(as_component("opens-parent", invocation).0, 1);
}

#[test]
fn the_same_run_reads_the_same_clocks_and_the_same_randomness() {
    let run = || as_component("prints-clock-and-random", Invocation::new("clock")).1;
    let first = run();
    assert_eq!(first.len(), 24);
    assert_eq!(first, run());
}

#[test]
fn files_are_charged_to_memory_and_output_to_output() {
    for (name, resource) in [
        ("fills-files", Resource::Memory),
        ("makes-files", Resource::Memory),
        ("writes-forever", Resource::Output),
    ] {
        let program = Engine::new()
            .unwrap()
            .load_component(&adapted(name))
            .unwrap();
        let grant = limited(|limits| {
            limits.memory = 4 << 20;
            limits.output = 1 << 20;
        });
        let component = program.admit(&grant, &Services::default()).unwrap();
        let image = Image::empty();
        let invocation = Invocation::new(name).mount(Mount::writable("/", image));
        let mut instance = component.start(invocation).unwrap();
        let error = instance.call_wave("run", "").unwrap_err();
        let ErrorKind::Limit(exceeded) = error.kind() else {
            panic!("{name}: {error}");
        };
        assert_eq!(exceeded.resource, resource, "{name}");
    }
}
