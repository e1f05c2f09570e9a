//! Hostile and broken manifests: no panic, and time that grows with length.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use wb_manifest::read;

#[path = "../fuzz/checks.rs"]
mod checks;

const MANIFEST: &str = "\
#+TITLE: Rev
#+TOOLKIT: rev
#+VERSION: 0.1.0
#+STATUS: stable
#+TAGLINE: Reverse lines.
#+EXEC: command
#+CAPS: vfs net
#+CLI_BIN: rev
#+BUILD_LANG: c
#+BUILD_SRC: path:src
#+REQUIRES: git node>=20
#+SHA256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

* rev :toolkit:
  :PROPERTIES:
  :ID: rev
  :CLI_BIN: rev
  :END:
Prose with *bold* and [[file:skills/overview.org][a link]].

| Skill    | Use when |
|----------+----------|
| overview | starting |

#+NAME: all
#+begin_src bash :role task
rev a | upper
#+end_src
";

fn check_all(bytes: &[u8]) {
    for check in checks::ALL {
        check(bytes);
    }
}

#[test]
fn checks_hold_for_texts_made_to_break_them() {
    let long = "x".repeat(10 << 10);
    let cases = [
        String::new(),
        "\0".to_owned(),
        "\u{feff}#+TITLE: x".to_owned(),
        "#+".to_owned(),
        "#+:".to_owned(),
        "#+TITLE".to_owned(),
        "#+begin_".to_owned(),
        "#+begin_src".to_owned(),
        "#+begin:".to_owned(),
        ":PROPERTIES:".to_owned(),
        ":END:".to_owned(),
        "* ".to_owned(),
        "*".to_owned(),
        "|".to_owned(),
        "|-".to_owned(),
        "* x :toolkit:".to_owned(),
        "* :toolkit:\r\n:PROPERTIES:\r\n:ID:\r\n:END:".to_owned(),
        MANIFEST.replace('\n', "\r\n"),
        MANIFEST.replace('\n', "\r"),
        MANIFEST.replace("rev", "r\0v"),
        MANIFEST.replace("rev", &long),
        MANIFEST.replace("path:src", &format!("path:{long}")),
        MANIFEST.replace("vfs net", &"vfs ".repeat(4096)),
        MANIFEST.replace("#+TITLE", &format!("#+{long}")),
        MANIFEST.replace("EXEC", "EXEC:EXEC"),
        MANIFEST.repeat(8),
        "*".repeat(64 << 10),
        format!("* {}", "*".repeat(64 << 10)),
    ];
    for case in cases {
        check_all(case.as_bytes());
    }
}

#[test]
fn names_of_10_kb_are_findings() {
    let long = "x".repeat(10 << 10);
    let reading = read(
        MANIFEST
            .replace("CLI_BIN: rev", &format!("CLI_BIN: {long}"))
            .as_bytes(),
    );
    let found = reading
        .diagnostics()
        .iter()
        .find(|found| found.code == "manifest/bad-name");
    assert_eq!(
        found.unwrap().message,
        "command name has 10240 bytes, expected at most 128"
    );
    assert!(reading.manifest().cli_bin.is_none());
}

/// Smallest time of three, to be spared the other work of the machine.
#[expect(clippy::disallowed_methods, reason = "time is what is tested")]
fn time(text: &str) -> Duration {
    (0..3)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(read(text.as_bytes()));
            start.elapsed()
        })
        .min()
        .unwrap()
}

/// So many lines with a number between two texts.
fn numbered(count: usize, before: &str, after: &str) -> String {
    (0..count).fold(String::new(), |text, i| {
        text + before + &i.to_string() + after + "\n"
    })
}

#[test]
fn findings_are_few_but_an_error_is_never_lost() {
    let notes = numbered(5_000, "#+A", ": x");
    let reading = read(format!("{notes}#+EXEC: comand\n* x :toolkit:\n").as_bytes());
    assert!(reading.diagnostics().len() < 1100);
    assert!(reading.has_errors());
}

#[test]
fn hostile_manifests_cost_no_more_than_long_ones() {
    let stars = "*".repeat(64 << 10);
    let levels: String = (1..1000)
        .map(|level| "*".repeat(level) + " a :toolkit:\n")
        .collect();
    let deep: String = (0..10_000).map(|_| "#+begin_quote\n").collect();
    let ends: String = (0..10_000).map(|_| "#+end_quote\n").collect();
    let hostile = [
        format!("{MANIFEST}{stars}\n"),
        format!("* {stars} :toolkit:\n{MANIFEST}"),
        format!("#+TITLE: {stars}\n{MANIFEST}"),
        format!("{MANIFEST}{deep}{ends}"),
        format!("{MANIFEST}{deep}"),
        levels,
        "#+UNKNOWN_KEY: x\n".repeat(10_000),
        "#+CAPS: vfs\n".repeat(10_000),
        format!("#+CAPS: {}\n{MANIFEST}", "teleport ".repeat(10_000)),
        format!("#+REQUIRES: {}\n{MANIFEST}", "node>=x ".repeat(10_000)),
        "* a :toolkit:\n#+begin_src sh :role task\n#+end_src\n".repeat(2_000),
        format!("{MANIFEST}| Skill |\n{}", "| a |\n".repeat(10_000)),
        format!("| Skill |\n{}", numbered(20_000, "| a", " |")),
        format!(
            "* a :toolkit:\n{}",
            numbered(5_000, "** t", "\n#+begin_src :role task\n#+end_src")
        ),
        numbered(20_000, "#+A", ": x"),
        numbered(5_000, "* a", " :toolkit:\n#+TITLE: x"),
    ];
    for text in &hostile {
        let plain = MANIFEST.repeat(text.len() / MANIFEST.len() + 1);
        let (spent, allowed) = (time(text), time(&plain) * 10 + Duration::from_millis(50));
        let shown: String = text.chars().take(40).collect();
        assert!(
            spent < allowed,
            "{shown:?}: {spent:?}, expected less than {allowed:?}"
        );
    }
}

proptest! {
    #[test]
    fn checks_hold_for_any_bytes(bytes: Vec<u8>) {
        check_all(&bytes);
    }

    #[test]
    fn checks_hold_for_changed_manifests(
        changes in proptest::collection::vec((0..MANIFEST.len(), 0..40_usize, "\\PC{0,8}|[\n*#+:|\\[\\]\\x00]{0,8}"), 1..6),
    ) {
        let mut bytes = MANIFEST.as_bytes().to_vec();
        for (at, len, text) in changes {
            let start = at.min(bytes.len());
            let end = (start + len).min(bytes.len());
            bytes.splice(start..end, text.bytes());
        }
        check_all(&bytes);
    }

    #[test]
    fn a_manifest_cut_anywhere_is_read(end in 0..MANIFEST.len()) {
        check_all(&MANIFEST.as_bytes()[..end]);
    }
}
