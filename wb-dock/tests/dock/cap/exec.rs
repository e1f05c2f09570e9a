use std::sync::Arc;

use wb_dock::{ArgMode, Commands, Engine, Grant, Resolved, Services};
use wb_policy::Cap;

use super::scoped;
use crate::script::calls;
use crate::support::{granting, program};

/// Each guest of `tests/guests` by its name.
struct Guests(Engine);

impl Commands for Guests {
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String> {
        if name == "nobody" {
            return Ok(None);
        }
        Ok(Some(Resolved {
            code: program(&self.0, name).into(),
            grant: Grant::none(),
            arg_mode: ArgMode::Argv,
        }))
    }
}

fn services() -> Services {
    Services::default().commands(Arc::new(Guests(Engine::new().unwrap())))
}

#[test]
fn a_command_runs_with_arguments_environment_and_input() {
    let script = calls! {
        "wb:exec" run("prints-args", "a b\0", "A=1\0B=\0", "");
        "wb:exec" run("cat", "", "", "in");
        "wb:exec" run("exits", "", "", "");
        "wb:exec" run("crashes", "", "", "");
        "wb:exec" run("nobody", "", "", "");
        "wb:exec" run("cat", "", "=1\0", "");
        "wb:exec" run("cat", "a", "", "");
    };
    let engine = Engine::new().unwrap();
    let services = Services::default().commands(Arc::new(Guests(engine.clone())));
    let command = script
        .program(&engine)
        .admit(&granting(&[Cap::Exec]), &services)
        .unwrap();
    let outcome = command.run(wb_dock::Invocation::new("guest")).unwrap();
    let answers = crate::script::answers(&outcome.stdout);
    assert_eq!(answers[0].value(), "prints-args\0a b\0A=1\0B=\0");
    assert_eq!((answers[1].number, answers[1].value()), (0, "in"));
    assert_eq!(
        (answers[2].number, &answers[2].second[..]),
        (7, &b"seven"[..])
    );
    assert_eq!((answers[3].number, answers[3].value()), (-5, "out\n"));
    assert_eq!(answers[4].failure(), (-1, "no such command `nobody`"));
    let wrong = (-4, "`=1` in the environment, wanted `NAME=value`");
    assert_eq!(answers[5].failure(), wrong);
    let cut = (-4, "the last argument does not end in NUL");
    assert_eq!(answers[6].failure(), cut);
}

#[test]
fn exec_reaches_the_commands_of_the_scope() {
    let script = calls! { "wb:exec" run("cat", "", "", ""); };
    let grant = scoped(Cap::Exec, r#"{"commands":["dog"]}"#);
    let answers = script.run(&grant, &services());
    let refused = (-3, "the grant does not reach the command `cat`");
    assert_eq!(answers[0].failure(), refused);
}
