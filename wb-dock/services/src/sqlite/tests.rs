//! What guest SQL can do, and each way out of it that was tried.

use std::time::{Duration, Instant};

use bytes::Bytes;
use wb_dock::cap::{FailureKind, Rows, Value, Vfs as _};

use super::*;
use crate::asker::Asker;

/// A tenant with one table `t` of two rows.
struct Guest {
    store: Sqlite,
    asker: Asker,
}

impl Guest {
    fn new() -> Self {
        let guest = Self {
            store: Sqlite::in_memory(),
            asker: Asker::new("ada", "s"),
        };
        guest.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL)");
        guest.run("INSERT INTO t VALUES (1, 'one'), (2, 'two')");
        guest
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Rows, Failure> {
        self.store
            .query(&self.asker.who(), "workspace", sql, params)
    }

    fn run(&self, sql: &str) -> Rows {
        self.query(sql, &[])
            .unwrap_or_else(|failure| panic!("{sql}: {failure}"))
    }

    fn one(&self, sql: &str) -> Value {
        self.run(sql).rows.swap_remove(0).swap_remove(0)
    }

    #[track_caller]
    fn fails(&self, sql: &str, kind: FailureKind) -> String {
        let shown: String = sql.chars().take(80).collect();
        match self.query(sql, &[]) {
            Ok(rows) => panic!("`{shown}` gave {} rows", rows.rows.len()),
            Err(failure) => {
                assert_eq!(failure.kind, kind, "`{shown}`: {failure}");
                failure.message
            }
        }
    }
}

#[test]
fn values_keep_their_types() {
    let guest = Guest::new();
    let values = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.5),
        Value::Text("ä\0b".into()),
        Value::Blob(Bytes::from_static(b"\xff\0")),
    ];
    let rows = guest.query("SELECT ?, ?, ?, ?, ?", &values).unwrap();
    assert_eq!(rows.rows, [values.to_vec()]);
    let rows = guest.run("SELECT a AS number, b FROM t ORDER BY a DESC");
    assert_eq!(rows.columns, ["number", "b"]);
    assert_eq!(rows.rows[0], [Value::Integer(2), Value::Text("two".into())]);
    // Text that is none comes as bytes.
    let bytes = guest.one("SELECT CAST(x'c328' AS TEXT)");
    assert_eq!(bytes, Value::Blob(Bytes::from_static(b"\xc3\x28")));
}

#[test]
fn changes_are_counted() {
    let guest = Guest::new();
    assert_eq!(guest.run("UPDATE t SET b = b").changed, 2);
    assert_eq!(guest.run("SELECT 1").changed, 0);
    assert_eq!(guest.run("CREATE TABLE u (a)").changed, 0);
    let rows = guest.run("INSERT INTO t (b) VALUES ('x') RETURNING a");
    assert_eq!((rows.changed, rows.rows.len()), (1, 1));
    assert_eq!(guest.run("DELETE FROM t WHERE a > 100").changed, 0);
}

#[test]
fn ordinary_sql_works() {
    let guest = Guest::new();
    for sql in [
        "CREATE INDEX i ON t (b)",
        "CREATE VIEW w AS SELECT upper(b) AS b FROM t",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET b = 'new' WHERE a = new.a; DELETE FROM t WHERE a = 0; END",
        "INSERT INTO t (b) VALUES ('x')",
        "ALTER TABLE t RENAME COLUMN b TO c",
        "ALTER TABLE t ADD COLUMN d DEFAULT 1",
        "ALTER TABLE t RENAME TO s",
        "ANALYZE",
        "REINDEX",
        "CREATE TABLE k (a REFERENCES s (a), t DEFAULT CURRENT_TIMESTAMP)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9) SELECT sum(i) FROM n",
        "SELECT a, row_number() OVER (ORDER BY a) FROM s",
        "SELECT value FROM json_each('[1, 2]')",
        "SELECT json('{}') -> 'a', datetime('now'), printf('%d', 1), random()",
        "EXPLAIN SELECT * FROM s",
        "CREATE VIRTUAL TABLE f USING fts5(text)",
        "INSERT INTO f VALUES ('the quick fox')",
        "SELECT highlight(f, 0, '<', '>'), bm25(f) FROM f('quick')",
        "INSERT INTO f (f) VALUES ('optimize')",
        "DROP TABLE f",
        "DROP VIEW w",
        "SELECT 1; -- one statement, then words",
    ] {
        guest.run(sql);
    }
    let found = guest.one("SELECT c FROM s WHERE a = 3");
    assert_eq!(found, Value::Text("new".into()));
    let failure = guest.fails("INSERT INTO k (a) VALUES (99)", FailureKind::Failed);
    assert_eq!(failure, "FOREIGN KEY constraint failed");
}

#[test]
fn each_way_out_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.db");
    let file = file.to_str().unwrap();
    let guest = Guest::new();
    let refused = [
        format!("ATTACH '{file}' AS other"),
        "ATTACH ':memory:' AS other".into(),
        "DETACH main".into(),
        format!("VACUUM INTO '{file}'"),
        "VACUUM".into(),
        "PRAGMA writable_schema = ON".into(),
        "PRAGMA table_info(t)".into(),
        "PRAGMA hard_heap_limit = 0".into(),
        "PRAGMA data_version = 1".into(),
        "SELECT * FROM pragma_table_info('t')".into(),
        "SELECT * FROM pragma_database_list".into(),
        format!("SELECT load_extension('{file}')"),
        "SELECT fts3_tokenizer('simple')".into(),
        "SELECT sqlite_log(1, 'x')".into(),
        "SELECT last_insert_rowid()".into(),
        "SELECT json_patch('{}', '{}')".into(),
        "SELECT FTS3_TOKENIZER('simple')".into(),
        "CREATE VIRTUAL TABLE v USING fts4(a)".into(),
        "CREATE VIRTUAL TABLE v USING rtree(a, b, c)".into(),
        "CREATE VIRTUAL TABLE v USING dbstat".into(),
        format!("CREATE VIRTUAL TABLE v USING csv(filename = '{file}')"),
        "CREATE TEMP TABLE x (a)".into(),
        "CREATE TEMP VIEW x AS SELECT 1".into(),
        "BEGIN".into(),
        "BEGIN EXCLUSIVE".into(),
        "COMMIT".into(),
        "ROLLBACK".into(),
        "SAVEPOINT a".into(),
    ];
    for sql in &refused {
        guest.fails(sql, FailureKind::Refused);
    }
    // These functions are the shell's, and there are none here.
    for sql in [
        format!("SELECT readfile('{file}')"),
        format!("SELECT writefile('{file}', 'x')"),
        "SELECT edit('x')".into(),
        // A trusted schema would run it later.
        "CREATE TABLE x (a DEFAULT (readfile('/etc/passwd')))".into(),
    ] {
        if guest.query(&sql, &[]).is_ok() {
            guest.fails("INSERT INTO x DEFAULT VALUES", FailureKind::BadRequest);
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(guest.one("SELECT count(*) FROM t"), Value::Integer(2));
}

#[test]
fn the_schema_is_read_and_not_written() {
    let guest = Guest::new();
    let sql = guest.one("SELECT name FROM sqlite_schema WHERE type = 'table'");
    assert_eq!(sql, Value::Text("t".into()));
    guest.run("CREATE VIRTUAL TABLE f USING fts5(text)");
    for sql in [
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, 'x')",
        "UPDATE sqlite_schema SET sql = 'x'",
        "DELETE FROM sqlite_master",
        "DROP TABLE sqlite_master",
        "CREATE TABLE sqlite_x (a)",
        "INSERT INTO f_data VALUES (1, x'00')",
        "DROP TABLE f_data",
        "SELECT * FROM sqlite_dbpage",
        "SELECT sqlite_rename_table('main', 'table', 't', 'CREATE TABLE t (a)', 't', 'u', 0)",
        // Our own tables are in other databases.
        "SELECT * FROM files",
        "SELECT * FROM kv",
    ] {
        guest.fails(sql, FailureKind::BadRequest);
    }
}

#[test]
fn one_statement_a_call() {
    let guest = Guest::new();
    for sql in [
        "",
        ";",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "SELECT 1;; SELECT 2",
        "SELECT 1; nonsense",
        "DELETE FROM t; ATTACH 'x' AS y",
        "SELECT 1\0",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END; DELETE FROM t",
    ] {
        guest.fails(sql, FailureKind::BadRequest);
    }
    assert_eq!(guest.one("SELECT count(*) FROM t"), Value::Integer(2));
    // Each would be a copy of the rest for SQLite.
    let started = Instant::now();
    guest.fails(&";".repeat(1 << 20), FailureKind::BadRequest);
    guest.fails(&"-- \n;".repeat(200_000), FailureKind::BadRequest);
    guest.fails(&"SELECT 1;".repeat(100_000), FailureKind::BadRequest);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn parameters_are_bound_and_counted() {
    let guest = Guest::new();
    let injected = Value::Text("x'); DROP TABLE t; --".into());
    guest
        .query(
            "INSERT INTO t (b) VALUES (?1)",
            std::slice::from_ref(&injected),
        )
        .unwrap();
    assert_eq!(guest.one("SELECT b FROM t WHERE a = 3"), injected);
    for params in [&[][..], &[Value::Null, Value::Null]] {
        let failure = guest.query("SELECT ?", params).unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadRequest);
    }
}

#[test]
fn sizes_have_limits() {
    let guest = Guest::new();
    let deep = format!("SELECT {}1{}", "(".repeat(2000), ")".repeat(2000));
    guest.fails(&deep, FailureKind::BadRequest);
    guest.fails(
        &format!("SELECT 1{}", "+1".repeat(200)),
        FailureKind::BadRequest,
    );
    guest.fails(
        &format!("SELECT 1{}", ",1".repeat(300)),
        FailureKind::BadRequest,
    );
    guest.fails(
        &format!("SELECT 1{}", " UNION SELECT 1".repeat(60)),
        FailureKind::BadRequest,
    );
    guest.fails("SELECT ?1000", FailureKind::BadRequest);
    guest.fails(
        &format!("SELECT '{}'", "x".repeat(1 << 20)),
        FailureKind::Limit,
    );
    for sql in [
        "SELECT zeroblob(2000000000)",
        "SELECT randomblob(1 << 30)",
        "SELECT hex(zeroblob(600000))",
        "SELECT printf('%.*c', 2000000000, 'x')",
        "SELECT replace(hex(zeroblob(500000)), '0', 'xxxxxxxxxx')",
        "SELECT group_concat(hex(zeroblob(100000))) FROM json_each('[1,2,3,4,5,6,7,8]')",
    ] {
        guest.fails(sql, FailureKind::Limit);
    }
    let blob = Value::Blob(Bytes::from(vec![0; (1 << 20) + 1]));
    let failure = guest.query("SELECT ?", &[blob]).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Limit);
}

/// The numbers below a million, as a table.
const MILLION: &str =
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)";

#[test]
fn results_have_limits() {
    let guest = Guest::new();
    guest.fails(&format!("{MILLION} SELECT i FROM n"), FailureKind::Limit);
    guest.fails(
        &format!("{MILLION} SELECT zeroblob(100000) FROM n"),
        FailureKind::Limit,
    );
    let most = guest.run(&format!("{MILLION} SELECT i FROM n LIMIT 10000"));
    assert_eq!(most.rows.len(), 10_000);
    // What it changed is undone with it.
    let sql = format!("INSERT INTO t {MILLION} SELECT i + 10, 'x' FROM n LIMIT 10001 RETURNING a");
    guest.fails(&sql, FailureKind::Limit);
    assert_eq!(guest.one("SELECT count(*) FROM t"), Value::Integer(2));
}

#[test]
fn a_full_volume_is_undamaged() {
    let guest = Guest::new();
    let store = Sqlite::in_memory().quota(256 << 10);
    let guest = Guest { store, ..guest };
    guest.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b)");
    let sql = format!("INSERT INTO t {MILLION} SELECT i, 'some text' FROM n");
    let words = guest.fails(&sql, FailureKind::Limit);
    assert_eq!(
        words,
        "the volume is full: its tables may have 262144 bytes"
    );
    assert_eq!(guest.one("SELECT count(*) FROM t"), Value::Integer(0));
    guest.run("INSERT INTO t VALUES (1, 'x')");
}

#[test]
fn bombs_end_at_the_time_limit() {
    let store = Sqlite::in_memory();
    let brief = Asker::with_time("ada", "s", Duration::from_millis(150));
    let endless = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n)";
    for sql in [
        format!("{endless} SELECT count(*) FROM n"),
        format!("{endless} SELECT i FROM n WHERE i < 0"),
        format!("CREATE TABLE x AS {endless} SELECT i FROM n"),
        format!("{MILLION} SELECT count(*) FROM n a, n b, n c WHERE a.i + b.i + c.i = -1"),
    ] {
        let started = Instant::now();
        let failure = store
            .query(&brief.who(), "workspace", &sql, &[])
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::TimedOut, "{sql}: {failure}");
        assert!(started.elapsed() < Duration::from_secs(3), "{sql}");
    }
    // The connection is as good as before.
    let rows = store.query(
        &brief.who(),
        "workspace",
        "SELECT count(*) FROM sqlite_schema",
        &[],
    );
    assert_eq!(rows.unwrap().rows, [[Value::Integer(0)]]);
    let spent = Asker::with_time("ada", "s", Duration::ZERO);
    let failure = store
        .query(&spent.who(), "workspace", "SELECT 1", &[])
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::TimedOut);
}

#[test]
fn functions_that_cannot_be_stopped_are_linear() {
    let guest = Guest::new();
    // Half a million places at which half a megabyte could be compared.
    let hay = Value::Text("a".repeat(1_000_000));
    let needle = Value::Text("a".repeat(500_000) + "b");
    let all: String = (0x1_0000..0x3_0000).filter_map(char::from_u32).collect();
    let started = Instant::now();
    let params = [hay.clone(), needle];
    for sql in ["SELECT instr(?, ?)", "SELECT length(replace(?, ?, 'x'))"] {
        guest.query(sql, &params).unwrap();
    }
    guest
        .query(
            "SELECT length(trim(?, ? || 'a'))",
            &[hay.clone(), Value::Text(all)],
        )
        .unwrap();
    let pattern = Value::Text("%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab%".into());
    guest.query("SELECT ? LIKE ?", &[hay, pattern]).unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn functions_of_our_own_do_as_sqlites() {
    let own = Guest::new();
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    let texts = [
        "NULL", "''", "'a'", "'äöä'", "'  x '", "'aXaXa'", "12", "-7", "x'c3a4'", "x'00ff'",
    ];
    let call = |name: &str, args: &[&str]| {
        // Told by bytes and type, whatever they are.
        let sql = format!(
            "SELECT hex({0}) || typeof({0})",
            format_args!("{name}({})", args.join(", "))
        );
        let theirs: Option<String> = sqlite.query_row(&sql, [], |row| row.get(0)).unwrap();
        let theirs = theirs.map_or(Value::Null, Value::Text);
        assert_eq!(own.one(&sql), theirs, "{sql}");
    };
    for a in texts {
        for b in texts {
            call("instr", &[a, b]);
            // Bytes that are no text come as U+FFFD from ours.
            if a != "x'00ff'" && b != "x'00ff'" {
                for name in ["trim", "ltrim", "rtrim"] {
                    call(name, &[a, b]);
                }
                for c in ["''", "'aa'", "3", "NULL"] {
                    call("replace", &[a, b, c]);
                }
            }
        }
    }
    let failure = own.fails("SELECT replace(1.5, '.', ',')", FailureKind::BadRequest);
    assert!(failure.contains("cast(x AS TEXT)"), "{failure}");
}

#[test]
fn the_stack_of_a_service_is_enough() {
    // Services have 1 MiB; half of it must do.
    let thread = std::thread::Builder::new().stack_size(512 << 10);
    let run = thread.spawn(|| {
        let guest = Guest::new();
        guest.run("CREATE VIEW v0 AS SELECT a FROM t");
        for n in 1..200 {
            guest.run(&format!(
                "CREATE VIEW v{n} AS SELECT a + 1 AS a FROM v{}",
                n - 1
            ));
        }
        guest.fails("SELECT * FROM v199", FailureKind::BadRequest);
        let mut deepest = 0;
        for depth in 1..400 {
            let nested = |open: &str, close: &str| {
                format!(
                    "SELECT * FROM {}t{}",
                    open.repeat(depth),
                    close.repeat(depth)
                )
            };
            if guest.query(&nested("(SELECT * FROM ", ")"), &[]).is_ok() {
                deepest = depth;
            }
        }
        assert!((20..200).contains(&deepest), "{deepest}");
        let json = format!("SELECT json('{}{}')", "[".repeat(900), "]".repeat(900));
        guest.run(&json);
        guest.run("CREATE VIRTUAL TABLE f USING fts5(a)");
        for count in [50, 200, 5000] {
            let terms = format!("SELECT * FROM f('a{}')", " NOT a".repeat(count));
            let found = guest.query(&terms, &[]).map_err(|failure| failure.kind);
            assert!(
                matches!(found, Ok(_) | Err(FailureKind::BadRequest)),
                "{count}: {found:?}"
            );
        }
    });
    run.unwrap().join().unwrap();
}

#[test]
fn a_damaged_or_newer_store_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let asker = Asker::new("ada", "s");
    let store = || Sqlite::open(dir.path()).unwrap();
    store()
        .query(&asker.who(), "memory", "CREATE TABLE t (a)", &[])
        .unwrap();
    drop(store().lease(&asker.who(), Part::Keys).unwrap());
    let tenant = std::fs::read_dir(dir.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let keys = rusqlite::Connection::open(tenant.join("kv.sqlite")).unwrap();
    keys.execute_batch("PRAGMA user_version = 9").unwrap();
    drop(keys);
    let failure = store().lease(&asker.who(), Part::Keys).err().unwrap();
    assert_eq!(failure.to_string(), "the store has version 9, wanted 1");
    std::fs::write(tenant.join("memory.sqlite"), vec![b'x'; 8192]).unwrap();
    let failure = store()
        .query(&asker.who(), "memory", "SELECT * FROM t", &[])
        .unwrap_err();
    assert_eq!(failure, Failure::unavailable("the store is damaged"));
}
