//! Every example runs to its end and says what it promises.
//!
//! They are programs of their own, which `cargo test` builds beside this one; where only
//! this test was asked for there may be none, and it says so.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "examples are other programs"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What an example printed; nothing if it was not built.
fn run(name: &str, args: &[&str], stdin: &str) -> Option<String> {
    let test = std::env::current_exe().unwrap();
    let program: PathBuf = test.parent()?.parent()?.join("examples").join(name);
    if !program.exists() {
        eprintln!("skipped: the example `{name}` is not built, `cargo build --examples` does it");
        return None;
    }
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{name}: {said}");
    Some(String::from_utf8(output.stdout).unwrap() + &said)
}

#[track_caller]
fn says(name: &str, wanted: &[&str]) {
    let Some(said) = run(name, &[], "") else {
        return;
    };
    for line in wanted {
        assert!(said.contains(line), "{name}: no {line:?} in\n{said}");
    }
}

#[test]
fn command() {
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("tool.wasm");
    let wat = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    std::fs::write(&tool, wat::parse_str(wat).unwrap()).unwrap();
    if let Some(said) = run("untrusted", &[tool.to_str().unwrap(), "--loud"], "x") {
        assert!(said.starts_with("exit 0, "), "{said}");
    }
}

#[test]
fn component() {
    says(
        "component",
        &["as text: 12, in ", "as JSON: 12\n", "calls: 3\n"],
    );
}

#[test]
fn kernels_and_graphs() {
    says(
        "kernel",
        &[
            "[ff, f0, 0f]\n[aa, aa, aa, aa]\n",
            "kernel `inverts` failed with -1\n",
            "frame 7: 1736\n",
        ],
    );
    if cfg!(target_os = "linux") {
        says("graph", &["[3, 13, 23]\n", "right: [3, 4, 5]\n"]);
    }
}

#[test]
fn task() {
    says(
        "task",
        &[
            "TWO COMMANDS, ONE BUDGET, NO SH\nexit 0 and 0\nruns: 2, bytes: 64\n",
            "`loud`",
        ],
    );
}

#[test]
fn federation() {
    says(
        "federation",
        &[
            "  authorization: Bearer {{secret:ISSUES_TOKEN}}\n",
            "issue 7: \"A frame is dropped\"\n",
            "federation/broker: the source cannot be asked: ",
            "federation/no-such-entity: no entity `pull-request`, there are: issue\n",
            "federation/answer: ",
        ],
    );
}

#[test]
fn limits_nesting_and_refusal() {
    says(
        "limits",
        &["wall-time limit of 100 ms reached by `spins`\n"],
    );
    says("nested", &["hello\n"]);
    says("refused", &["needs `"]);
}
