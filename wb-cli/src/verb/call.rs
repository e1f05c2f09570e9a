use std::io;

use serde_json::{Value, json};
use wb_dock::{Invocation, Output, Signature};
use wb_host::{Callable, Error, ErrorKind, Nexus, Returned, TimedStdin, Values, read_whole};
use wb_policy::Profile;

use crate::args::{Call, Run};
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::verb::report;

/// The longest text, or frame, that is read from standard input.
const LIMIT: u64 = 64 << 20;

/// `wbx call NAME FUNCTION [VALUES]`: WAVE in and out, with `--json` JSON in and out.
/// Without a function, those that there are.
pub(crate) fn run(args: &Call, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let (nexus, profile) = env.bounded(&args.bounds)?;
    let callable = nexus.callable(&args.name, args.function.as_deref(), &profile);
    let callable = callable.map_err(|error| uncallable(&args.name, error))?;
    if args.function.is_none() {
        let functions: Vec<_> = callable.functions().collect();
        let lines: Vec<_> = functions.iter().map(ToString::to_string).collect();
        let row = |f: &&Signature| json!({ "name": f.full_name(), "wit": f.wit() });
        let rows: Vec<_> = functions.iter().map(row).collect();
        let data = json!({ "name": args.name, "functions": rows });
        return Ok(Done::new(lines.join("\n"), data));
    }
    let called = Called {
        name: &args.name,
        callable,
        wants_report: args.report,
        ui,
    };
    called.with_values(&args.values)
}

/// `wbx run NAME [VALUES]` where `NAME` is a component: its entry is called. If it takes
/// one string, that is the arguments with spaces between them, or standard input, as they
/// are; else values as for `wbx call`.
pub(crate) fn entry(args: &Run, nexus: &Nexus, profile: &Profile, ui: Ui) -> Result<Done, Failure> {
    let (name, arguments) = args.split();
    let called = Called {
        name,
        callable: nexus.callable(name, None, profile)?,
        wants_report: args.report,
        ui,
    };
    match arguments {
        _ if !called.callable.function().takes_text() => called.with_values(arguments),
        [quoted] if is_quoted(quoted) => called.with_values(arguments),
        [] => {
            let bytes = read_whole(&mut TimedStdin::within(profile.limits().wall), LIMIT)?;
            let text = String::from_utf8(bytes).map_err(|error| {
                let message = format!("standard input: {}", error.utf8_error());
                Failure::new(Exit::Failed, "cli/stdin", message)
                    .hint(format!("`{name}` takes a string, which is UTF-8"))
            })?;
            called.with_text(&text)
        }
        words => called.with_text(&words.join(" ")),
    }
}

/// A function that the command line calls.
struct Called<'a> {
    name: &'a str,
    callable: Callable<'a>,
    wants_report: bool,
    ui: Ui,
}

impl Called<'_> {
    fn with_values(&self, values: &[String]) -> Result<Done, Failure> {
        let (wave, json);
        let values = if self.ui.json() {
            json = json_values(values)?;
            Values::Json(&json)
        } else {
            wave = values.join(", ");
            Values::Wave(&wave)
        };
        let returned = self.returned(values)?;
        let text = match &returned.value {
            Value::String(wave) => wave.clone(),
            other => other.to_string(),
        };
        Ok(self.done(text, &returned))
    }

    /// A text goes in and comes out as it is: of a `result`, what is `ok` on standard
    /// output and what is `err` on standard error.
    fn with_text(&self, text: &str) -> Result<Done, Failure> {
        let returned = self.returned(Values::Text(text))?;
        let gives_result = self.callable.function().gives_result();
        let inner = match (&returned.value, gives_result) {
            (Value::Object(sides), true) => sides.values().next().unwrap_or(&Value::Null),
            (value, _) => value,
        };
        let mut text = match inner {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        if !self.ui.json() {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            if returned.is_err {
                print(&mut io::stderr().lock(), text.as_bytes())?;
            } else {
                print(&mut io::stdout().lock(), text.as_bytes())?;
            }
        }
        Ok(self.done(String::new(), &returned))
    }

    fn returned(&self, values: Values<'_>) -> Result<Returned, Failure> {
        let returned = self.callable.call(values, invocation(self.name, self.ui));
        returned.map_err(|error| {
            let is_usage = error.code() == "dock/bad-call";
            let failure = Failure::from(error);
            let exit = if is_usage { Exit::Usage } else { failure.exit };
            Failure { exit, ..failure }
        })
    }

    fn done(&self, text: String, returned: &Returned) -> Done {
        let outcome = &returned.outcome;
        if self.wants_report {
            self.ui.note(&report::text(self.name, outcome));
        }
        let data = json!({
            "name": self.name,
            "function": self.callable.function().full_name(),
            "value": returned.value,
            "stdout": String::from_utf8_lossy(&outcome.stdout),
            "stderr": String::from_utf8_lossy(&outcome.stderr),
            "report": report::data(outcome),
        });
        let mut done = Done::new(text, data);
        if returned.is_err {
            done.exit = Exit::Failed;
        }
        done
    }
}

/// Says what `wbx call` is for, where it was not meant.
fn uncallable(name: &str, error: Error) -> Failure {
    let is_other = matches!(error.kind(), ErrorKind::NotRunnable { .. });
    let failure = Failure::from(error);
    if is_other {
        return failure.hint(format!("`wbx run {name}` runs it"));
    }
    failure
}

/// `wbx run NAME` where `NAME` is a kernel: standard input is the frame, standard
/// output what it makes of it.
pub(crate) fn kernel(
    args: &Run,
    nexus: &Nexus,
    profile: &Profile,
    ui: Ui,
) -> Result<Done, Failure> {
    let (name, arguments) = args.split();
    if !arguments.is_empty() {
        let message = format!("`{name}` is a kernel, which takes bytes on standard input only");
        return Err(Failure::usage(message));
    }
    let frame = read_whole(&mut TimedStdin::within(profile.limits().wall), LIMIT)?;
    let processed = nexus.process(name, &frame, profile)?;
    if args.report {
        ui.note(&report::of_kernel(name, &processed));
    }
    if !ui.json() {
        print(&mut io::stdout().lock(), &processed.bytes)?;
    }
    let mut data = json!({
        "name": name,
        "bytes": processed.bytes.len(),
        "ms": processed.elapsed.as_millis() as u64,
        "memory": processed.usage.memory_peak,
        "report": report::kernel_data(&processed),
    });
    report::output(&mut data, &processed.bytes);
    Ok(Done::new("", data))
}

/// Writes what a guest gives, as it is. That nobody reads it any more is no fault.
fn print(to: &mut impl io::Write, bytes: &[u8]) -> Result<(), Failure> {
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let message = error.kind().to_string();
            Err(Failure::new(Exit::Failed, "cli/stdout", message))
        }
        _ => Ok(()),
    }
}

fn invocation(name: &str, ui: Ui) -> Invocation {
    let invocation = Invocation::new(name);
    if ui.json() {
        return invocation;
    }
    let invocation = invocation.stdout(Output::stream(io::stdout()));
    invocation.stderr(Output::stream(io::stderr()))
}

/// Each argument as a value of JSON.
fn json_values(values: &[String]) -> Result<Value, Failure> {
    let read = values.iter().map(|text| {
        serde_json::from_str(text).map_err(|error| {
            Failure::usage(format!("`{text}` is no JSON: {error}"))
                .hint("with `--json` each value is JSON; without it they are WAVE")
        })
    });
    read.collect::<Result<Vec<Value>, _>>().map(Value::Array)
}

/// Whether `text` is meant as a string of WAVE or JSON: in double quotes.
fn is_quoted(text: &str) -> bool {
    text.len() >= 2 && text.starts_with('"') && text.ends_with('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_quotes_is_a_value() {
        assert!(is_quoted("\"a\""));
        assert!(!is_quoted("\"") && !is_quoted("a") && !is_quoted(""));
    }

    #[test]
    fn with_json_every_value_is_json() {
        let values = |text: &str| json_values(&[text.to_owned()]);
        assert_eq!(values("{\"x\":1}").unwrap(), json!([{"x": 1}]));
        assert_eq!(values("abc").unwrap_err().exit, Exit::Usage);
    }
}
