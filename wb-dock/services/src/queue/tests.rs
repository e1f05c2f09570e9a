use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use proptest::prelude::*;
use wb_dock::cap::FailureKind;

use super::*;
use crate::asker::{Asker, other_process, shared_dir};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn behaves_as_a_queue_for_each_topic(
        steps in prop::collection::vec(
            ("[ab]", prop::option::of(prop::collection::vec(any::<u8>(), 0..4))), 0..80),
    ) {
        let store = Sqlite::in_memory();
        let asker = Asker::new("ada", "s");
        let mut model: BTreeMap<String, VecDeque<Vec<u8>>> = BTreeMap::new();
        for (topic, message) in steps {
            let waiting = model.entry(topic.clone()).or_default();
            if let Some(message) = message {
                store.publish(&asker.who(), &topic, message.clone().into()).unwrap();
                waiting.push_back(message);
            } else {
                let taken = store.poll(&asker.who(), &topic).unwrap();
                prop_assert_eq!(taken.map(|bytes| bytes.to_vec()), waiting.pop_front());
            }
        }
    }
}

#[test]
fn a_topic_is_so_deep_and_a_tenants_own() {
    let store = Sqlite::in_memory();
    let (ada, eve) = (Asker::new("ada", "s"), Asker::new("eve", "s"));
    for n in 0..MAX_DEPTH {
        store
            .publish(&ada.who(), "t", n.to_string().into())
            .unwrap();
    }
    let full = store.publish(&ada.who(), "t", "more".into()).unwrap_err();
    assert_eq!(full.kind, FailureKind::Limit);
    store.publish(&ada.who(), "other", "more".into()).unwrap();
    assert_eq!(store.poll(&eve.who(), "t").unwrap(), None);
    let first = store.poll(&ada.who(), "t").unwrap();
    assert_eq!(first.as_deref(), Some(&b"0"[..]));
    store.publish(&ada.who(), "t", "more".into()).unwrap();
}

#[test]
fn two_processes_of_threads_share_a_queue_and_no_message() {
    const MESSAGES: usize = 200;
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    let asker = Asker::new("ada", "s");
    for n in 0..MESSAGES {
        store
            .publish(&asker.who(), "work", n.to_string().into())
            .unwrap();
    }
    let mut child = other_process("queue::tests::moves_work_to_done", dir.path());
    let taken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut mine = drain(&store, "work");
                // One consumer sees messages in their order.
                assert!(mine.is_sorted(), "{mine:?}");
                taken.lock().unwrap().append(&mut mine);
            });
        }
    });
    assert!(child.wait().unwrap().success());
    let mut all = taken.into_inner().unwrap();
    all.extend(drain(&store, "done"));
    all.sort_unstable();
    assert_eq!(all, (0..MESSAGES).collect::<Vec<_>>());
}

#[test]
#[ignore = "a part of `two_processes_of_threads_share_a_queue_and_no_message`"]
fn moves_work_to_done() {
    let store = Sqlite::open(shared_dir()).unwrap();
    let asker = Asker::new("ada", "s");
    for n in drain(&store, "work") {
        store
            .publish(&asker.who(), "done", n.to_string().into())
            .unwrap();
    }
}

fn drain(store: &Sqlite, topic: &str) -> Vec<usize> {
    let asker = Asker::new("ada", "s");
    std::iter::from_fn(|| store.poll(&asker.who(), topic).unwrap())
        .map(|message| str::from_utf8(&message).unwrap().parse().unwrap())
        .collect()
}
