//! Text made to be slow or deep is read in time that grows with its length.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use wb_oql::{Document, parse_headlines};

/// Smallest time of three, to be spared the other work of the machine.
#[expect(clippy::disallowed_methods, reason = "time is what is tested")]
fn time(work: impl Fn()) -> Duration {
    (0..3)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap()
}

/// Makes a text of about so many bytes.
type Make = fn(usize) -> String;

fn texts() -> Vec<(&'static str, Make)> {
    vec![
        ("stars", |n| "*".repeat(n)),
        ("stars and blanks", |n| "* ".repeat(n / 2)),
        ("open blocks", |n| "#+begin_quote\n".repeat(n / 14)),
        ("open blocks of many names", |n| {
            lines((0..n / 16).map(|i| format!("#+begin_x{i:05}")))
        }),
        ("closed last", |n| {
            "#+begin_quote\n".repeat(n / 14) + "#+end_quote\n"
        }),
        ("nested blocks", |n| {
            let name = |i: usize| {
                let digit = |d: u32| char::from(b'a' + (i / 26_usize.pow(d) % 26) as u8);
                format!("n{}{}{}{}", digit(3), digit(2), digit(1), digit(0))
            };
            let begins = lines((0..n / 32).map(|i| format!("#+begin_{}", name(i))));
            let ends = lines((0..n / 32).rev().map(|i| format!("#+end_{}", name(i))));
            begins + &ends
        }),
        ("open drawers", |n| ":DRAWER:\n".repeat(n / 9)),
        ("open properties", |n| "* a\n:PROPERTIES:\n".repeat(n / 17)),
        ("names", |n| "#+NAME: x\n".repeat(n / 10)),
        ("keywords", |n| "#+A: x\n".repeat(n / 7)),
        ("colons", |n| {
            format!("#+begin_src {}\n#+end_src\n", ":a ".repeat(n / 3))
        }),
        ("tags", |n| format!("* a {}\n", ":a".repeat(n / 2))),
        ("cells", |n| "|a".repeat(n / 2)),
        ("brackets", |n| "[[a".repeat(n / 3)),
        ("footnotes", |n| "[fn:: ".repeat(n / 6)),
        ("braces", |n| "a_{".repeat(n / 3)),
        ("macros", |n| "{{{a(".repeat(n / 5)),
        ("list on a line", |n| "- ".repeat(n / 2)),
        ("list by lines", |n| {
            let mut text = String::new();
            for i in 0.. {
                if text.len() > n {
                    break;
                }
                text.push_str(&" ".repeat(i));
                text.push_str("- a\n");
            }
            text
        }),
        ("latex", |n| "\\begin{a}\n".repeat(n / 10)),
        ("headlines of falling level", |n| {
            (1..(2 * n).isqrt())
                .map(|i| "*".repeat(i) + " a\n")
                .collect()
        }),
    ]
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    })
}

#[test]
fn reading_is_linear() {
    for (name, make) in texts() {
        let (small, large) = (make(64 << 10), make(512 << 10));
        let read = |text: &str| {
            let doc = Document::parse(text.as_bytes());
            std::hint::black_box(parse_headlines(&doc).len());
        };
        let growth = (large.len() / small.len()) as u32 + 1;
        let (quick, slow) = (time(|| read(&small)), time(|| read(&large)));
        // Three times the growth is slack for caches; a square would be eight.
        let limit = quick * growth * 3 + Duration::from_millis(20);
        assert!(
            slow < limit,
            "{name}: {quick:?} for 64 KiB, {slow:?} for 512 KiB"
        );
    }
}

#[test]
fn links_are_found_in_bounded_time_and_stack() {
    for (name, make) in texts() {
        let text = make(64 << 10);
        let read = move || {
            let doc = Document::parse(text.as_bytes());
            let (links, _) = doc.links();
            assert!(links.len() < text.len());
        };
        let spent = time(|| on_a_small_stack(name, &read));
        assert!(spent < Duration::from_secs(5), "{name}: {spent:?}");
    }
}

/// Runs on the 2 MiB that threads get by default.
fn on_a_small_stack(name: &str, work: &(impl Fn() + Sync)) {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(2 << 20);
        let running = builder.spawn_scoped(scope, work).unwrap();
        assert!(running.join().is_ok(), "{name} panics");
    });
}

#[test]
fn ten_thousand_levels_are_kept() {
    let text: String = (1..=10_000)
        .map(|level| "*".repeat(level) + " a\n")
        .collect();
    // 10,000 levels are 50 MB; what passes the limit is left out and told.
    let doc = Document::parse(text.as_bytes());
    assert_eq!(doc.diagnostics()[0].code, "org/too-large");
    let levels: Vec<_> = doc
        .headlines()
        .iter()
        .map(|headline| headline.level as usize)
        .collect();
    assert!(levels.len() > 5_000);
    assert!(
        levels
            .iter()
            .zip(1..)
            .take(levels.len() - 1)
            .all(|(&level, n)| level == n)
    );
}
