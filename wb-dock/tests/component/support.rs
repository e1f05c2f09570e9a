use wb_dock::{Component, ComponentProgram, Engine, Error, Grant, Services};
use wb_policy::{CapSet, Cap, Consent, Limits, Profiles, Trust};

/// The guest called `name` of `tests/component/guests`.
pub fn guest(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/component/guests/{name}.wat", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "guests are files of this test")]
    let text = std::fs::read_to_string(&path).unwrap();
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}
