use std::collections::BTreeMap;

use proptest::prelude::*;
use wb_dock::cap::FailureKind;

use super::*;
use crate::asker::{Asker, other_process, shared_dir};

#[derive(Clone, Debug)]
enum Step {
    Get(String),
    Put(String, Vec<u8>),
    Delete(String),
    List(String),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || "[aä\u{10ffff}%_]{1,3}";
    prop_oneof![
        key().prop_map(Step::Get),
        (key(), prop::collection::vec(any::<u8>(), 0..8)).prop_map(|(k, v)| Step::Put(k, v)),
        key().prop_map(Step::Delete),
        "[aä\u{10ffff}%]{0,2}".prop_map(Step::List),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn behaves_as_a_map_of_its_tenant(steps in prop::collection::vec((0..2_usize, step()), 0..60)) {
        let store = Sqlite::in_memory();
        let askers = [Asker::new("ada", "s"), Asker::new("", "s")];
        let mut models = [BTreeMap::new(), BTreeMap::new()];
        for (n, step) in steps {
            let (who, model) = (askers[n].who(), &mut models[n]);
            match step {
                Step::Get(key) => {
                    let wanted: Option<&Vec<u8>> = model.get(&key);
                    let found = store.get(&who, &key).unwrap();
                    prop_assert_eq!(found.as_deref(), wanted.map(Vec::as_slice));
                }
                Step::Put(key, value) => {
                    store.put(&who, &key, value.clone().into()).unwrap();
                    model.insert(key, value);
                }
                Step::Delete(key) => {
                    let was_there = model.remove(&key).is_some();
                    prop_assert_eq!(store.delete(&who, &key).unwrap(), was_there);
                }
                Step::List(prefix) => {
                    let keys = model.keys().filter(|key| key.starts_with(&prefix)).cloned();
                    prop_assert_eq!(store.list(&who, &prefix).unwrap(), keys.collect::<Vec<_>>());
                }
            }
        }
    }
}

#[test]
fn there_is_a_most_number_of_keys() {
    let store = Sqlite::in_memory();
    let (ada, eve) = (Asker::new("ada", "s"), Asker::new("eve", "s"));
    let ada = ada.who();
    for n in 0..MAX_KEYS {
        store.put(&ada, &format!("key{n}"), Bytes::new()).unwrap();
    }
    let full = store.put(&ada, "one more", Bytes::new()).unwrap_err();
    assert_eq!(full.kind, FailureKind::Limit);
    assert_eq!(store.list(&ada, "").unwrap().len(), MAX_KEYS as usize);
    // What is there may change, others are not touched, and a place can be made.
    store.put(&ada, "key7", "new".into()).unwrap();
    store.put(&eve.who(), "one more", Bytes::new()).unwrap();
    assert!(store.delete(&ada, "key0").unwrap());
    store.put(&ada, "one more", Bytes::new()).unwrap();
}

#[test]
fn a_full_store_says_so_and_keeps_what_it_has() {
    let store = Sqlite::in_memory().quota(1 << 20);
    let asker = Asker::new("ada", "s");
    store.put(&asker.who(), "a", "kept".into()).unwrap();
    let large = Bytes::from(vec![1; 1 << 20]);
    let full = store.put(&asker.who(), "b", large).unwrap_err();
    assert_eq!(full.kind, FailureKind::Limit);
    let kept = store.get(&asker.who(), "a").unwrap();
    assert_eq!(kept.as_deref(), Some(&b"kept"[..]));
}

#[test]
fn what_is_on_disk_outlives_the_value_and_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    // A tenant cannot choose where its database lies.
    for tenant in ["ada", "", "..", "../../x", "a/b", "nul\0"] {
        let asker = Asker::new(tenant, "s");
        let store = Sqlite::open(&root).unwrap();
        assert_eq!(store.get(&asker.who(), "k").unwrap(), None, "{tenant}");
        store
            .put(&asker.who(), "k", tenant.to_owned().into())
            .unwrap();
        drop(store);
        let found = Sqlite::open(&root).unwrap().get(&asker.who(), "k").unwrap();
        assert_eq!(found.as_deref(), Some(tenant.as_bytes()));
    }
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 6);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(root.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[test]
fn a_killed_writer_leaves_a_whole_store() {
    let dir = tempfile::tempdir().unwrap();
    let asker = Asker::new("ada", "s");
    let store = Sqlite::open(dir.path()).unwrap();
    let count = || store.list(&asker.who(), "").unwrap().len();
    let mut before = 0;
    for _ in 0..3 {
        let mut child = other_process("kv::tests::writes_until_it_is_killed", dir.path());
        while count() < before + 20 {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it writes until it is killed"
            );
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        before = count();
        // Keys were written in order, so none is missing before the last.
        for n in 0..before {
            let value = store.get(&asker.who(), &format!("{n:06}")).unwrap();
            assert_eq!(
                value.map(|value| value.len()),
                Some(5000),
                "{n} of {before}"
            );
        }
    }
}

#[test]
#[ignore = "a part of `a_killed_writer_leaves_a_whole_store`"]
fn writes_until_it_is_killed() {
    let store = Sqlite::open(shared_dir()).unwrap();
    let asker = Asker::new("ada", "s");
    let value = Bytes::from(vec![7; 5000]);
    for n in store.list(&asker.who(), "").unwrap().len().. {
        let key = format!("{n:06}");
        store.put(&asker.who(), &key, value.clone()).unwrap();
    }
}
