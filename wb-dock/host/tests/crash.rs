//! A process that is killed, or runs out of disk, in the middle of registering.
//!
//! The victim is this test binary again, told to run [`victim`]. It registers
//! one command after the other and says so on standard output only when the
//! call has returned; whatever it said must be there afterwards.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use wb_host::{DiskStore, Error, Home, RegistryFile};
use wb_registry::{BindError, Binding, Store as _, StoreError};

/// Where the victim works.
const DIR: &str = "WB_TEST_CRASH_DIR";

#[derive(Debug)]
struct Failed(&'static str);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error.code())
    }
}

impl From<BindError> for Failed {
    fn from(error: BindError) -> Self {
        Self(error.code())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Backend(source) => Self(
                source
                    .downcast::<Error>()
                    .map_or("other", |error| error.code()),
            ),
            other => Self(other.code()),
        }
    }
}

fn register(home: &Home, name: &str) -> Result<(), Failed> {
    let store = DiskStore::at(home.commands());
    RegistryFile::of(home).update(|table| {
        let digest = store.put(format!("\0asm {name}").as_bytes())?;
        table.bind(Binding::command(name.parse().unwrap(), digest), &store)?;
        Ok(())
    })
}

#[test]
#[ignore = "the tests below start it as a process of its own"]
fn victim() {
    let home = Home::at(env::var_os(DIR).unwrap());
    let run = std::process::id();
    // Past libtest's capture: the parent reads along.
    let mut out = std::fs::File::create("/dev/stdout").unwrap();
    for i in 0..4000 {
        let name = format!("p{run}-{i}");
        match register(&home, &name) {
            Ok(()) => writeln!(out, "ok {name}").unwrap(),
            Err(Failed(code)) => {
                writeln!(out, "failed {code}").unwrap();
                return;
            }
        }
    }
}

fn start(dir: &std::path::Path, shell: &str) -> Child {
    let script = format!("{shell} exec \"$0\" --exact victim --ignored --nocapture");
    Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(env::current_exe().unwrap())
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Every name is bound, and its artifact is whole.
fn assert_registered(home: &Home, names: &[String]) {
    let store = DiskStore::at(home.commands());
    let (table, skipped) = RegistryFile::of(home)
        .read(|digest| store.contains(digest).unwrap())
        .unwrap();
    assert_eq!(skipped, []);
    for name in names {
        let binding = table
            .get(name)
            .unwrap_or_else(|| panic!("`{name}` is lost"));
        assert_eq!(store.get(&binding.digest).unwrap(), format!("\0asm {name}"));
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_had_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let mut confirmed = Vec::new();
    for round in 0..12 {
        let mut victim = start(dir.path(), "");
        // Another process registers at the same time and is not killed.
        let own = format!("own-{round}");
        register(&home, &own).unwrap();
        confirmed.push(own);
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let first = lines.by_ref().map_while(Result::ok);
        confirmed.extend(names(first.take(4)));
        std::thread::sleep(Duration::from_micros(700 * round));
        victim.kill().unwrap();
        victim.wait().unwrap();
        confirmed.extend(names(lines.map_while(Result::ok)));
        assert_registered(&home, &confirmed);
    }
    assert!(confirmed.len() > 12, "the victims did nothing");
    register(&home, "after").unwrap();
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    // The largest file may have 4 blocks: the registry outgrows them soon.
    let mut victim = start(dir.path(), "trap '' XFSZ; ulimit -f 4;");
    let lines: Vec<String> = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .collect();
    victim.wait().unwrap();
    let confirmed: Vec<String> = names(lines.iter().cloned()).collect();
    assert!(!confirmed.is_empty(), "{lines:?}");
    assert!(
        lines.contains(&"failed host/disk-full".to_owned()),
        "{lines:?}"
    );
    assert_registered(&home, &confirmed);
    register(&home, "after").unwrap();
    let left = std::fs::read_dir(home.commands()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with(".wb-tmp-")
    });
    assert_eq!(left.count(), 0, "a failed write leaves no half file");
}

/// The names in lines that start with `ok`.
fn names(lines: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    lines.filter_map(|line| Some(line.split_once("ok ")?.1.to_owned()))
}
