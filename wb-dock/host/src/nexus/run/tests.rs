use std::fs;
use std::sync::{Arc, Mutex};

use wb_dock::{Invocation, Outcome, Output};
use wb_policy::{CapSet, Posture};
use wb_registry::{Bundle, Part, encode_bundle};

use super::*;
use crate::nexus::InstallOptions;
use crate::{Home, rfc3339, unix_time};

/// Writes the first argument's length as its exit code, and its stdin to stdout.
const ECHO: &str = include_str!("echo.wat");

/// Runs `echo` through the Dock and exits with its exit code.
const CALLS: &str = include_str!("calls.wat");

fn nexus() -> (tempfile::TempDir, Nexus) {
    let dir = tempfile::tempdir().unwrap();
    let nexus = Nexus::open(Home::at(dir.path().join("nexus")));
    (dir, nexus)
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

fn run(nexus: &Nexus, name: &str, profile: &Profile) -> Result<Outcome, Error> {
    let invocation = Invocation::new(name).arg("abc").stdin("text\n");
    nexus.run(name, invocation, profile)
}

#[test]
fn a_command_runs_and_is_noted() {
    let (_dir, nexus) = nexus();
    register(&nexus, "echo", ECHO, |_| ());
    for _ in 0..2 {
        let outcome = run(&nexus, "echo", &Profile::compute()).unwrap();
        assert_eq!(
            (outcome.exit_code, &outcome.stdout[..]),
            (3, &b"text\n"[..])
        );
    }
    let log = fs::read_to_string(nexus.home().steps()).unwrap();
    assert_eq!(log.lines().count(), 2);
    assert!(
        log.starts_with(r#"{"tool":"command:echo","exit_code":3,"#),
        "{log}"
    );
}

#[test]
fn output_is_streamed_while_the_guest_runs() {
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (_dir, nexus) = nexus();
    register(&nexus, "echo", ECHO, |_| ());
    let out = Shared::default();
    let invocation = Invocation::new("echo")
        .stdin("streamed")
        .stdout(Output::stream(out.clone()));
    let outcome = nexus.run("echo", invocation, &Profile::compute()).unwrap();
    assert!(outcome.stdout.is_empty());
    assert_eq!(*out.0.lock().unwrap(), b"streamed");
}

#[test]
fn the_arg_mode_of_the_binding_holds() {
    let (_dir, nexus) = nexus();
    register(&nexus, "echo", ECHO, |b| {
        b.arg_mode = wb_manifest::ArgMode::Stdin1;
    });
    let outcome = run(&nexus, "echo", &Profile::compute()).unwrap();
    assert_eq!(&outcome.stdout[..], b"abc\ntext\n");
}

#[test]
fn an_ungranted_import_is_refused_before_anything_runs() {
    let (_dir, nexus) = nexus();
    register(&nexus, "echo", ECHO, |_| ());
    register(&nexus, "calls", CALLS, |_| ());
    let error = run(&nexus, "calls", &Profile::compute()).unwrap_err();
    assert_eq!(error.code(), "dock/not-granted");
    for word in ["wb:commands.run", "`commands`", "`compute`", "`minimal`"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(!nexus.home().steps().exists());
}

#[test]
fn a_guest_runs_registered_commands_if_it_may() {
    let (_dir, nexus) = nexus();
    register(&nexus, "calls", CALLS, |b| {
        b.caps = CapSet::of(Cap::Commands);
    });
    // There is no such command yet: the guest ends with the Dock's answer.
    let outcome = run(&nexus, "calls", &Profile::minimal()).unwrap();
    assert_eq!(outcome.exit_code, 101);
    register(&nexus, "echo", ECHO, |_| ());
    let outcome = run(&nexus, "calls", &Profile::minimal()).unwrap();
    assert_eq!(outcome.exit_code, 5);
    let log = fs::read_to_string(nexus.home().steps()).unwrap();
    assert!(
        log.contains(r#""tool":"command:echo","exit_code":5"#),
        "{log}"
    );
}

#[test]
fn a_run_ends_at_its_limits() {
    let (_dir, nexus) = nexus();
    let spins = r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;
    register(&nexus, "spins", spins, |_| ());
    let toml = "[profiles.short]\ntime = '30ms'\n";
    fs::write(nexus.home().root().join("profiles.toml"), toml).unwrap();
    let short = nexus.profile("short").unwrap();
    let error = run(&nexus, "spins", &short).unwrap_err();
    assert!(error.to_string().contains("wall"), "{error}");
    let log = fs::read_to_string(nexus.home().steps()).unwrap();
    assert!(log.contains(r#""exit_code":124"#), "{log}");
}

#[test]
fn damaged_bytes_do_not_run_even_if_their_code_is_cached() {
    let (_dir, nexus) = nexus();
    register(&nexus, "echo", ECHO, |_| ());
    run(&nexus, "echo", &Profile::compute()).unwrap();
    let digest = nexus.resolve("echo").unwrap().digest;
    let path = nexus.store().path(&digest).unwrap();
    fs::remove_file(&path).unwrap();
    let error = run(&nexus, "echo", &Profile::compute()).unwrap_err();
    assert_eq!(error.code(), "registry/artifact-missing");
    fs::write(&path, b"\0asm other").unwrap();
    let error = run(&nexus, "echo", &Profile::compute()).unwrap_err();
    assert_eq!(error.code(), "registry/artifact-corrupt");
}

#[test]
fn third_party_code_needs_consent_and_its_tier() {
    let (_dir, nexus) = nexus();
    register(&nexus, "calls", CALLS, |binding| {
        binding.caps = CapSet::of(Cap::Commands);
        binding.trust = Trust::ThirdParty;
        binding.toolkit = Some("theirs".parse().unwrap());
    });
    let error = run(&nexus, "calls", &Profile::minimal()).unwrap_err();
    assert_eq!(error.code(), "policy/no-consent");
    assert_eq!(
        error.hint().unwrap(),
        "to allow it, run `wbx toolkit grant theirs commands`"
    );

    let consent = Consent::new(
        "theirs",
        CapSet::of(Cap::Commands),
        "ada",
        rfc3339(unix_time()),
    );
    consent::save(nexus.home(), &consent).unwrap();
    let error = run(&nexus, "calls", &Profile::minimal()).unwrap_err();
    // This test is no worker, so the tier is not to be had; nothing weaker is tried.
    assert_eq!(error.code(), "tier/unavailable");

    let here = nexus.with_posture(Posture {
        third_party: Tier::Instance,
        ..Posture::default()
    });
    assert_eq!(
        run(&here, "calls", &Profile::minimal()).unwrap().exit_code,
        101
    );
}

#[test]
fn a_reserved_name_is_never_taken_from_the_registry() {
    let (_dir, nexus) = nexus();
    register(&nexus, "mine", ECHO, |_| ());
    let text = fs::read_to_string(nexus.home().registry()).unwrap();
    fs::write(nexus.home().registry(), text.replace("mine", "grep")).unwrap();
    let error = run(&nexus, "grep", &Profile::compute()).unwrap_err();
    assert_eq!(error.code(), "host/built-in-missing");
}

#[test]
fn a_recipe_runs_line_by_line_until_one_fails() {
    let (dir, nexus) = nexus();
    register(&nexus, "echo", ECHO, |_| ());
    let manifest = "#+TITLE: t\n#+TOOLKIT: t\n#+EXEC: task\n\n* t :toolkit:\n\n\
        #+NAME: pass\n#+begin_src sh :role task\necho | echo\n#+end_src\n\n\
        #+NAME: stop\n#+begin_src sh :role task\necho\necho \"$1\"\necho\n#+end_src\n\n\
        #+NAME: shell\n#+begin_src sh :role task\necho > file\n#+end_src\n";
    let toolkits = crate::Toolkits::at(dir.path().join("toolkits"));
    let id: ToolkitId = "t".parse().unwrap();
    let mut tree = wb_manifest::Tree::new();
    tree.insert("manifest.org".parse().unwrap(), manifest);
    toolkits
        .write(&id, &tree, crate::atomic::Mode::Shared)
        .unwrap();
    let task = |name: &str| {
        let mut said = Vec::new();
        let args = ["abcd".to_owned()];
        let ended = nexus.task((&toolkits, &id), name, &args).and_then(|task| {
            let streams = crate::TaskStreams {
                stdin: "input".into(),
                stdout: &Output::capture,
                stderr: &Output::capture,
            };
            nexus.run_task(&task, &Profile::minimal(), streams, &mut |_, ends| {
                if let Some(last) = ends.and_then(<[_]>::last) {
                    said.push((last.exit_code, last.stdout.clone()));
                }
            })
        });
        let code = ended.map(|ended| ended.exit_code);
        (code.map_err(|error| error.to_string()), said)
    };
    assert_eq!(task("pass"), (Ok(0), vec![(0, "input".into())]));
    assert_eq!(
        task("stop"),
        (Ok(4), vec![(0, "input".into()), (4, "".into())])
    );
    let (refused, said) = task("shell");
    assert!(
        refused
            .unwrap_err()
            .starts_with("task `t/shell`, line 1: `>`")
    );
    assert!(said.is_empty());
    assert_eq!(task("nope").0.unwrap_err(), "no such task: t/nope");
}

#[test]
fn collecting_takes_compiled_code_along() {
    let (_dir, nexus) = nexus();
    register(&nexus, "echo", ECHO, |_| ());
    run(&nexus, "echo", &Profile::compute()).unwrap();
    let code = || -> usize {
        let engines = fs::read_dir(nexus.home().code()).unwrap();
        engines
            .map(|dir| fs::read_dir(dir.unwrap().path()).unwrap().count())
            .sum()
    };
    let before = code();
    nexus.collect(false).unwrap();
    assert_eq!(code(), before);
    fs::remove_file(nexus.home().registry()).unwrap();
    nexus.collect(false).unwrap();
    assert_eq!(before - code(), 2, "the code and its stamp are gone");
}

#[test]
fn a_bundle_arrives_whole_or_not_at_all() {
    let (_dir, nexus) = nexus();
    let wasm = wat::parse_str(ECHO).unwrap();
    let manifest =
        "#+TITLE: echo\n#+TOOLKIT: echo\n#+EXEC: command\n#+CLI_BIN: echo\n\n* echo :toolkit:\n";
    let mut binding = Binding::command("echo".parse().unwrap(), wb_manifest::Digest::of(&wasm));
    binding.toolkit = Some("echo".parse().unwrap());
    let mut tree = wb_manifest::Tree::new();
    tree.insert("manifest.org".parse().unwrap(), manifest);
    let bundle = Bundle {
        id: "echo".parse().unwrap(),
        tree,
        parts: vec![Part {
            binding,
            wasm: wasm.into(),
        }],
    };
    let bytes = encode_bundle(&bundle).unwrap();

    let wrong = InstallOptions {
        pin: Some(wb_manifest::Digest::of(b"other")),
        ..InstallOptions::default()
    };
    assert_eq!(
        nexus.install(&bytes, wrong).unwrap_err().code(),
        "install/pin"
    );
    // A file where the documents go: nothing is registered either.
    fs::write(nexus.home().toolkits(), "in the way").unwrap();
    assert!(nexus.install(&bytes, InstallOptions::default()).is_err());
    assert!(nexus.table().unwrap().0.is_empty());

    fs::remove_file(nexus.home().toolkits()).unwrap();
    let right = InstallOptions {
        pin: Some(wb_manifest::Digest::of(&bytes)),
        ..InstallOptions::default()
    };
    nexus.install(&bytes, right).unwrap();
    assert_eq!(
        run(&nexus, "echo", &Profile::compute()).unwrap().exit_code,
        3
    );
    let place = crate::Toolkits::at(nexus.home().toolkits());
    let packed = nexus.pack(&place, &"echo".parse().unwrap()).unwrap();
    assert_eq!(
        packed.bytes, bytes,
        "what was installed packs to the same bundle"
    );
}
