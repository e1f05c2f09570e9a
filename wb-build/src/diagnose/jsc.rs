//! `jsc` prints `file:line:column: message`, all of them errors.

use super::{Diagnostic, split_place};

pub(super) fn read(text: &str) -> Vec<Diagnostic> {
    let line = |line: &str| {
        let (place, message) = line.split_once(": ")?;
        let (file, row, column) = split_place(place)?;
        Some(Diagnostic::error(message).at(file, row, column))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnose::read;
    use crate::step::Dialect;

    #[test]
    fn every_line_is_an_error_with_its_place() {
        let text = b"index.js:3:9: unexpected token: ';'\njsc: out of memory\n";
        let found = read(Dialect::Jsc, text, true);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "index.js:3:9: error: unexpected token: ';'"
        );
    }
}
