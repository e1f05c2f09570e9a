use std::io::{self, Read as _};

use serde_json::{Value, json};
use wb_dock::{Invocation, Output};
use wb_host::{Error, Nexus, Returned, TimedStdin, Values};
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
pub(crate) fn run(args: &Call, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let (nexus, profile) = env.bounded(&args.bounds)?;
    let function = Some(args.function.as_str());
    let json_values = ui.json().then(|| json_values(&args.values)).transpose()?;
    let wave = args.values.join(", ");
    let values = |_| {
        Ok(match &json_values {
            Some(values) => Values::Json(values),
            None => Values::Wave(&wave),
        })
    };
    let invocation = invocation(&args.name, ui);
    let returned = nexus.call((&args.name, function), values, invocation, &profile)?;
    Ok(done((&args.name, args.report), returned, ui))
}

/// `wbx run NAME [VALUES]` where `NAME` is a component: its entry is called, with WAVE,
/// or with the argument or standard input as they are if it takes one string.
pub(crate) fn entry(args: &Run, nexus: &Nexus, profile: &Profile, ui: Ui) -> Result<Done, Failure> {
    let (name, arguments) = args.split();
    let wave = arguments.join(", ");
    let (wave, input) = (wave.as_str(), &mut String::new());
    let returned = nexus.call(
        (name, None),
        |takes_text: bool| {
            if !takes_text || is_wave_string(wave) {
                return Ok(Values::Wave(wave));
            }
            match arguments {
                [] => {
                    let stdin = TimedStdin::within(profile.limits().wall);
                    let read = stdin.take(LIMIT).read_to_string(input);
                    read.map_err(|error| Error::stdin(&error))?;
                    Ok(Values::Text(input))
                }
                [text] => Ok(Values::Text(text)),
                _ => Ok(Values::Wave(wave)),
            }
        },
        invocation(name, ui),
        profile,
    )?;
    Ok(done((name, args.report), returned, ui))
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
    let mut frame = Vec::new();
    let stdin = TimedStdin::within(profile.limits().wall);
    let read = stdin.take(LIMIT).read_to_end(&mut frame);
    read.map_err(|error| Error::stdin(&error))?;
    let processed = nexus.process(name, &frame, profile)?;
    if args.report {
        ui.note(&report::of_kernel(name, &processed));
    }
    if !ui.json() {
        let written = io::Write::write_all(&mut io::stdout().lock(), &processed.bytes);
        written
            .map_err(|error| Failure::new(Exit::Failed, "cli/stdout", error.kind().to_string()))?;
    }
    let data = json!({
        "name": name,
        "stdout": String::from_utf8_lossy(&processed.bytes),
        "bytes": processed.bytes.len(),
        "ms": processed.elapsed.as_millis() as u64,
        "memory": processed.usage.memory_peak,
    });
    Ok(Done::new("", data))
}

fn invocation(name: &str, ui: Ui) -> Invocation {
    let invocation = Invocation::new(name);
    if ui.json() {
        return invocation;
    }
    let invocation = invocation.stdout(Output::stream(io::stdout()));
    invocation.stderr(Output::stream(io::stderr()))
}

fn done((name, wants_report): (&str, bool), returned: Returned, ui: Ui) -> Done {
    let Returned { value, outcome } = returned;
    if wants_report {
        ui.note(&report::text(name, &outcome));
    }
    let text = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let data = json!({
        "name": name,
        "value": value,
        "stdout": String::from_utf8_lossy(&outcome.stdout),
        "stderr": String::from_utf8_lossy(&outcome.stderr),
        "report": report::data(&outcome),
    });
    Done::new(text, data)
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

/// Whether `text` is meant as a string of WAVE: in double quotes.
fn is_wave_string(text: &str) -> bool {
    text.len() >= 2 && text.starts_with('"') && text.ends_with('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_in_quotes_is_wave() {
        assert!(is_wave_string("\"a\""));
        assert!(!is_wave_string("\"") && !is_wave_string("a") && !is_wave_string(""));
    }

    #[test]
    fn with_json_every_value_is_json() {
        let values = |text: &str| json_values(&[text.to_owned()]);
        assert_eq!(values("{\"x\":1}").unwrap(), json!([{"x": 1}]));
        assert_eq!(values("abc").unwrap_err().exit, Exit::Usage);
    }
}
