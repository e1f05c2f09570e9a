//! Bindings for C: a header and a source, as wit-bindgen writes them.

use wit_bindgen_c::component_type_object::linking_symbol;
use wit_bindgen_core::Files;

use super::World;
use crate::diagnose::Diagnostic;

pub(super) fn c(mut world: World) -> Result<(Vec<u8>, Vec<u8>), Diagnostic> {
    let options = wit_bindgen_c::Opts {
        // The types are written into the module when it is encoded.
        no_object_file: true,
        ..Default::default()
    };
    let symbol = linking_symbol(world.name());
    let mut files = Files::default();
    options
        .build()
        .generate(&mut world.resolve, world.id, &mut files)
        .map_err(|error| Diagnostic::error(format!("bindings for C: {error}")))?;
    let written = |ending: &str| {
        let found = files.iter().find(|(name, _)| name.ends_with(ending));
        found.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default()
    };
    let mut source = written(".c");
    // The source calls what the object with the types would define.
    source.extend_from_slice(format!("\nvoid {symbol}(void) {{}}\n").as_bytes());
    Ok((written(".h"), source))
}

/// What [`c`] calls its files, but for their extensions.
pub(crate) fn stem(world: &str) -> String {
    world.replace('-', "_").to_lowercase()
}
