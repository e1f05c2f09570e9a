use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use crate::args::{Color, Common};
use crate::done::Done;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::harmless;

const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const WARNING: Style = AnsiColor::Yellow.on_default();
const HINT: Style = AnsiColor::Cyan.on_default();

/// What `--json` prints: one line, whatever happened.
#[derive(Serialize)]
struct Envelope<'a> {
    ok: bool,
    verb: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault<'a>>,
}

#[derive(Serialize)]
struct Fault<'a> {
    code: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
    retryable: bool,
}

/// `text` with the marks at the beginning of its lines in colour.
fn marked(text: &str) -> Cow<'_, str> {
    if !text.contains(['✓', '✗']) {
        return text.into();
    }
    let line = |line: &str| {
        let start = line.trim_start();
        let indent = &line[..line.len() - start.len()];
        let mark = [('✓', GOOD), ('✗', ERROR), ('!', WARNING)];
        let mark = mark.into_iter().find(|(mark, _)| start.starts_with(*mark));
        match mark {
            Some((mark, style)) => {
                let rest = &start[mark.len_utf8()..];
                format!("{indent}{style}{mark}{style:#}{rest}")
            }
            None => line.to_owned(),
        }
    };
    text.split_inclusive('\n')
        .map(line)
        .collect::<String>()
        .into()
}

impl Envelope<'_> {
    fn line(&self) -> String {
        serde_json::to_string(self).expect("an envelope has only text keys")
    }
}

/// Standard output and standard error, as the user wants them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    json: bool,
    verb: &'static str,
}

impl Ui {
    /// The output of `verb`.
    pub(crate) fn new(common: Common, verb: &'static str) -> Self {
        match common.color {
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self {
            json: common.json,
            verb,
        }
    }

    /// Whether one JSON envelope is all that may appear on standard output.
    pub(crate) const fn json(self) -> bool {
        self.json
    }

    /// Whether standard error shows colours.
    pub(crate) fn colours() -> bool {
        anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
    }

    /// A line on standard error about work in progress; nothing with `--json`.
    pub(crate) fn note(self, line: &str) {
        if !self.json {
            // Nobody reads standard error any more: nothing to do about it.
            let _ = writeln!(anstream::stderr().lock(), "{line}");
        }
    }

    /// A paragraph on standard output before the verb is done; nothing with `--json`.
    pub(crate) fn say(self, text: &str) {
        if !self.json {
            let _ = writeln!(anstream::stdout().lock(), "{text}");
        }
    }

    /// Prints the result and gives the exit code.
    pub(crate) fn finish(self, result: Result<Done, Failure>) -> Exit {
        match result {
            Ok(done) => self.done(&done),
            Err(failure) => self.failed(&failure),
        }
    }

    fn done(self, done: &Done) -> Exit {
        let mut out = anstream::stdout().lock();
        let written = if self.json {
            let envelope = Envelope {
                ok: true,
                verb: self.verb,
                data: Some(&done.data),
                error: None,
            };
            writeln!(out, "{}", envelope.line())
        } else if done.text.is_empty() {
            Ok(())
        } else {
            writeln!(out, "{}", marked(&harmless(&done.text)))
        };
        match written.and_then(|()| out.flush()) {
            // The reader has seen enough (`wbx … | head`).
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Failed,
            _ => done.exit,
        }
    }

    fn failed(self, failure: &Failure) -> Exit {
        if self.json {
            let envelope = Envelope {
                ok: false,
                verb: self.verb,
                data: failure.data.as_ref(),
                error: Some(Fault {
                    code: &failure.code,
                    message: &failure.message,
                    hint: failure.hint.as_deref(),
                    retryable: failure.retryable,
                }),
            };
            let _ = writeln!(anstream::stdout().lock(), "{}", envelope.line());
            return failure.exit;
        }
        let mut err = anstream::stderr().lock();
        if !failure.details.is_empty() {
            let end = if failure.told { "" } else { "\n" };
            let _ = writeln!(err, "{}{end}", failure.details.trim_end());
        }
        let message = harmless(&failure.message);
        let _ = if failure.told {
            Ok(())
        } else if failure.verbatim {
            writeln!(err, "{message}")
        } else {
            let code = &failure.code;
            writeln!(err, "{ERROR}error[{code}]{ERROR:#}: {message}")
        };
        if let Some(hint) = &failure.hint {
            let _ = writeln!(err, "  {HINT}help{HINT:#}: {}", harmless(hint));
        }
        failure.exit
    }
}
