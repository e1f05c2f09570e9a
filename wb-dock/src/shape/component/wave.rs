use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Type, Val, wasm_wave};

use crate::program::Function;

/// The values in `args`, which are separated by commas.
pub(super) fn read(function: &Function, args: &str) -> Result<Vec<Val>, String> {
    let params = function.params();
    let types: Vec<&Type> = params.iter().map(|(_, ty)| ty).collect();
    // A call as WAVE writes it; the name is only there for its grammar.
    let call = format!("f({args})");
    UntypedFuncCall::parse(&call)
        .and_then(|call| call.to_wasm_params(types.iter().copied()))
        .map_err(|error| format!("found `{args}`, wanted `{}`: {error}", function.wit()))
}

/// The value in WAVE text.
pub(super) fn write(value: &Val) -> Result<String, String> {
    wasm_wave::to_string(value).map_err(|error| error.to_string())
}
