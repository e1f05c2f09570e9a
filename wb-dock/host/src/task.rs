//! Task recipes as command calls: words, quotes, pipes, and nothing else of a shell.
//!
//! A recipe is not run by a shell, because that would be a native program with
//! the user's rights. What it may say is little enough to be lowered to calls
//! of registered commands; anything more is refused with its line, never
//! passed over.

use std::fmt;

/// Commands joined by pipes: one line of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// The line of the recipe, from 1.
    pub line: usize,
    /// The calls, each reading what the one before wrote.
    pub calls: Vec<Call>,
}

/// One call of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The command.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
}

/// A line that cannot be lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLowered {
    /// The line of the recipe, from 1.
    pub line: usize,
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
/// starts a comment.
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
    let mut lines = script.lines().enumerate();
    while let Some((index, text)) = lines.next() {
        let line = index + 1;
        let mut text = text.to_owned();
        while let Some(head) = text.strip_suffix('\\') {
            let Some((_, next)) = lines.next() else {
                return Err(refused(line, "a `\\` at the end joins no line"));
            };
            text = format!("{head}{next}");
        }
        let mut calls = Vec::new();
        let mut words = Words {
            line,
            args,
            rest: &text,
        };
        while let Some(call) = words.call()? {
            calls.push(call);
        }
        if !calls.is_empty() {
            pipelines.push(Pipeline { line, calls });
        }
    }
    Ok(pipelines)
}

/// Reads the words of one line.
struct Words<'a> {
    line: usize,
    args: &'a [String],
    rest: &'a str,
}

impl Words<'_> {
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
        if piped && (behind.is_empty() || behind.starts_with(['|', '#'])) {
            return Err(refused(self.line, "nothing stands behind a `|`"));
        }
        let mut words = words.into_iter();
        match words.next() {
            Some(name) => Ok(Some(Call {
                name,
                args: words.collect(),
            })),
            None if piped => Err(refused(self.line, "nothing stands before a `|`")),
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
                (_, '\\') => match chars.next() {
                    Some((_, escaped)) => word.push(escaped),
                    None => return Err(refused(self.line, "a `\\` escapes nothing")),
                },
                (_, '$') => {
                    let next = chars.next().map(|(_, c)| c);
                    word.push_str(&self.value(next)?);
                }
                (_, '`') => return Err(self.shell("command substitution", c)),
                (None, ';' | '&' | '<' | '>' | '(' | ')' | '*' | '?' | '[' | '{' | '~' | '!') => {
                    return Err(self.shell("this", c));
                }
                (_, c) => word.push(c),
            }
        };
        if quote.is_some() {
            return Err(refused(self.line, "a quote is not closed"));
        }
        if words.is_empty() && word.contains('=') {
            return Err(refused(self.line, "variables cannot be set"));
        }
        self.rest = &self.rest[end..];
        words.push(word);
        Ok(())
    }

    /// What `$` with `next` behind it stands for.
    fn value(&self, next: Option<char>) -> Result<String, NotLowered> {
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
                Err(refused(self.line, &reason))
            }
            None => Ok("$".to_owned()),
        }
    }

    fn shell(&self, what: &str, found: char) -> NotLowered {
        let reason =
            format!("`{found}`: {what} needs a shell, and no shell runs; quote it if it is text");
        refused(self.line, &reason)
    }
}

fn refused(line: usize, reason: &str) -> NotLowered {
    let reason = reason.to_owned();
    NotLowered { line, reason }
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
