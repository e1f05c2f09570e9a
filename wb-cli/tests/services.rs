//! What the deployer sets up, seen from the command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use wb_host::{Home, Nexus};
use wb_policy::{Cap, CapSet, Shape, Trust};
use wb_registry::{Binding, Store as _};

fn wbx(home: &Path, args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wbx"))
        .args(args)
        .env("WB_HOME", home)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A run that is refused does not read it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Puts the key `k`, and exits with 42 if it is there then.
const KEEPS: &str = r#"(module
  (import "wb:kv" "put" (func $put (param i32 i32 i32 i32) (result i32)))
  (import "wb:kv" "get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "kvalue")
  (func (export "_start")
    (drop (call $put (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 5)))
    (call $exit (i32.add (i32.const 41) (call $get (i32.const 0) (i32.const 1))))))"#;

fn register(home: &Path, name: &str, wat: &str, change: impl Fn(&mut Binding)) {
    let wasm = wat::parse_str(wat).unwrap();
    let bound = Nexus::open(Home::at(home)).register(|store| {
        let mut binding = Binding::command(name.parse().unwrap(), store.put(&wasm)?);
        change(&mut binding);
        Ok(vec![binding])
    });
    bound.unwrap();
}

#[test]
fn a_secret_is_listed_without_its_value() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("nexus");
    let set = wbx(
        &home,
        &[
            "secret",
            "set",
            "TOKEN",
            "--host",
            "https://api.example.org",
        ],
        "hunter2\n",
    );
    assert!(set.status.success(), "{}", text(&set.stderr));
    let listed = wbx(&home, &["--json", "secret", "list"], "");
    let listed = text(&listed.stdout);
    assert!(
        listed.contains(r#""name":"TOKEN""#) && listed.contains("api.example.org"),
        "{listed}"
    );
    assert!(!listed.contains("hunter2") && !text(&set.stdout).contains("hunter2"));
    let key = wbx(
        &home,
        &["secret", "set", "KEY", "--signing-key"],
        &"0f".repeat(32),
    );
    assert!(
        text(&key.stdout).contains("its public key is "),
        "{}",
        text(&key.stderr)
    );
    let own = wbx(&home, &["secret", "list", "--deployer"], "");
    assert_eq!(text(&own.stdout), "(no secrets)\n");
    assert!(
        wbx(&home, &["secret", "remove", "TOKEN"], "")
            .status
            .success()
    );
}

#[test]
fn a_faulty_config_is_shown_where_it_is_wrong_and_nothing_runs() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("config.toml"),
        "[isolation]\nminimum = \"jail\"\n",
    )
    .unwrap();
    let ran = wbx(dir.path(), &["run", "any"], "");
    let said = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(
        said.contains("config.toml:2:11") && said.contains("^^^^^^"),
        "{said}"
    );
}

#[test]
fn a_run_reports_what_it_took() {
    let dir = tempfile::tempdir().unwrap();
    let keeps = |binding: &mut Binding| binding.caps = CapSet::of(Cap::Kv);
    register(dir.path(), "keeps", KEEPS, keeps);
    let ran = wbx(
        dir.path(),
        &["run", "--profile", "network", "--report", "keeps"],
        "",
    );
    let said = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(42), "{said}");
    assert!(
        said.contains("2 host calls") && said.contains("kv "),
        "{said}"
    );
    let ran = wbx(
        dir.path(),
        &["--json", "run", "--profile", "network", "keeps"],
        "",
    );
    let envelope: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let report = &envelope["data"]["report"];
    assert_eq!(report["caps"]["kv"]["calls"], 2, "{envelope}");
    assert!(report["cpu_us"].is_u64(), "{envelope}");
}

#[cfg(target_os = "linux")]
#[test]
fn somebody_elses_code_runs_in_a_worker_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    register(dir.path(), "theirs", KEEPS, |binding| {
        binding.caps = CapSet::of(Cap::Kv);
        binding.trust = Trust::ThirdParty;
        binding.toolkit = Some("keeper".parse().unwrap());
    });
    let run = ["run", "--profile", "network", "theirs"];
    assert_eq!(wbx(dir.path(), &run, "").status.code(), Some(126));
    let granted = wbx(
        dir.path(),
        &["toolkit", "grant", "keeper", "kv", "--ahead"],
        "",
    );
    assert!(granted.status.success(), "{}", text(&granted.stderr));
    let ran = wbx(dir.path(), &run, "");
    assert_eq!(ran.status.code(), Some(42), "{}", text(&ran.stderr));
    // One's own code as well, when the run asks for it.
    register(dir.path(), "own", KEEPS, |b| b.caps = CapSet::of(Cap::Kv));
    let own = ["run", "--tier", "process", "--profile", "network", "own"];
    let ran = wbx(dir.path(), &own, "");
    assert_eq!(ran.status.code(), Some(42), "{}", text(&ran.stderr));
}

/// Gives its input back, and adds.
const COMPONENT: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "same") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" s32) (param "b" s32) (result s32)
    (canon lift (core func $i "add")))
  (func (export "run") (param "input" string) (result string)
    (canon lift (core func $i "same") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#;

#[test]
fn a_component_is_called_with_wave_json_or_text() {
    let dir = tempfile::tempdir().unwrap();
    register(dir.path(), "same", COMPONENT, |b| {
        b.shape = Shape::Component;
    });
    let ran = |args: &[&str], stdin: &str| {
        let ran = wbx(dir.path(), args, stdin);
        (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
    };
    for (args, stdin, expected) in [
        (&["run", "same", "plain"][..], "", "plain\n"),
        (&["run", "same", "\"as wave\""], "", "\"as wave\"\n"),
        (&["run", "same"], "from stdin", "from stdin\n"),
        (&["call", "same", "add", "2", "-3"], "", "-1\n"),
    ] {
        let (code, stdout, stderr) = ran(args, stdin);
        assert_eq!(
            (code, stdout.as_str()),
            (Some(0), expected),
            "{args:?} {stderr}"
        );
    }
    let (_, stdout, _) = ran(&["--json", "call", "same", "add", "2", "3"], "");
    assert!(stdout.contains(r#""value":5"#), "{stdout}");
    for (args, code, word) in [
        (&["call", "same", "sub"][..], 1, "no function `sub`"),
        (&["call", "same", "add", "2"], 2, "func(a: s32, b: s32)"),
    ] {
        let (found, _, stderr) = ran(args, "");
        assert_eq!(found, Some(code), "{args:?} {stderr}");
        assert!(stderr.contains(word), "{stderr}");
    }
}

/// Gives back all but the first byte.
const KERNEL: &str = r#"(module
  (memory (export "memory") 2)
  (func (export "in_ptr") (result i32) i32.const 1024)
  (func (export "out_ptr") (result i32) i32.const 1025)
  (func (export "process") (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1))))"#;

#[cfg(target_os = "linux")]
#[test]
fn components_and_kernels_run_in_the_tier_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    register(dir.path(), "same", COMPONENT, |b| {
        b.shape = Shape::Component;
    });
    register(dir.path(), "rest", KERNEL, |b| b.shape = Shape::Kernel);
    for (args, stdin, expected) in [
        (&["run", "--tier", "process", "same", "x"][..], "", "x\n"),
        (
            &["call", "--tier", "process", "same", "add", "2", "3"],
            "",
            "5\n",
        ),
        (&["run", "--tier", "process", "rest"], "abc", "bc"),
    ] {
        let ran = wbx(dir.path(), args, stdin);
        assert_eq!(
            text(&ran.stdout),
            expected,
            "{args:?} {}",
            text(&ran.stderr)
        );
    }
}

#[test]
fn a_kernel_gets_stdin_and_fills_stdout() {
    let dir = tempfile::tempdir().unwrap();
    register(dir.path(), "rest", KERNEL, |b| b.shape = Shape::Kernel);
    let ran = wbx(dir.path(), &["run", "--report", "rest"], "abc");
    assert_eq!(text(&ran.stdout), "bc", "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains("memory"));
    assert_eq!(
        wbx(dir.path(), &["run", "rest", "x"], "").status.code(),
        Some(2)
    );
}
