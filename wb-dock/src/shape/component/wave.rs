use std::error::Error as _;
use std::fmt::Write as _;

use wasmtime::component::wasm_wave::parser::ParserError;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Type, Val, wasm_wave};

use crate::program::Function;

/// The values in `args`, which are separated by commas.
pub(super) fn read(function: &Function, args: &str) -> Result<Vec<Val>, String> {
    let params = function.params();
    let types: Vec<&Type> = params.iter().map(|(_, ty)| ty).collect();
    // A call as WAVE writes it; the name is only there for its grammar.
    let call = format!("{CALL}{args})");
    UntypedFuncCall::parse(&call)
        .and_then(|call| call.to_wasm_params(types.iter().copied()))
        .map_err(|error| {
            let (found, why) = (found(args, &error), why(args, &error));
            format!("found {found}, wanted `{}`: {why}", function.wit())
        })
}

/// What is in front of the values in the text that is parsed.
const CALL: &str = "f(";

/// Words of WAVE itself: a case of these names is written with a `%` in front.
const WORDS: [&str; 8] = ["true", "false", "inf", "nan", "some", "none", "ok", "err"];

/// Where in `args` a fault is, and what is there.
fn place<'a>(args: &'a str, error: &ParserError) -> (usize, &'a str) {
    let at = |place: usize| place.saturating_sub(CALL.len()).min(args.len());
    let (start, end) = (at(error.span().start), at(error.span().end));
    (start, args.get(start..end).unwrap_or_default())
}

fn found(args: &str, error: &ParserError) -> String {
    match place(args, error) {
        _ if args.trim().is_empty() => "no values".to_owned(),
        (_, part) if part.is_empty() || part == args => format!("`{args}`"),
        (start, part) => format!("`{part}` at byte {start}"),
    }
}

fn why(args: &str, error: &ParserError) -> String {
    let mut why = error.kind().to_string();
    let detail = error.detail().map(str::to_owned);
    if let Some(detail) = detail.or_else(|| Some(error.source()?.to_string())) {
        why = format!("{why}: {detail}");
    }
    let (_, part) = place(args, error);
    if WORDS.contains(&part) {
        let _ = write!(why, "; a case of that name is written `%{part}`");
    }
    why
}

/// The value in WAVE text.
pub(super) fn write(value: &Val) -> Result<String, String> {
    wasm_wave::to_string(value).map_err(|error| error.to_string())
}
