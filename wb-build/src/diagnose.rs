//! What compilers say, as data: file, line, column, message.

mod clang;
mod esbuild;
mod jsc;
mod tsc;

use std::borrow::Cow;
use std::fmt;

use crate::step::Dialect;

/// How serious a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably a mistake; the build goes on.
    Warning,
    /// The build cannot succeed.
    Error,
}

impl Severity {
    /// The word a compiler prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A finding about somebody's source.
///
/// Displayed as `file:line:column: severity: message`; whoever has the source
/// at hand draws the line below it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Diagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// The compiler's own name for the finding, such as `TS2322` or `-Wunused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where, if the compiler said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What, in the compiler's words.
    pub message: String,
}

/// A place in a source tree.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// Path relative to the source tree; a header of the toolchain is
    /// `<stdio.h>`, another file of it starts with `/`.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1; 0 when the compiler named the line only.
    pub column: u32,
}

impl Diagnostic {
    /// An error that has no place.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: None,
            place: None,
            message: message.into(),
        }
    }

    /// A note that has no place.
    pub fn note(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(message)
        }
    }

    /// The same finding at a place.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: u32, column: u32) -> Self {
        self.place = Some(Place {
            file: file.into(),
            line,
            column,
        });
        self
    }

    /// The same finding under a code.
    #[must_use]
    pub fn coded(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.file, place.line)?;
            if place.column > 0 {
                write!(f, "{}:", place.column)?;
            }
            f.write_str(" ")?;
        }
        f.write_str(self.severity.name())?;
        if let Some(code) = &self.code {
            write!(f, "[{code}]")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Most findings kept from one run of a compiler: enough for a person, and a
/// bound on what hostile source can make us hold.
const MOST: usize = 1000;

/// Longest message kept, in bytes.
const LONGEST: usize = 8 << 10;

/// Reads what a tool wrote on its error stream.
///
/// Any bytes are accepted. Lines that are no finding of the dialect are
/// dropped, unless nothing was understood and the tool failed: then the text
/// itself is the one finding, because silence would be worse.
pub(crate) fn read(dialect: Dialect, text: &[u8], failed: bool) -> Vec<Diagnostic> {
    let text = String::from_utf8_lossy(text);
    let mut found = match dialect {
        Dialect::Clang => clang::read(&text),
        Dialect::Lld => clang::read_linker(&text),
        Dialect::Esbuild => esbuild::read(&text),
        Dialect::Jsc => jsc::read(&text),
        Dialect::Tsc => tsc::read(&text),
    };
    found.truncate(MOST);
    for diagnostic in &mut found {
        clip(&mut diagnostic.message);
        if let Some(place) = &mut diagnostic.place {
            place.file = shown(&place.file).into_owned();
        }
    }
    let silent = !found.iter().any(|d| d.severity == Severity::Error);
    if failed && silent && !text.trim().is_empty() {
        let mut message = unread(dialect, text.trim()).into_owned();
        clip(&mut message);
        let hint = too_deep(&message);
        found.push(Diagnostic::error(message));
        found.extend(hint);
    }
    found
}

/// What a tool said that is no finding. Those that are programs of a language
/// with stack traces end in one: its first line says what happened.
fn unread(dialect: Dialect, text: &str) -> Cow<'_, str> {
    match dialect {
        Dialect::Clang | Dialect::Lld => text.into(),
        Dialect::Esbuild | Dialect::Jsc | Dialect::Tsc => {
            let line = text.lines().next().unwrap_or_default();
            match line.strip_prefix("Uncaught ") {
                Some(error) => format!("the compiler failed: {error}").into(),
                None => line.into(),
            }
        }
    }
}

/// A hint for a compiler that ran out of stack, by what its end was called. The
/// stack of clang lies below its data: to leave it is to leave the memory.
pub(crate) fn too_deep(reason: &str) -> Option<Diagnostic> {
    let words = [
        "call stack",
        "out of bounds memory access",
        "stack overflow",
        "stack exceeds",
    ];
    let overflow = words.iter().any(|words| reason.contains(words));
    overflow.then(|| Diagnostic::note("the source may be nested too deeply"))
}

/// Whether the linker, asked to trace `main`, had to make one up: libc's start
/// refers to it weakly, so that its absence is no error but a trap at run time.
pub(crate) fn lacks_main(trace: &[u8]) -> bool {
    memchr::memmem::find(trace, b"definition of undefined_weak:main").is_some()
}

/// Where lanes mount the source tree.
pub(crate) const SOURCE_ROOT: &str = "/w";

/// Where the WIT of a component is; in the user's names, the folder `wit` of the toolkit.
pub(crate) const WIT_ROOT: &str = "/wit";

/// Where the modules are that stand for the world of a component.
pub(crate) const WORLD_MODULES: &str = "/b";

/// Where headers of the toolchain are, the deeper folders first.
const HEADER_ROOTS: [&str; 4] = [
    "/usr/include/c++/v1/",
    "/usr/include/wasm32-wasip1/",
    "/usr/include/",
    "/wb/include/",
];

/// A guest path as the user knows it: relative to the source tree, or as the
/// `#include` of a header of the toolchain has it.
fn shown(path: &str) -> Cow<'_, str> {
    let inside = path
        .strip_prefix(SOURCE_ROOT)
        .and_then(|rest| rest.strip_prefix('/'));
    let header = || HEADER_ROOTS.iter().find_map(|root| path.strip_prefix(root));
    match (inside, header()) {
        (Some(inside), _) => inside.into(),
        (None, Some(header)) => format!("<{header}>").into(),
        (None, None) => path.into(),
    }
}

fn clip(message: &mut String) {
    if message.len() > LONGEST {
        let mut end = LONGEST;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push('…');
    }
}

/// Splits `line:column` or `line` at the end of `text`: `a.c:3:5` is `("a.c", 3, 5)`.
pub(crate) fn split_place(text: &str) -> Option<(&str, u32, u32)> {
    let (rest, last) = text.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    match rest
        .rsplit_once(':')
        .and_then(|(file, line)| Some((file, line.parse::<u32>().ok()?)))
    {
        Some((file, line)) if !file.is_empty() => Some((file, line, last)),
        _ if !rest.is_empty() => Some((rest, last, 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tool_that_fails_without_a_readable_message_is_quoted() {
        let found = read(Dialect::Clang, b"LLVM ERROR: out of registers\n", true);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "error: LLVM ERROR: out of registers");
        assert!(read(Dialect::Clang, b"chatter\n", false).is_empty());
    }

    #[test]
    fn a_stack_trace_of_a_compiler_is_cut_and_explained() {
        let text =
            b"Uncaught RangeError: Maximum call stack size exceeded\n    at f (w/t.js:1:2)\n";
        let found: Vec<_> = read(Dialect::Tsc, text, true)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "error: the compiler failed: RangeError: Maximum call stack size exceeded",
                "note: the source may be nested too deeply",
            ]
        );
    }

    #[test]
    fn headers_of_the_toolchain_are_called_as_they_are_included() {
        for (path, name) in [
            ("/usr/include/wasm32-wasip1/sys/types.h", "<sys/types.h>"),
            ("/usr/include/c++/v1/vector", "<vector>"),
            ("/usr/include/stddef.h", "<stddef.h>"),
            ("/wb/include/wb.h", "<wb.h>"),
            ("/w/usr/include/a.h", "usr/include/a.h"),
            ("/lib/lib.es5.d.ts", "/lib/lib.es5.d.ts"),
        ] {
            assert_eq!(shown(path), name);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300), failed: bool) {
            for dialect in [Dialect::Clang, Dialect::Lld, Dialect::Esbuild, Dialect::Jsc, Dialect::Tsc] {
                for finding in read(dialect, &bytes, failed) {
                    prop_assert!(finding.message.len() <= LONGEST + 3);
                }
            }
        }

        #[test]
        fn a_place_reads_back(file in "[a-z/.]{1,9}", line in 1u32..9999, column in 1u32..999) {
            let text = format!("{file}:{line}:{column}");
            prop_assert_eq!(split_place(&text), Some((file.as_str(), line, column)));
        }
    }
}
