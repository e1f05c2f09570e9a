use wb_dock::cap::FailureKind;

use super::*;
use crate::asker::Asker;

fn entry(name: &str, size: Option<u64>) -> Entry {
    Entry {
        name: name.into(),
        is_directory: size.is_none(),
        size: size.unwrap_or(0),
    }
}

#[test]
fn files_are_written_read_listed_and_removed() {
    let store = Sqlite::in_memory();
    let asker = Asker::new("ada", "s");
    let write = |path: &str, text: &str| store.write(&asker.who(), path, text.to_owned().into());
    let read = |path: &str| store.read(&asker.who(), path).map(|b| b.to_vec());
    let list = |path: &str| store.list(&asker.who(), path);

    assert_eq!(list("workspace").unwrap(), []);
    for path in [
        "b.txt",
        "a/one",
        "a/two/deep",
        "a-b",
        "a0",
        "z/%_'\u{10ffff}",
    ] {
        write(&format!("workspace/{path}"), path).unwrap();
    }
    write("workspace/b.txt", "again").unwrap();
    assert_eq!(read("workspace/b.txt").unwrap(), b"again");
    let root = ["a", "a-b", "a0", "b.txt", "z"];
    let sizes = [None, Some(3), Some(2), Some(5), None];
    let wanted: Vec<_> = root.iter().zip(sizes).map(|(n, s)| entry(n, s)).collect();
    assert_eq!(list("workspace").unwrap(), wanted);
    assert_eq!(
        list("workspace/a").unwrap(),
        [entry("one", Some(5)), entry("two", None)]
    );
    assert_eq!(list("workspace/z").unwrap().len(), 1);

    assert!(store.remove(&asker.who(), "workspace/a/two/deep").unwrap());
    assert!(!store.remove(&asker.who(), "workspace/a/two/deep").unwrap());
    assert_eq!(list("workspace/a").unwrap(), [entry("one", Some(5))]);
    for missing in [
        "workspace/a/two",
        "workspace/%",
        "workspace/b.txt",
        "memory/a",
        "root",
    ] {
        assert_eq!(
            list(missing).unwrap_err().kind,
            FailureKind::NotFound,
            "{missing}"
        );
    }
    for missing in [
        "workspace/a",
        "workspace/B.TXT",
        "memory/b.txt",
        "workspace",
        "x/y",
    ] {
        assert_eq!(
            read(missing).unwrap_err().kind,
            FailureKind::NotFound,
            "{missing}"
        );
    }
}

#[test]
fn a_name_is_a_file_or_a_directory() {
    let store = Sqlite::in_memory();
    let asker = Asker::new("ada", "s");
    let write = |path: &str| store.write(&asker.who(), path, Bytes::new());
    write("workspace/a/b").unwrap();
    for (path, words) in [
        ("workspace/a", "`workspace/a` is a directory"),
        ("workspace/a/b/c/d", "`a/b` is a file, wanted a directory"),
        ("workspace", "`workspace` is a volume"),
    ] {
        let failure = write(path).unwrap_err();
        assert_eq!(
            (failure.kind, &*failure.message),
            (FailureKind::BadRequest, words)
        );
    }
    write("workspace/ab").unwrap();
}

#[test]
fn tenants_volumes_and_sessions_are_apart() {
    let dir = tempfile::tempdir().unwrap();
    for store in [Sqlite::in_memory(), Sqlite::open(dir.path()).unwrap()] {
        let first = Asker::new("ada", "1");
        let (second, eve) = (Asker::new("ada", "2"), Asker::new("eve", "1"));
        for volume in ["workspace", "memory", "tmp"] {
            let content = Bytes::from_static(volume.as_bytes());
            store
                .write(&first.who(), &format!("{volume}/f"), content)
                .unwrap();
            let sql = format!("CREATE TABLE {volume}_t AS SELECT 1");
            store.query(&first.who(), volume, &sql, &[]).unwrap();
        }
        let sees = |asker: &Asker, volume: &str| {
            let file = store.read(&asker.who(), &format!("{volume}/f")).is_ok();
            let sql = "SELECT group_concat(name) FROM sqlite_schema";
            let rows = store.query(&asker.who(), volume, sql, &[]).unwrap();
            (file, rows.rows[0][0].clone())
        };
        for volume in ["workspace", "memory", "tmp"] {
            let all = (true, Value::Text(format!("{volume}_t")));
            assert_eq!(sees(&first, volume), all);
            let shared = if volume == "tmp" {
                (false, Value::Null)
            } else {
                all
            };
            assert_eq!(sees(&second, volume), shared);
            assert_eq!(sees(&eve, volume), (false, Value::Null));
        }
        store.end_session(first.session());
        assert_eq!(sees(&first, "tmp"), (false, Value::Null));
        assert!(sees(&first, "memory").0);
    }
    // `tmp` is in no file of the directory.
    let reopened = Sqlite::open(dir.path()).unwrap();
    let first = Asker::new("ada", "1");
    assert!(reopened.read(&first.who(), "memory/f").is_ok());
    assert!(reopened.read(&first.who(), "tmp/f").is_err());
}

#[test]
fn a_tenant_keeps_the_tmp_of_its_last_sessions() {
    let store = Sqlite::in_memory();
    let sessions: Vec<_> = (0..40).map(|n| Asker::new("ada", &n.to_string())).collect();
    let other = Asker::new("eve", "0");
    store.write(&other.who(), "tmp/f", "kept".into()).unwrap();
    for asker in &sessions {
        store.write(&asker.who(), "tmp/f", Bytes::new()).unwrap();
        store
            .write(&sessions[0].who(), "tmp/f", Bytes::new())
            .unwrap();
    }
    assert!(store.read(&sessions[39].who(), "tmp/f").is_ok());
    assert!(store.read(&sessions[0].who(), "tmp/f").is_ok());
    assert!(store.read(&other.who(), "tmp/f").is_ok());
    assert!(store.read(&sessions[1].who(), "tmp/f").is_err());
}

#[test]
fn a_volume_can_be_full() {
    let store = Sqlite::in_memory().quota(256 << 10);
    let asker = Asker::new("ada", "s");
    let content = Bytes::from(vec![0; 200 << 10]);
    store
        .write(&asker.who(), "workspace/a", content.clone())
        .unwrap();
    let full = store
        .write(&asker.who(), "workspace/b", content.clone())
        .unwrap_err();
    assert_eq!(full.kind, FailureKind::Limit);
    assert_eq!(
        full.message,
        "the volume is full: its files may have 262144 bytes"
    );
    assert!(store.read(&asker.who(), "workspace/b").is_err());
    assert!(store.remove(&asker.who(), "workspace/a").unwrap());
    store.write(&asker.who(), "workspace/b", content).unwrap();
    let large = Bytes::from(vec![0; MAX_FILE + 1]);
    let large = store
        .write(&asker.who(), "memory/large", large)
        .unwrap_err();
    assert_eq!(large.kind, FailureKind::Limit);
}

#[test]
fn a_listing_ends_at_its_most() {
    let store = Sqlite::in_memory();
    let asker = Asker::new("ada", "s");
    let (lease, _) = store.files(&asker.who(), "tmp").unwrap();
    lease
        .execute_batch(
            "INSERT INTO files SELECT format('d/%05d', value), 0, x'' FROM
             (WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n LIMIT 10001)
              SELECT value FROM n)",
        )
        .unwrap();
    drop(lease);
    assert_eq!(
        store.list(&asker.who(), "tmp/d").unwrap().len(),
        MAX_ENTRIES
    );
}

#[test]
fn many_threads_write_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    let asker = Asker::new("ada", "s");
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (store, asker) = (&store, &asker);
            scope.spawn(move || {
                for n in 0..20 {
                    let path = format!("workspace/{thread}/{n}");
                    store
                        .write(&asker.who(), &path, path.clone().into())
                        .unwrap();
                    let path = format!("tmp/{thread}/{n}");
                    store
                        .write(&asker.who(), &path, path.clone().into())
                        .unwrap();
                }
            });
        }
    });
    for volume in ["workspace", "tmp"] {
        for thread in 0..6 {
            let path = format!("{volume}/{thread}");
            assert_eq!(store.list(&asker.who(), &path).unwrap().len(), 20);
        }
    }
}

#[test]
fn a_link_in_the_place_of_a_database_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let asker = Asker::new("ada", "s");
    let store = Sqlite::open(dir.path().join("store")).unwrap();
    store.write(&asker.who(), "memory/f", Bytes::new()).unwrap();
    drop(store);
    #[cfg(unix)]
    {
        let tenant = std::fs::read_dir(dir.path().join("store")).unwrap();
        let tenant = tenant.map(|entry| entry.unwrap().path()).next().unwrap();
        let database = tenant.join("memory-files.sqlite");
        let elsewhere = dir.path().join("elsewhere");
        std::fs::rename(&database, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &database).unwrap();
        let store = Sqlite::open(dir.path().join("store")).unwrap();
        let failure = store.read(&asker.who(), "memory/f").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(!failure.message.contains('/'), "{}", failure.message);
    }
}
