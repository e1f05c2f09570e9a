//! clang prints `file:line:column: error: message [-Wflag]`; wasm-ld prints
//! `wasm-ld: error: object: message`.

use super::{Diagnostic, Severity, split_place};

/// The words clang puts between the place and the message.
const WORDS: [(&str, Severity); 4] = [
    ("fatal error: ", Severity::Error),
    ("error: ", Severity::Error),
    ("warning: ", Severity::Warning),
    ("note: ", Severity::Note),
];

pub(super) fn read(text: &str) -> Vec<Diagnostic> {
    let mut found: Vec<_> = text.lines().filter_map(line).collect();
    let refused = |d: &Diagnostic| d.message.ends_with("with exceptions disabled");
    if found.iter().any(refused) {
        found.push(Diagnostic::note(
            "C++ is compiled with -fno-exceptions: `throw`, `try` and `catch` are errors",
        ));
    }
    found
}

fn line(line: &str) -> Option<Diagnostic> {
    // The first word wins: a message may quote another one.
    let (at, word, severity) = WORDS
        .iter()
        .filter_map(|(word, severity)| {
            let at = line.find(word)?;
            (at == 0 || line[..at].ends_with(": ")).then_some((at, *word, *severity))
        })
        .min_by_key(|(at, ..)| *at)?;
    let (message, code) = split_flag(&line[at + word.len()..]);
    let found = Diagnostic {
        severity,
        code: code.map(str::to_owned),
        place: None,
        message: message.to_owned(),
    };
    let before = line[..at].trim_end_matches([':', ' ']);
    Some(match split_place(before) {
        Some((file, line, column)) => found.at(file, line, column),
        None => found,
    })
}

/// Takes a trailing `[-Wflag]` off a message.
fn split_flag(message: &str) -> (&str, Option<&str>) {
    match message.strip_suffix(']').and_then(|m| m.rsplit_once(" [")) {
        Some((message, flag)) if flag.starts_with("-W") => (message, Some(flag)),
        _ => (message, None),
    }
}

pub(super) fn read_linker(text: &str) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for line in text.lines() {
        let rest = line.strip_prefix("wasm-ld: ").unwrap_or(line);
        if let Some(continued) = rest.strip_prefix(">>> ") {
            if let Some(last) = found.last_mut() {
                last.message.push_str("; ");
                last.message.push_str(&objects_as_sources(continued.trim()));
            }
            continue;
        }
        let severity = match rest {
            r if r.starts_with("error: ") => Severity::Error,
            r if r.starts_with("warning: ") => Severity::Warning,
            _ => continue,
        };
        let message = rest.split_once(": ").map_or(rest, |(_, m)| m);
        found.push(Diagnostic {
            severity,
            ..Diagnostic::error(objects_as_sources(message))
        });
    }
    found
}

/// The linker sees `/i/src/main.c.o`; the user knows `src/main.c`.
fn objects_as_sources(message: &str) -> String {
    let mut text = message.replace(crate::lane::OBJECT_ROOT, "");
    for suffix in ["c", "cc", "cpp", "cxx", "C"] {
        text = text.replace(&format!(".{suffix}.o:"), &format!(".{suffix}:"));
        text = text.replace(&format!(".{suffix}.o"), &format!(".{suffix}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::diagnose::read;
    use crate::step::Dialect;

    fn lines(dialect: Dialect, text: &str) -> Vec<String> {
        read(dialect, text.as_bytes(), true)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn reads_errors_warnings_and_notes() {
        let text = "\
/w/src/a.c:3:5: error: use of undeclared identifier 'x'
/w/a.h:10:2: warning: unused variable 'y' [-Wunused-variable]
/w/a.h:1:1: note: declared here
/w/b.c:1:10: fatal error: 'nope.h' file not found
2 errors generated.
";
        assert_eq!(
            lines(Dialect::Clang, text),
            [
                "src/a.c:3:5: error: use of undeclared identifier 'x'",
                "a.h:10:2: warning[-Wunused-variable]: unused variable 'y'",
                "a.h:1:1: note: declared here",
                "b.c:1:10: error: 'nope.h' file not found",
            ]
        );
    }

    #[test]
    fn a_message_that_quotes_a_word_keeps_it() {
        assert_eq!(
            lines(Dialect::Clang, "/w/a.c:1:2: error: \"warning: old\"\n"),
            ["a.c:1:2: error: \"warning: old\""]
        );
    }

    #[test]
    fn an_error_without_a_place_is_kept() {
        assert_eq!(
            lines(Dialect::Clang, "clang: error: no input files\n"),
            ["error: no input files"]
        );
    }

    #[test]
    fn the_linker_names_sources_instead_of_objects() {
        let text = "wasm-ld: error: /i/src/main.c.o: undefined symbol: missing\n";
        assert_eq!(
            lines(Dialect::Lld, text),
            ["error: src/main.c: undefined symbol: missing"]
        );
    }

    #[test]
    fn continued_lines_of_the_linker_belong_to_their_error() {
        let text = "wasm-ld: error: duplicate symbol: f\n>>> defined in /i/a.c.o\n>>> defined in /i/b.c.o\n";
        assert_eq!(
            lines(Dialect::Lld, text),
            [
                "error: duplicate symbol: f; defined in /i/a.c.o; defined in /i/b.c.o"
                    .replace("/i/", "")
                    .replace(".o", "")
            ]
        );
    }
}
