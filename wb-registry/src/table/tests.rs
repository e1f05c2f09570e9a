use super::*;
use crate::MemoryStore;

fn binding(store: &MemoryStore, name: &str, bytes: &[u8]) -> Binding {
    Binding::command(name.parse().unwrap(), store.put(bytes).unwrap())
}

#[test]
fn the_guards_ask_in_order() {
    let message = |name: &str| command_name(name).unwrap_err().to_string();
    assert_eq!(
        message("grep"),
        r#""grep" is a reserved built-in command name"#
    );
    assert!(message("").contains("is empty"));
    for bad in ["a/b", "..", ".", "a\0", "a b", "é", &"x".repeat(10_240)] {
        assert_eq!(
            command_name(bad).unwrap_err().code(),
            "registry/invalid-name"
        );
    }

    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    let nowhere = Binding::command("grep".parse().unwrap(), Digest::of(b"nowhere"));
    let error = table.bind(nowhere.clone(), &store).unwrap_err();
    assert_eq!(error.code(), "registry/reserved-name");
    let nowhere = Binding {
        name: "mine".parse().unwrap(),
        ..nowhere
    };
    let error = table.bind(nowhere, &store).unwrap_err();
    assert_eq!(error.code(), "registry/artifact-missing");
    assert!(table.is_empty());
}

#[test]
fn the_table_has_an_end_but_replacing_goes_on() {
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    for i in 0..CommandTable::MAX_DYNAMIC {
        table
            .bind(binding(&store, &format!("c{i}"), b"x"), &store)
            .unwrap();
    }
    let error = table
        .bind(binding(&store, "more", b"x"), &store)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`more` cannot be registered: the registry holds 4096 commands already"
    );
    assert!(
        table
            .bind(binding(&store, "c0", b"y"), &store)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_built_in_cannot_be_hidden() {
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    let real = binding(&store, "grep", b"real");
    table.provide_built_in(real.clone(), &store).unwrap();
    let poisoned = History::new(binding(&store, "grep", b"poison"));
    table.restore("grep".parse().unwrap(), poisoned);
    assert_eq!(*table.get("grep").unwrap(), real);
    assert!(table.iter().all(|binding| **binding == real));
    let other = binding(&store, "mine", b"x");
    assert!(matches!(
        table.provide_built_in(other, &store),
        Err(BindError::NotBuiltIn(_))
    ));
}

#[test]
fn a_name_goes_back_and_forth() {
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    let (old, new) = (binding(&store, "a", b"old"), binding(&store, "a", b"new"));
    assert!(table.bind(old.clone(), &store).unwrap().is_none());
    table.bind(new.clone(), &store).unwrap();
    table.bind(new.clone(), &store).unwrap();
    assert_eq!(table.versions("a").unwrap().0.len(), 2);

    assert_eq!(*table.rollback("a", None).unwrap(), old);
    assert_eq!(*table.get("a").unwrap(), old);
    assert_eq!(
        table.rollback("a", None).unwrap_err().code(),
        "registry/no-earlier-version"
    );
    assert_eq!(*table.rollback("a", Some(&new.digest)).unwrap(), new);
    let nowhere = Digest::of(b"nowhere");
    assert!(table.rollback("a", Some(&nowhere)).is_err());
    assert!(table.rollback("b", None).is_err());
}

#[test]
fn an_artifact_is_one_version() {
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    let (one, two) = (binding(&store, "a", b"one"), binding(&store, "a", b"two"));
    for version in [&one, &two, &one] {
        table.bind(version.clone(), &store).unwrap();
    }
    let of_toolkit = one.clone().in_toolkit(&"t".parse().unwrap());
    let before = table.bind(of_toolkit.clone(), &store).unwrap().unwrap();
    assert_eq!(*before, one);
    let (versions, live) = table.versions("a").unwrap();
    assert_eq!((versions.len(), live), (2, 1));
    assert_eq!(*table.rollback("a", None).unwrap(), two);

    // As an earlier version of this crate wrote it.
    let history = History::of(vec![two.clone(), one.clone(), of_toolkit], 2).unwrap();
    table.restore("a".parse().unwrap(), history);
    assert_eq!(*table.rollback("a", None).unwrap(), two);
}

#[test]
fn no_toolkit_takes_over_anothers_command() {
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    let session = binding(&store, "a", b"session");
    let of = |id: &str| binding(&store, "a", id.as_bytes()).in_toolkit(&id.parse().unwrap());
    for binding in [session.clone(), session.clone(), of("a"), of("a")] {
        table.bind(binding, &store).unwrap();
    }
    let by_a_session = table.bind(session, &store).unwrap_err();
    assert_eq!(by_a_session.code(), "registry/name-held");
    let held = table.bind(of("b"), &store).unwrap_err();
    assert_eq!(
        held.to_string(),
        "`a` cannot be registered: it is a command of the toolkit `a`"
    );
    assert_eq!(*table.get("a").unwrap(), of("a"));
    assert!(table.replace(of("b"), &store).unwrap().is_some());
    assert_eq!(*table.get("a").unwrap(), of("b"));
}

#[test]
fn a_version_is_forgotten_unless_it_is_live() {
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    let versions = ["1", "2", "3"].map(|text| binding(&store, "a", text.as_bytes()));
    for version in &versions {
        table.bind(version.clone(), &store).unwrap();
    }
    let live = table.forget("a", &versions[2].digest).unwrap_err();
    assert_eq!(live.code(), "registry/version-live");
    assert_eq!(
        *table.forget("a", &versions[0].digest).unwrap(),
        versions[0]
    );
    assert_eq!(
        table.forget("a", &versions[0].digest).unwrap_err().code(),
        "registry/no-such-version"
    );
    assert_eq!(*table.get("a").unwrap(), versions[2]);
    assert_eq!(*table.rollback("a", None).unwrap(), versions[1]);
    table.forget("a", &versions[2].digest).unwrap();
    assert_eq!(*table.get("a").unwrap(), versions[1]);
    assert!(table.forget("b", &versions[0].digest).is_err());
    let freed = table.plan_gc(store.list().unwrap()).removed;
    assert_eq!(freed.len(), 2);
}

#[test]
fn collecting_keeps_what_any_version_names() {
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    let record = store.put(b"how it was made").unwrap();
    let first = Binding {
        provenance: Some(record),
        ..binding(&store, "a", b"1")
    };
    table.bind(first, &store).unwrap();
    table.bind(binding(&store, "a", b"2"), &store).unwrap();
    table
        .provide_built_in(binding(&store, "jq", b"jq"), &store)
        .unwrap();
    let loose = store.put(b"loose").unwrap();
    let plan = table.plan_gc(store.list().unwrap());
    assert_eq!(plan.removed, [loose]);
    plan.apply(&store).unwrap();
    assert_eq!(store.list().unwrap().len(), 4);
    table.rollback("a", None).unwrap();
    assert!(store.get(&table.get("a").unwrap().digest).is_ok());
}

#[test]
fn only_so_many_versions_are_kept() {
    let store = MemoryStore::default();
    let mut table = CommandTable::default();
    for i in 0..CommandTable::MAX_VERSIONS + 5 {
        table
            .bind(binding(&store, "a", &i.to_le_bytes()), &store)
            .unwrap();
    }
    let (versions, current) = table.versions("a").unwrap();
    assert_eq!((versions.len(), current), (32, 31));
    assert_eq!(table.plan_gc(store.list().unwrap()).removed.len(), 5);
}
