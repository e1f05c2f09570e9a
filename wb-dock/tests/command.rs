//! Commands from start to exit.

use wb_dock::{ArgMode, Command, Engine, Grant, Invocation, Services};

fn guest(name: &str) -> Command {
    let path = format!("{}/tests/guests/{name}.wat", env!("CARGO_MANIFEST_DIR"));
    let wasm = wat::parse_file(path).unwrap();
    let engine = Engine::new().unwrap();
    let program = engine.load(&wasm).unwrap();
    program.admit(&Grant::none(), &Services::default()).unwrap()
}

#[test]
fn input_becomes_output() {
    let outcome = guest("cat")
        .run(Invocation::new("cat").stdin("text"))
        .unwrap();
    assert_eq!(outcome.stdout, "text");
    assert_eq!(outcome.exit_code, 0);
    assert_eq!(outcome.usage.output, 4);
}

#[test]
fn stdin1_puts_the_arguments_on_the_first_line() {
    let run = |args: &[&str]| {
        let invocation = Invocation::new("cat")
            .args(args.iter().copied())
            .arg_mode(ArgMode::Stdin1)
            .stdin("rest\n");
        guest("cat").run(invocation).unwrap().stdout
    };
    assert_eq!(run(&["a", "b c"]), "a b c\nrest\n");
    assert_eq!(run(&[]), "rest\n");
}
