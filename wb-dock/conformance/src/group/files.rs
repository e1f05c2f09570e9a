//! Paths and SQL that try to get out of the tenant's own files and tables.

use std::sync::Arc;
use std::time::Duration;

use wb_dock::cap::Vfs;
use wb_dock::{Grant, Services, Session};
use wb_policy::Scopes;

use super::granted;
use crate::case::{Case, Finding, Verdict, holds, in_words, same};
use crate::host::Host;
use crate::script::calls;

/// Paths that name nothing in a volume.
const PATHS: [(&str, &str); 14] = [
    ("parent", "workspace/../secret"),
    ("parent-first", "../workspace/a"),
    ("parent-last", "workspace/a/.."),
    ("parent-deep", "workspace/a/../../../../etc/passwd"),
    ("dot", "workspace/./a"),
    ("absolute", "/etc/passwd"),
    ("absolute-in-a-volume", "workspace//etc/passwd"),
    ("nul", "workspace/a\0b"),
    ("empty", ""),
    ("volume-alone", "workspace"),
    ("other-volume", "system/a"),
    ("drive", "C:/windows/win.ini"),
    ("trailing-slash", "workspace/a/"),
    ("uri", "file:///etc/passwd"),
];

/// Statements that reach for more than the tables of the volume.
const SQL: [(&str, &str); 19] = [
    ("attach-file", "ATTACH '/tmp/out.db' AS other"),
    ("attach-memory", "ATTACH ':memory:' AS other"),
    ("detach", "DETACH main"),
    ("vacuum-into", "VACUUM INTO '/tmp/out.db'"),
    ("pragma", "PRAGMA writable_schema = ON"),
    ("pragma-read", "PRAGMA database_list"),
    ("pragma-function", "SELECT * FROM pragma_database_list"),
    ("load-extension", "SELECT load_extension('/tmp/evil.so')"),
    ("readfile", "SELECT readfile('/etc/passwd')"),
    ("writefile", "SELECT writefile('/tmp/out', 'x')"),
    ("edit", "SELECT edit('x', 'sh')"),
    ("fts3-tokenizer", "SELECT fts3_tokenizer('simple', x'00')"),
    (
        "csv-module",
        "CREATE VIRTUAL TABLE v USING csv(filename='/etc/passwd')",
    ),
    ("raw-pages", "SELECT * FROM sqlite_dbpage"),
    (
        "schema-write",
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, 'x')",
    ),
    ("two-statements", "SELECT 1; ATTACH ':memory:' AS other"),
    ("transaction", "BEGIN EXCLUSIVE"),
    ("the-stores-of-the-host", "SELECT * FROM kv"),
    ("log", "SELECT sqlite_log(1, 'x')"),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = PATHS
        .into_iter()
        .map(|(name, path)| {
            let about = format!("`{}` is no path to read or write", path.escape_debug());
            Case::new("files", format_args!("path-{name}"), about, move |host| {
                is_no_path(host, path)
            })
        })
        .collect();
    cases.push(Case::new(
        "files",
        "path-overlong",
        "a path of 5,000 bytes is refused",
        |host| is_no_path(host, &format!("workspace/{}", "a".repeat(5000))),
    ));
    cases.extend(SQL.into_iter().map(|(name, sql)| {
        let about = format!("`{sql}` is refused");
        Case::new("files", format_args!("sql-{name}"), about, move |host| {
            let script = calls! { "wb:vfs" query("workspace", sql, "[]"); };
            let answers = script.run(host, &granted(|_| {}), &files(&host.vfs(), "ada"))?;
            holds(
                answers[0].number < 0,
                "a refusal of the statement",
                answers[0].text(),
            )
        })
    }));
    cases.extend([
        Case::new(
            "files",
            "sql-endless-recursion",
            "a recursive query without end stops at the run's time, or at a limit of its own",
            endless,
        ),
        Case::new(
            "files",
            "sql-memory",
            "a query that makes a value of 2 GiB is refused",
            |host| {
                let sql = "SELECT length(zeroblob(2000000000) || zeroblob(100))";
                let script = calls! { "wb:vfs" query("workspace", sql, "[]"); };
                let answers = script.run(host, &granted(|_| {}), &files(&host.vfs(), "ada"))?;
                holds(answers[0].number < 0, "a refusal", answers[0].text())
            },
        ),
        Case::new(
            "files",
            "other-tenant",
            "files and tables of one tenant are not there for another",
            other_tenant,
        ),
        Case::new(
            "files",
            "scope",
            "a grant that names one directory reaches no other, and no table",
            scope,
        ),
        Case::new(
            "files",
            "parameters-are-no-sql",
            "what is passed as a parameter is a value, whatever it looks like",
            parameters,
        ),
    ]);
    cases
}

fn files(vfs: &Arc<dyn Vfs>, tenant: &str) -> Services {
    let session = Session {
        id: "s1".to_owned(),
        tenant: tenant.to_owned(),
    };
    Services::default().vfs(Arc::clone(vfs)).session(session)
}

fn is_no_path(host: &dyn Host, path: &str) -> Verdict {
    let script = calls! {
        "wb:vfs" write(path, "x");
        "wb:vfs" read(path);
        "wb:vfs" remove(path);
    };
    for answer in script.run(host, &granted(|_| {}), &files(&host.vfs(), "ada"))? {
        let seen = format!("{}, {}", answer.number, answer.text());
        holds(answer.number < 0, "a refusal of the path", seen)?;
    }
    Ok(())
}

fn endless(host: &dyn Host) -> Verdict {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
               SELECT count(*) FROM n";
    let script = calls! { "wb:vfs" query("workspace", sql, "[]"); };
    let grant = granted(|limits| limits.wall = Duration::from_millis(300));
    let started = std::time::Instant::now();
    let run = script.try_run(host, &grant, &files(&host.vfs(), "ada"));
    let took = started.elapsed();
    match &run {
        Err(refusal) if refusal.code == "policy/time-limit" => {}
        Ok(ended) => {
            let answers = super::run::answers(&ended.stdout)?;
            holds(answers[0].number < 0, "no result", answers[0].text())?;
        }
        Err(_) => return Err(Finding::failed("the time limit", in_words(&run))),
    }
    let most = Duration::from_millis(300) + host.slack() + super::limits::overhead(host)?;
    holds(
        took <= most,
        &format!("an end within {most:?}"),
        format!("{took:?}"),
    )
}

fn other_tenant(host: &dyn Host) -> Verdict {
    let vfs = host.vfs();
    let writes = calls! {
        "wb:vfs" write("workspace/plans", "mine");
        "wb:vfs" query("workspace", "CREATE TABLE plans (a)", "[]");
    };
    for answer in writes.run(host, &granted(|_| {}), &files(&vfs, "ada"))? {
        holds(answer.number >= 0, "a file and a table", answer.message)?;
    }
    let reads = calls! {
        "wb:vfs" read("workspace/plans");
        "wb:vfs" query("workspace", "SELECT * FROM plans", "[]");
    };
    for tenant in ["eve", "", "ada/../ada", "ada\0", "ADA"] {
        for answer in reads.run(host, &granted(|_| {}), &files(&vfs, tenant))? {
            let seen = format!("`{tenant}` read {}", answer.text());
            holds(answer.number < 0, "nothing of another tenant", seen)?;
        }
    }
    let again = reads.run(host, &granted(|_| {}), &files(&vfs, "ada"))?;
    same("what the tenant itself reads", "mine", &*again[0].text())
}

fn scope(host: &dyn Host) -> Verdict {
    let scopes: Scopes = serde_json::from_str(r#"{"vfs":["workspace/open"]}"#)
        .map_err(|error| Finding::failed("a scope", error.to_string()))?;
    let grant: Grant = granted(|_| {}).narrow_scopes(&scopes);
    let script = calls! {
        "wb:vfs" write("workspace/open/a", "x");
        "wb:vfs" write("workspace/closed/a", "x");
        "wb:vfs" write("workspace/opened", "x");
        "wb:vfs" read("memory/open/a");
        "wb:vfs" query("workspace", "SELECT 1", "[]");
    };
    let answers = script.run(host, &grant, &files(&host.vfs(), "ada"))?;
    let numbers: Vec<i32> = answers.iter().map(|answer| answer.number).collect();
    same("the answers", vec![0, -3, -3, -3, -3], numbers)
}

fn parameters(host: &dyn Host) -> Verdict {
    let script = calls! {
        "wb:vfs" query("workspace", "CREATE TABLE t (a)", "[]");
        "wb:vfs" query("workspace", "INSERT INTO t VALUES (?)", "[\"'); DROP TABLE t; --\"]");
        "wb:vfs" query("workspace", "SELECT a FROM t", "[]");
    };
    let answers = script.run(host, &granted(|_| {}), &files(&host.vfs(), "ada"))?;
    let expected = r#"{"columns":["a"],"rows":[["'); DROP TABLE t; --"]],"changed":0}"#;
    same("the table", expected, &*answers[2].text())
}
