//! Our checker prints `file:line:column: error TS2322: message`.

use super::{Diagnostic, SOURCE_ROOT, Severity, WORLD_MODULES, split_place};

pub(super) fn read(text: &str) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for line in text.lines() {
        if let Some(diagnostic) = one(line) {
            found.push(unlike_the_world(diagnostic));
        } else if let Some(last) = found.last_mut()
            && line.starts_with("  ")
        {
            // Chained explanations are indented below their finding.
            last.message.push('\n');
            last.message.push_str(line);
        }
    }
    found
}

/// What does not fit the world of a component is told in a module of ours, and in terms
/// of that: it is a fault of the program as a whole.
fn unlike_the_world(found: Diagnostic) -> Diagnostic {
    let is_ours = |file: &str| {
        file.strip_prefix(WORLD_MODULES)
            .is_some_and(|f| f.starts_with('/'))
    };
    let Some(place) = found.place.as_ref().filter(|place| is_ours(&place.file)) else {
        return found;
    };
    let import = format!("typeof import(\"{SOURCE_ROOT}/");
    let named = found
        .message
        .split_once(&import)
        .and_then(|(before, rest)| {
            let (program, after) = rest.split_once("\")")?;
            let before = before.trim_end_matches('\'');
            let after = after.trim_start_matches('\'');
            Some((program.to_owned(), format!("{before}the program{after}")))
        });
    if let Some((program, message)) = named {
        let file = format!("{SOURCE_ROOT}/{program}.ts");
        return Diagnostic { message, ..found }.at(file, 1, 1);
    }
    let message = format!("{} ({})", found.message, place.file);
    Diagnostic {
        place: None,
        message,
        ..found
    }
}

fn one(line: &str) -> Option<Diagnostic> {
    let (at, severity) = [
        ("error TS", Severity::Error),
        ("warning TS", Severity::Warning),
    ]
    .into_iter()
    .find_map(|(word, severity)| Some((line.find(word)?, severity)))?;
    let (code, message) = line[at..].split_once(": ")?;
    let code = code.split_once(' ')?.1;
    if !code[2..].bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let found = Diagnostic {
        severity,
        ..Diagnostic::error(message)
    }
    .coded(code);
    let before = line[..at].trim_end_matches([':', ' ']);
    Some(match split_place(before) {
        Some((file, line, column)) => found.at(file, line, column),
        None => found,
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnose::read;
    use crate::step::Dialect;

    #[test]
    fn reads_code_place_and_chained_text() {
        let text = "\
/w/index.ts:4:7: error TS2322: Type 'string' is not assignable to type 'number'.
  The expected type comes from property 'n'.
error TS18003: No inputs were found.
";
        let found = read(Dialect::Tsc, text.as_bytes(), true);
        assert_eq!(
            found[0].to_string(),
            "index.ts:4:7: error[TS2322]: Type 'string' is not assignable to type 'number'.\n  \
             The expected type comes from property 'n'."
        );
        assert_eq!(
            found[1].to_string(),
            "error[TS18003]: No inputs were found."
        );
    }
}
