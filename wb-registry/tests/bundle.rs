//! Every fixture toolkit travels: packed here, installed in an empty nexus.
#![expect(
    clippy::disallowed_methods,
    reason = "fixtures lie on disk; the crate itself reads no files"
)]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use wb_manifest::{Digest, palette, read};
use wb_policy::Profile;
use wb_registry::{
    Binding, Bundle, CommandTable, InstallRules, MemoryStore, Part, Store, UnpackLimits,
    decode_bundle, encode_bundle, install,
};

#[path = "support/fixtures.rs"]
mod fixtures;

/// The toolkit of that name with its artifact: the one in `fixtures/artifacts`,
/// or an empty command that stands for it.
fn bundle(dir: &str, tree: &wb_manifest::Tree) -> Bundle {
    let (table, store) = fixtures::registry();
    let reading = read(tree.get("manifest.org").unwrap());
    let entries = palette(tree);
    let manifests = reading.toolkits().iter();
    let manifests = manifests.chain(entries.iter().map(|entry| entry.reading.manifest()));
    let parts = manifests.filter_map(|manifest| {
        let name = manifest.command()?;
        let wasm = match table.get(name.as_str()) {
            Some(binding) => store.get(&binding.digest).unwrap(),
            None => wat::parse_str(r#"(module (func (export "_start")))"#)
                .unwrap()
                .into(),
        };
        let binding = Binding::declared(manifest, name, Digest::of(&wasm))?;
        Some(Part { binding, wasm })
    });
    Bundle {
        id: dir.parse().unwrap(),
        tree: tree.clone(),
        parts: parts.collect(),
    }
}

#[test]
fn a_toolkit_arrives_as_it_left() {
    let profile = Profile::minimal();
    let mut names = Vec::new();
    for (dir, tree) in fixtures::toolkits("toolkits") {
        let packed = bundle(&dir, &tree);
        let bytes = encode_bundle(&packed).unwrap();
        assert_eq!(bytes, encode_bundle(&packed).unwrap(), "{dir}");
        assert_eq!(
            decode_bundle(&bytes, &UnpackLimits::default()).unwrap(),
            packed,
            "{dir}"
        );

        let (mut table, store) = (CommandTable::default(), MemoryStore::default());
        let rules = InstallRules {
            pin: Some(Digest::of(&bytes)),
            ..InstallRules::new(&profile)
        };
        let installed = install(&bytes, &rules, &mut table, &store).unwrap();
        assert_eq!(installed.tree, tree, "{dir}");
        for (binding, part) in installed.bindings.iter().zip(&packed.parts) {
            assert_eq!(**binding, part.binding.clone().in_toolkit(&installed.id));
            assert_eq!(store.get(&binding.digest).unwrap(), part.wasm);
            names.push(binding.name.to_string());
        }
        assert_eq!(table.len(), packed.parts.len(), "{dir}");
    }
    assert_eq!(
        names,
        [
            "acronym",
            "ask",
            "banner",
            "caesar",
            "rot13",
            "counter",
            "csvcut",
            "dns-ask",
            "dotenv",
            "each-line",
            "gain",
            "invoice",
            "jobs",
            "json-keys",
            "link-check",
            "luhn",
            "blur",
            "decode",
            "decode-png",
            "encode",
            "encode-png",
            "resize",
            "page-text",
            "pipe-consumer",
            "pipe-producer",
            "shout-first",
            "slugify",
            "todo",
            "webhook",
            "with-env",
            "wordfreq",
        ]
    );
}
