//! esbuild prints a headline `✘ [ERROR] message [code]` and below it, indented,
//! the place as `path:line:column:` (columns from 0), the source line, and notes.

use super::{Diagnostic, Severity, WORLD_MODULES, split_place};
use crate::component::ENTRY_MODULE;

pub(super) fn read(text: &str) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some((severity, message)) = headline(line) {
            let (message, code) = split_code(message);
            let mut diagnostic = Diagnostic {
                severity,
                code: code.map(str::to_owned),
                place: None,
                message: message.to_owned(),
            };
            while lines.next_if(|l| l.trim().is_empty()).is_some() {}
            if let Some(place) = lines.peek().and_then(|l| place(l)) {
                lines.next();
                diagnostic = diagnostic.at(place.0, place.1, place.2);
            }
            found.push(missing_export(diagnostic));
        } else if let Some(note) = note(line) {
            // A note follows its finding; before any there is none to explain.
            if !found.is_empty() && !is_advice(note) {
                found.push(Diagnostic::note(note));
            }
        }
    }
    found
}

/// The entry of a component takes from the program what its world exports: that it
/// is not there is a fault of the program.
fn missing_export(mut found: Diagnostic) -> Diagnostic {
    let entry = format!("{WORLD_MODULES}/{ENTRY_MODULE}");
    if found
        .place
        .as_ref()
        .is_some_and(|place| place.file == entry)
        && let Some(rest) = found.message.strip_prefix("No matching export in \"")
        && let Some((file, name)) = rest.split_once("\" for import \"")
    {
        let message = format!(
            "no export `{}`, which the world of the component has",
            name.trim_end_matches('"')
        );
        let file = format!("/{file}");
        found = Diagnostic { message, ..found }.at(file, 1, 1);
    }
    found
}

fn headline(line: &str) -> Option<(Severity, &str)> {
    let rest = line.trim_start_matches(['✘', '▲', 'X', '!', ' ']);
    if let Some(message) = rest.strip_prefix("[ERROR] ") {
        return Some((Severity::Error, message));
    }
    let message = rest.strip_prefix("[WARNING] ")?;
    Some((Severity::Warning, message))
}

/// Takes a trailing `[code-in-kebab-case]` off a message.
fn split_code(message: &str) -> (&str, Option<&str>) {
    match message.strip_suffix(']').and_then(|m| m.rsplit_once(" [")) {
        Some((message, code)) if code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') => {
            (message, Some(code))
        }
        _ => (message, None),
    }
}

fn place(line: &str) -> Option<(String, u32, u32)> {
    let (file, line, column) = split_place(line.trim().strip_suffix(':')?)?;
    // esbuild runs in `/` and prints paths relative to it.
    let file = if file.starts_with('/') {
        file.to_owned()
    } else {
        format!("/{file}")
    };
    Some((file, line, column.saturating_add(1)))
}

/// Notes are indented by two spaces; source excerpts by four or more.
fn note(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("  ")?;
    (!rest.starts_with(' ') && !rest.is_empty()).then_some(rest)
}

/// Whether a note tells of options of esbuild, which are the lane's and not the user's.
fn is_advice(note: &str) -> bool {
    ["external", "\"--", "platform", "loader"]
        .iter()
        .any(|word| note.contains(word))
}

#[cfg(test)]
mod tests {
    use crate::diagnose::read;
    use crate::step::Dialect;

    #[test]
    fn reads_place_code_and_note() {
        let text = "\
✘ [ERROR] Could not resolve \"left-pad\"

    w/src/index.js:3:20:
      3 │ import leftPad from \"left-pad\";
        ╵                     ~~~~~~~~~~

  The import of \"left-pad\" comes from here.
  You can mark the path \"left-pad\" as external to exclude it from the bundle.

▲ [WARNING] Import \"x\" will always be undefined [import-is-undefined]

    w/a.js:1:0:
      1 │ x
        ╵ ^

1 warning and 1 error
";
        let found: Vec<_> = read(Dialect::Esbuild, text.as_bytes(), true)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "src/index.js:3:21: error: Could not resolve \"left-pad\"",
                "note: The import of \"left-pad\" comes from here.",
                "a.js:1:1: warning[import-is-undefined]: Import \"x\" will always be undefined",
            ]
        );
    }
}
