use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::Manifest;

/// The JSON Schema (draft 2020-12) of a [`Manifest`] as it serializes.
///
/// Published as `manifest.schema.json` beside this crate.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings
        .into_generator()
        .into_root_schema_for::<Manifest>()
        .to_value()
}
