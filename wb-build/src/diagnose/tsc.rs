//! Our checker prints `file:line:column: error TS2322: message`.

use super::{Diagnostic, Severity, WORLD_MODULES, split_place};

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
            .is_some_and(|file| file.starts_with('/'))
    };
    let Some(place) = found.place.as_ref().filter(|place| is_ours(&place.file)) else {
        return found;
    };
    let named = found.message.strip_prefix("Type 'typeof import(\"");
    let named = named.and_then(|rest| {
        let (program, rest) = rest.split_once("\")' does not satisfy the expected type '")?;
        let world = rest.strip_prefix("typeof import(\"")?.split('"').next()?;
        Some((format!("{program}.ts"), world))
    });
    if let Some((program, world)) = named {
        let message = format!("the program does not fit the world `{world}`");
        return Diagnostic { message, ..found }.at(program, 1, 1);
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
    fn a_program_unlike_its_world_is_told_in_its_own_terms() {
        let text = "\
/b/check.ts:3:9: error TS1360: Type 'typeof import(\"/w/index\")' does not satisfy the expected type \
'typeof import(\"my:pkg/world@1.0.0\")'.
  Types of property 'f' are incompatible.
/b/world.d.ts:7:1: error TS2300: Duplicate identifier 'T'.
";
        let found = read(Dialect::Tsc, text.as_bytes(), true);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "index.ts:1:1: error[TS1360]: the program does not fit the world `my:pkg/world@1.0.0`\n  \
                 Types of property 'f' are incompatible.",
                "error[TS2300]: Duplicate identifier 'T'. (/b/world.d.ts)",
            ]
        );
    }

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
