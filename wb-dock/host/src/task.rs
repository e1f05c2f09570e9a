//! Task recipes as command calls: words, quotes, pipes, and nothing else of a shell.
//!
//! A recipe is not run by a shell, because that would be a native program with
//! the user's rights. What it may say is little enough to be lowered to calls
//! of registered commands; anything more is refused with its line, never
//! passed over.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Commands joined by pipes: one line of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// The line of the recipe, from 1.
    pub line: usize,
    /// The comments right above the line: what it does.
    pub caption: Option<String>,
    /// The calls, each reading what the one before wrote.
    pub calls: Vec<Call>,
}

/// As a recipe would say it, with all words filled in.
impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, call) in self.calls.iter().enumerate() {
            write!(f, "{}{call}", if i > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

/// One call of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The command.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.name))?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// A word that [`lower`] reads as `word` again.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,=+@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    // Nothing but the quote itself means anything inside of single quotes.
    format!("'{}'", word.replace('\'', "'\\''")).into()
}

/// A line that cannot be lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLowered {
    /// The line of the recipe, from 1.
    pub line: usize,
    /// The bytes of that line that are meant.
    pub columns: Range<usize>,
    /// What stands in the way.
    pub reason: String,
}

impl fmt::Display for NotLowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Lowers a recipe, called with `args`, to pipelines.
///
/// Words are split at blanks; `'…'` keeps everything, `"…"` everything but `$`
/// and `\`. `$1` to `$9` are arguments (empty if not given), `"$@"` and `$@` all
/// of them, `$#` their number. `\` at the end of a line joins the next one, `#`
/// starts a comment; one right above a line is the line's caption.
///
/// # Errors
///
/// [`NotLowered`] for the first line that asks for more.
///
/// # Examples
///
/// ```
/// use wb_host::task::lower;
///
/// let lines = lower("grep \"$1\" | slug --sep _\n", &["a b".to_owned()]).unwrap();
/// assert_eq!(lines[0].calls[0].args, ["a b"]);
/// assert!(lower("rm -rf *", &[]).unwrap_err().to_string().contains('*'));
/// ```
pub fn lower(script: &str, args: &[String]) -> Result<Vec<Pipeline>, NotLowered> {
    let mut pipelines = Vec::new();
    let mut captions: Vec<&str> = Vec::new();
    let mut lines = script.lines().enumerate();
    while let Some((index, text)) = lines.next() {
        let line = index + 1;
        match text.trim_start().strip_prefix('#') {
            Some(caption) => {
                captions.push(caption.trim());
                continue;
            }
            None if text.trim().is_empty() => captions.clear(),
            None => {}
        }
        let mut text = text.to_owned();
        while let Some(head) = text.strip_suffix('\\') {
            let Some((_, next)) = lines.next() else {
                let end = text.len();
                let reason = "a `\\` at the end joins no line";
                return Err(refused(line, end - 1..end, reason));
            };
            text = format!("{head}{next}");
        }
        let mut calls = Vec::new();
        let mut words = Words {
            line,
            args,
            all: &text,
            rest: &text,
        };
        while let Some(call) = words.call()? {
            calls.push(call);
        }
        if !calls.is_empty() {
            let caption = captions.join(" ");
            captions.clear();
            pipelines.push(Pipeline {
                line,
                caption: Some(caption).filter(|caption| !caption.is_empty()),
                calls,
            });
        }
    }
    Ok(pipelines)
}

/// Reads the words of one line.
struct Words<'a> {
    line: usize,
    args: &'a [String],
    all: &'a str,
    rest: &'a str,
}

impl Words<'_> {
    /// How much of the line was read.
    fn read(&self) -> usize {
        self.all.len() - self.rest.len()
    }

    /// The next command up to a `|` or the end; `None` at the end of the line.
    fn call(&mut self) -> Result<Option<Call>, NotLowered> {
        let mut words = Vec::new();
        let piped = loop {
            self.rest = self.rest.trim_start();
            match self.rest.chars().next() {
                None | Some('#') => {
                    self.rest = "";
                    break false;
                }
                Some('|') => {
                    self.rest = &self.rest[1..];
                    break true;
                }
                Some(_) => self.word(&mut words)?,
            }
        };
        let behind = self.rest.trim_start();
        let here = self.read();
        let pipe = here.saturating_sub(1)..here;
        if piped && (behind.is_empty() || behind.starts_with(['|', '#'])) {
            return Err(refused(self.line, pipe, "nothing stands behind a `|`"));
        }
        let mut words = words.into_iter();
        match words.next() {
            Some(name) => Ok(Some(Call {
                name,
                args: words.collect(),
            })),
            None if piped => Err(refused(self.line, pipe, "nothing stands before a `|`")),
            None => Ok(None),
        }
    }

    /// Reads one word and adds what it stands for: mostly itself.
    fn word(&mut self, words: &mut Vec<String>) -> Result<(), NotLowered> {
        for all in ["\"$@\"", "$@"] {
            let after = self.rest.strip_prefix(all);
            if let Some(after) =
                after.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '|']))
            {
                self.rest = after;
                words.extend_from_slice(self.args);
                return Ok(());
            }
        }
        let start = self.read();
        let mut word = String::new();
        let mut quote = None;
        let mut chars = self.rest.char_indices().peekable();
        let end = loop {
            let Some((at, c)) = chars.next() else {
                break self.rest.len();
            };
            match (quote, c) {
                (Some(q), c) if q == c => quote = None,
                (Some('\''), c) => word.push(c),
                (None, '\'' | '"') => quote = Some(c),
                (None, ' ' | '\t' | '|') => break at,
                (_, '\\') => {
                    let Some((_, escaped)) = chars.next() else {
                        let place = start + at..start + at + 1;
                        return Err(refused(self.line, place, "a `\\` escapes nothing"));
                    };
                    word.push(escaped);
                }
                (_, '$') => {
                    let next = chars.next().map(|(_, c)| c);
                    let end = at + 1 + next.map_or(0, char::len_utf8);
                    word.push_str(&self.value(next, start + at..start + end)?);
                }
                (_, '`') => return Err(self.shell("command substitution", c, start + at)),
                (None, ';' | '&' | '<' | '>' | '(' | ')' | '*' | '?' | '[' | '{' | '~' | '!') => {
                    return Err(self.shell("this", c, start + at));
                }
                (_, c) => word.push(c),
            }
        };
        if quote.is_some() {
            let place = start..start + end;
            return Err(refused(self.line, place, "a quote is not closed"));
        }
        if words.is_empty() && word.contains('=') {
            let place = start..start + end;
            return Err(refused(self.line, place, "variables cannot be set"));
        }
        self.rest = &self.rest[end..];
        words.push(word);
        Ok(())
    }

    /// What `$` with `next` behind it stands for.
    fn value(&self, next: Option<char>, place: Range<usize>) -> Result<String, NotLowered> {
        match next {
            Some('#') => Ok(self.args.len().to_string()),
            Some('@' | '*') => Ok(self.args.join(" ")),
            Some(digit @ '1'..='9') => {
                let index = digit as usize - '1' as usize;
                Ok(self.args.get(index).cloned().unwrap_or_default())
            }
            Some(other) => {
                let reason =
                    format!("`${other}` is not known, expected `$1` to `$9`, `$@` or `$#`");
                Err(refused(self.line, place, &reason))
            }
            None => Ok("$".to_owned()),
        }
    }

    fn shell(&self, what: &str, found: char, at: usize) -> NotLowered {
        let reason =
            format!("`{found}`: {what} needs a shell, and no shell runs; quote it if it is text");
        refused(self.line, at..at + found.len_utf8(), &reason)
    }
}

fn refused(line: usize, columns: Range<usize>, reason: &str) -> NotLowered {
    let reason = reason.to_owned();
    NotLowered {
        line,
        columns,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Vec<String> {
        vec!["one two".to_owned(), "three".to_owned()]
    }

    /// Each pipeline as `name[arg,arg] | name[]`.
    fn shown(script: &str) -> Vec<String> {
        let call = |call: &Call| format!("{}[{}]", call.name, call.args.join(","));
        let line = |line: Pipeline| line.calls.iter().map(call).collect::<Vec<_>>().join(" | ");
        lower(script, &args())
            .unwrap()
            .into_iter()
            .map(line)
            .collect()
    }

    fn reason(script: &str) -> String {
        lower(script, &args()).unwrap_err().to_string()
    }

    #[test]
    fn words_quotes_and_pipes() {
        assert_eq!(
            shown("a b  c\n\n# note\nd|e 'x | y' # end"),
            ["a[b,c]", "d[] | e[x | y]"]
        );
        assert_eq!(
            shown("a \"$1\" $2 '$1' \"<$2>\""),
            ["a[one two,three,$1,<three>]"]
        );
        assert_eq!(
            shown("a \"$@\" | b $@ $# $9"),
            ["a[one two,three] | b[one two,three,2,]"]
        );
        assert_eq!(shown("a \\\n  b"), ["a[b]"]);
        assert_eq!(shown("a x\\ y \"q\\\"q\""), ["a[x y,q\"q]"]);
        assert_eq!(shown("wörd 'ünï'"), ["wörd[ünï]"]);
    }

    #[test]
    fn lowered_lines_are_told_in_words_that_read_back() {
        let lines = lower(
            "# Count\n# them\na 'x y' \"it's\" '' | b $2\n\n# off\n\nc",
            &args(),
        );
        let lines = lines.unwrap();
        assert_eq!(lines[0].caption.as_deref(), Some("Count them"));
        assert_eq!(lines[1].caption, None);
        let told = lines[0].to_string();
        assert_eq!(told, r"a 'x y' 'it'\''s' '' | b three");
        assert_eq!(lower(&told, &[]).unwrap()[0].calls, lines[0].calls);
    }

    #[test]
    fn the_place_of_what_cannot_be_lowered_is_known() {
        for (script, expected) in [
            ("a b > c", ">"),
            ("a x$HOME", "$H"),
            ("a | ", "|"),
            ("a 'bc", "'bc"),
            ("X=1 a", "X=1"),
            ("a é `b`", "`"),
        ] {
            let columns = lower(script, &args()).unwrap_err().columns;
            assert_eq!(&script[columns], expected, "{script}");
        }
    }

    #[test]
    fn what_needs_a_shell_is_refused_with_its_line() {
        assert_eq!(
            reason("a\nb > c"),
            "line 2: `>`: this needs a shell, and no shell runs; quote it if it is text"
        );
        for script in [
            "a; b", "a & b", "a && b", "a < b", "$(a)", "`a`", "a *.c", "X=1 a", "a $HOME",
        ] {
            assert!(lower(script, &args()).is_err(), "{script}");
        }
        for script in ["a |", "| a", "a || b", "a | # b", "a 'b", "a \\"] {
            assert!(lower(script, &args()).is_err(), "{script}");
        }
    }
}
