//! How a case is written.

/// One call, and what it must answer.
#[derive(Debug)]
pub(super) struct Step<'t> {
    /// The line, for messages.
    pub(super) line: &'t str,
    pub(super) function: &'t str,
    pub(super) args: Vec<Word>,
    /// The name for what the call opens.
    pub(super) name: Option<Word>,
    /// The error numbers that will do; success alone if there are none.
    pub(super) errnos: Vec<Word>,
    pub(super) checks: Vec<Check>,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Bare(String),
    Quoted(Vec<u8>),
}

impl Word {
    pub(super) fn bare(&self) -> Option<&str> {
        match self {
            Self::Bare(word) => Some(word),
            Self::Quoted(_) => None,
        }
    }
}

/// What a part of the answer must be.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) field: String,
    pub(super) relation: Relation,
    pub(super) wanted: Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    Greater,
    /// Has all of these bits.
    Has,
    /// Has none of these bits.
    Lacks,
}

/// How each relation is written; `!=` and `!~` before what begins like them.
const RELATIONS: [(&str, Relation); 6] = [
    ("!=", Relation::NotEqual),
    ("!~", Relation::Lacks),
    ("=", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::Greater),
    ("~", Relation::Has),
];

/// What a case says: in a sentence, then step by step.
pub(super) fn read(text: &str) -> Result<(&str, Vec<Step<'_>>), String> {
    let (about, steps) = text.split_once("\n\n").unwrap_or((text, ""));
    let lines = steps.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut steps = Vec::new();
    for line in lines {
        match repeated(line) {
            None => steps.push(step(line)?),
            Some((count, line)) => {
                for number in 0..count {
                    steps.push(step(line)?.numbered(number));
                }
            }
        }
    }
    Ok((about.trim(), steps))
}

/// `for 400 CALL`: how often, and the call.
fn repeated(line: &str) -> Option<(usize, &str)> {
    let (count, call) = line.strip_prefix("for ")?.split_once(' ')?;
    Some((count.parse().ok()?, call))
}

impl Step<'_> {
    /// The step with `number` in the place of each `#` in its texts.
    fn numbered(mut self, number: usize) -> Self {
        for arg in &mut self.args {
            if let Word::Quoted(bytes) = arg {
                let text = String::from_utf8_lossy(bytes);
                *bytes = text.replace('#', &number.to_string()).into_bytes();
            }
        }
        self
    }
}

fn step(line: &str) -> Result<Step<'_>, String> {
    let unreadable = |why: &str| format!("`{line}`: {why}");
    let (function, mut rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut step = Step {
        line,
        function,
        args: Vec::new(),
        name: None,
        errnos: Vec::new(),
        checks: Vec::new(),
    };
    let mut part = Part::Args;
    while let Some((token, after)) = token(rest).map_err(unreadable)? {
        rest = after;
        part = match (token, part) {
            (":", _) => Part::Checks,
            ("->", _) => Part::Errnos,
            ("as", Part::Args) => Part::Name,
            (token, Part::Args) => {
                step.args.push(word(token).map_err(unreadable)?);
                part
            }
            (token, Part::Name) => {
                step.name = Some(word(token).map_err(unreadable)?);
                Part::Args
            }
            (token, Part::Errnos) => {
                step.errnos.push(word(token).map_err(unreadable)?);
                part
            }
            (token, Part::Checks) => {
                step.checks.push(check(token).map_err(unreadable)?);
                part
            }
        };
    }
    Ok(step)
}

#[derive(Clone, Copy)]
enum Part {
    Args,
    Name,
    Errnos,
    Checks,
}

/// The text up to the next space that is not quoted, and what follows.
fn token(text: &str) -> Result<Option<(&str, &str)>, &'static str> {
    let text = text.trim_start();
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => return Ok(Some(text.split_at(at))),
            _ => {}
        }
    }
    if is_quoted {
        return Err("a quote is not closed");
    }
    Ok((!text.is_empty()).then_some((text, "")))
}

fn check(token: &str) -> Result<Check, &'static str> {
    let at = token.find(['!', '=', '<', '>', '~']);
    let (field, rest) = token.split_at(at.ok_or("a check has a relation")?);
    let mut relations = RELATIONS.iter();
    let found = relations.find_map(|(sign, relation)| Some((rest.strip_prefix(sign)?, relation)));
    let (wanted, relation) = found.ok_or("a check has a relation")?;
    Ok(Check {
        field: field.to_owned(),
        relation: *relation,
        wanted: word(wanted)?,
    })
}

fn word(token: &str) -> Result<Word, &'static str> {
    let Some(quoted) = token.strip_prefix('"') else {
        return Ok(Word::Bare(token.to_owned()));
    };
    let quoted = quoted.strip_suffix('"').ok_or("a quote is not closed")?;
    let mut bytes = Vec::new();
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        let char = match char {
            '\\' => match chars.next() {
                Some('0') => '\0',
                Some('n') => '\n',
                Some(char @ ('\\' | '"')) => char,
                _ => return Err(r#"after `\` comes `0`, `n`, `\` or `"`"#),
            },
            char => char,
        };
        bytes.extend(char.encode_utf8(&mut [0; 4]).bytes());
    }
    Ok(Word::Quoted(bytes))
}
