use bytes::Bytes;
use wb_policy::{Cap, CapSet};

use super::*;
use crate::{MemoryStore, encode_bundle};

const RUNS_COMMANDS: &str = r#"(module
    (import "wb:commands" "run" (func (param i32 i32 i32 i32 i32 i32) (result i32)))
    (func (export "_start")))"#;

fn bundle(keywords: &str, wat: &str, change: impl Fn(&mut Binding)) -> Bytes {
    let manifest = format!(
        "#+TITLE: t\n#+TOOLKIT: t\n#+EXEC: command\n#+CLI_BIN: t\n{keywords}\n* t :toolkit:\n"
    );
    let reading = read(manifest.as_bytes());
    let wasm = Bytes::from(wat::parse_str(wat).unwrap());
    let name = "t".parse().unwrap();
    let mut binding = Binding::declared(reading.manifest(), name, Digest::of(&wasm)).unwrap();
    change(&mut binding);
    let mut tree = Tree::new();
    tree.insert("manifest.org".parse().unwrap(), manifest);
    let parts = vec![Part { binding, wasm }];
    encode_bundle(&Bundle {
        id: "t".parse().unwrap(),
        tree,
        parts,
    })
    .unwrap()
}

fn plain() -> Bytes {
    bundle("#+ARG_MODE: stdin1\n#+CAPS: vfs", "(module)", |_| ())
}

fn try_install(bytes: &[u8], rules: &InstallRules<'_>) -> Result<Installed, InstallError> {
    let mut table = CommandTable::default();
    let result = install(bytes, rules, &mut table, &MemoryStore::default());
    assert_eq!(result.is_err(), table.is_empty());
    result
}

#[test]
fn the_whole_contract_arrives() {
    let profile = Profile::compute();
    let bytes = plain();
    let pin = Some(Digest::of(&bytes));
    let installed = try_install(
        &bytes,
        &InstallRules {
            pin,
            ..InstallRules::new(&profile)
        },
    );
    let binding = installed.unwrap().bindings[0].clone();
    assert_eq!(binding.arg_mode, wb_manifest::ArgMode::Stdin1);
    assert_eq!(binding.caps, CapSet::of(Cap::Vfs));
    assert_eq!(binding.toolkit.as_ref().unwrap().as_str(), "t");
}

#[test]
fn anothers_command_stays_unless_it_is_to_be_replaced() {
    let profile = Profile::compute();
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    let digest = store.put(b"other").unwrap();
    let other = Binding::command("t".parse().unwrap(), digest);
    let other = other.in_toolkit(&"other".parse().unwrap());
    table.bind(other.clone(), &store).unwrap();
    let rules = InstallRules::new(&profile);
    let held = install(&plain(), &rules, &mut table, &store).unwrap_err();
    assert_eq!(held.code(), "registry/name-held");
    assert_eq!(*table.get("t").unwrap(), other);
    let rules = InstallRules {
        replace: true,
        ..rules
    };
    install(&plain(), &rules, &mut table, &store).unwrap();
    assert_eq!(
        table.get("t").unwrap().toolkit.as_ref().unwrap().as_str(),
        "t"
    );
}

#[test]
fn a_wrong_pin_is_found_first() {
    let profile = Profile::compute();
    let pin = Some(Digest::of(b"another"));
    let error = try_install(
        b"no zip",
        &InstallRules {
            pin,
            ..InstallRules::new(&profile)
        },
    );
    assert_eq!(error.unwrap_err().code(), "install/pin");
}

#[test]
fn third_party_code_needs_signature_and_consent() {
    let profile = Profile::network();
    let rules = InstallRules::new(&profile);
    let bytes = bundle("#+CAPS: net\n#+TRUST: third-party", "(module)", |_| ());
    assert_eq!(
        try_install(&bytes, &rules).unwrap_err().code(),
        "install/unsigned"
    );
    let rules = InstallRules {
        allow_unsigned: true,
        ..rules
    };
    let error = try_install(&bytes, &rules).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`t` cannot be installed: third-party code asks for `net` and the deployer has not consented to it"
    );
    assert_eq!(
        error.hint().unwrap(),
        "to allow it, run `wbx toolkit grant --ahead t net`"
    );
    let consent = Consent::new("t", CapSet::of(Cap::Net), "ada", "2026-01-01T00:00:00Z");
    let consented = InstallRules {
        consent: Some(&consent),
        ..rules
    };
    let installed = try_install(&bytes, &consented).unwrap();
    assert_eq!(installed.bindings[0].trust, Trust::ThirdParty);
    let pinned = consent.clone().pinned_to("another artifact");
    assert!(
        try_install(
            &bytes,
            &InstallRules {
                consent: Some(&pinned),
                ..rules
            }
        )
        .is_err()
    );
}

#[test]
fn an_installer_can_distrust_and_not_trust() {
    let profile = Profile::compute();
    let rules = InstallRules {
        as_third_party: true,
        ..InstallRules::new(&profile)
    };
    assert_eq!(
        try_install(&plain(), &rules).unwrap_err().code(),
        "install/unsigned"
    );
}

#[test]
fn documents_without_a_program_say_that_they_are_distrusted() {
    let profile = Profile::compute();
    let rules = InstallRules {
        as_third_party: true,
        allow_unsigned: true,
        ..InstallRules::new(&profile)
    };
    let tasks = |top: &str, drawer: &str| {
        let mut tree = Tree::new();
        let text = format!("#+TITLE: t\n#+TOOLKIT: t\n{top}\n* t :toolkit:\n{drawer}");
        tree.insert("manifest.org".parse().unwrap(), text);
        let (id, parts) = ("t".parse().unwrap(), Vec::new());
        let bytes = encode_bundle(&Bundle { id, tree, parts }).unwrap();
        let mut table = CommandTable::default();
        install(&bytes, &rules, &mut table, &MemoryStore::default())
    };
    let drawer = ":PROPERTIES:\n:TRUST: first-party\n:END:\n";
    for (top, drawer) in [
        ("", ""),
        ("#+TRUST: first-party", ""),
        ("#+TRUST: third-party", ""),
        ("", drawer),
        ("#+TRUST: first-party", drawer),
        ("#+TRUST: first-party\n#+TRUST: first-party", drawer),
    ] {
        match tasks(top, drawer) {
            Ok(installed) => {
                let text = installed.tree.get("manifest.org").unwrap();
                assert_eq!(
                    read(text).manifest().trust(),
                    Trust::ThirdParty,
                    "{top} {drawer}"
                );
            }
            Err(error) => panic!("{top} {drawer}: {error}"),
        }
    }
    // What the file says counts for each of its toolkits.
    let two = "* u :toolkit:\n#+TOOLKIT: u\n#+TRUST: first-party\n";
    let tree = tasks("", two).unwrap().tree;
    let reading = read(tree.get("manifest.org").unwrap());
    assert_eq!(reading.toolkits()[1].trust(), Trust::ThirdParty);
}

#[test]
fn a_bad_signature_is_worse_than_none() {
    struct Bad;
    impl SignatureCheck for Bad {
        fn check(&self, _: &[u8], _: &Bundle) -> Signature {
            Signature::Invalid {
                reason: "unknown signer".to_owned(),
            }
        }
    }
    let profile = Profile::compute();
    let rules = InstallRules {
        signatures: &Bad,
        ..InstallRules::new(&profile)
    };
    let error = try_install(&plain(), &rules).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bundle's signature does not hold: unknown signer"
    );
}

#[test]
fn the_index_cannot_smuggle_in_another_contract() {
    let profile = Profile::posix();
    let rules = InstallRules::new(&profile);
    let wider = bundle("", RUNS_COMMANDS, |b| b.caps = CapSet::of(Cap::Commands));
    assert_eq!(
        try_install(&wider, &rules).unwrap_err().to_string(),
        "`t` cannot be installed: the index and the manifest differ in `CAPS` of `t`"
    );
    let own = bundle("#+TRUST: third-party", "(module)", |b| {
        b.trust = Trust::FirstParty;
    });
    assert_eq!(
        try_install(&own, &rules).unwrap_err().code(),
        "install/contract"
    );
    let other = bundle("", "(module)", |b| b.name = "other".parse().unwrap());
    assert_eq!(
        try_install(&other, &rules).unwrap_err().code(),
        "install/contract"
    );
}

#[test]
fn imports_stay_within_what_is_declared() {
    let profile = Profile::posix();
    let rules = InstallRules::new(&profile);
    let error = try_install(&bundle("", RUNS_COMMANDS, |_| ()), &rules).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`t` imports what its manifest does not declare\nimport `wb:commands.run` needs `commands`, which the manifest does not declare and profile `compute` does not grant; the smallest profile that grants it is `minimal`"
    );
    let declared = bundle("#+CAPS: commands", RUNS_COMMANDS, |_| ());
    assert!(try_install(&declared, &rules).is_ok());
    let odd = r#"(module (import "env" "system" (func)) (import "env" "fork" (func)))"#;
    let message = try_install(&bundle("", odd, |_| ()), &rules)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("`env.system`") && message.contains("`env.fork`"),
        "{message}"
    );
    let import = |i| format!(r#"(import "{}" "{i}" (func))"#, "x".repeat(9000));
    let many: Vec<_> = (0..500).map(import).collect();
    let many = many.concat();
    let many = try_install(&bundle("", &format!("(module {many})"), |_| ()), &rules);
    assert!(many.unwrap_err().to_string().len() < 8000);
}

#[test]
fn a_reserved_name_takes_the_others_with_it() {
    let profile = Profile::compute();
    let manifest = "#+TITLE: t\n#+TOOLKIT: t\n* t :toolkit:\n";
    let entry = |name: &str| format!("#+EXEC: command\n#+CLI_BIN: {name}\n");
    let wasm = Bytes::from(wat::parse_str("(module)").unwrap());
    let mut tree = Tree::new();
    tree.insert("manifest.org".parse().unwrap(), manifest);
    let mut parts = Vec::new();
    for name in ["fine", "grep"] {
        tree.insert(format!("runtimes/{name}.org").parse().unwrap(), entry(name));
        let binding = Binding::command(name.parse().unwrap(), Digest::of(&wasm));
        parts.push(Part {
            binding,
            wasm: wasm.clone(),
        });
    }
    let bytes = encode_bundle(&Bundle {
        id: "t".parse().unwrap(),
        tree,
        parts,
    })
    .unwrap();
    let error = try_install(&bytes, &InstallRules::new(&profile)).unwrap_err();
    assert_eq!(error.code(), "registry/reserved-name");
}
