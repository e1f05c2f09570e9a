//! The published schema is that of the type. `BLESS=1` rewrites it.

use std::path::Path;

use wb_manifest::{json_schema, read};

#[test]
#[expect(clippy::disallowed_methods, reason = "the published schema is a file")]
fn the_published_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifest.schema.json");
    let current = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(
        published == current,
        "run the tests with BLESS=1 to publish the new schema"
    );
}

#[test]
fn a_manifest_has_every_property_of_the_schema_and_no_other() {
    let json = serde_json::to_value(read(b"#+TITLE: x\n* x :toolkit:\n").manifest()).unwrap();
    let schema = json_schema();
    let mut stated: Vec<_> = json.as_object().unwrap().keys().collect();
    let mut known: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    stated.sort();
    known.sort();
    assert_eq!(stated, known);
    assert_eq!(json["title"], "x");
}
