use wb_policy::Cap;

use super::scoped;
use crate::script::{Arg, calls};
use crate::services::everything;
use crate::support::granting;

#[test]
fn files_are_written_read_listed_and_removed() {
    let script = calls! {
        "wb:vfs" write("workspace/a/b", "one");
        "wb:vfs" read("workspace/a/b");
        "wb:vfs" list("workspace/a");
        "wb:vfs" remove("workspace/a/b");
        "wb:vfs" remove("workspace/a/b");
        "wb:vfs" read("workspace/a/b");
    };
    let answers = script.run(&granting(&[Cap::Vfs]), &everything());
    assert_eq!(answers[0].number, 0);
    assert_eq!((answers[1].number, answers[1].value()), (3, "one"));
    assert_eq!(
        answers[2].value(),
        r#"[{"name":"b","directory":false,"size":3}]"#
    );
    assert_eq!((answers[3].number, answers[4].number), (1, 0));
    assert_eq!(answers[5].failure(), (-1, "no file `workspace/a/b`"));
}

#[test]
fn parameters_and_rows_pass_as_json() {
    let params = r#"[null,1,2.5,"x",{"base64":"AP8="},true]"#;
    let script = calls! {
        "wb:vfs" query("memory", "select ?", params);
        "wb:vfs" query("memory", "select 1", "");
        "wb:vfs" query("memory", "select ?", "[[]]");
        "wb:vfs" query("memory", "", "");
    };
    let answers = script.run(&granting(&[Cap::Vfs]), &everything());
    assert_eq!(
        answers[0].value(),
        r#"{"columns":["memory","select ?"],"rows":[[null,1,2.5,"x",{"base64":"AP8="},1]],"changed":0}"#
    );
    assert!(answers[1].number > 0);
    let wrong = (-4, "a parameter is a list, wanted one value");
    assert_eq!(answers[2].failure(), wrong);
    assert_eq!(answers[3].failure(), (-4, "the statement is empty"));
}

#[test]
fn paths_that_climb_or_hide_are_no_paths() {
    let long = format!("tmp/{}", "x".repeat(1021));
    let script = calls! {
        "wb:vfs" read("/workspace/a");
        "wb:vfs" read("workspace/../memory/a");
        "wb:vfs" read("workspace/./a");
        "wb:vfs" read("workspace//a");
        "wb:vfs" read("workspace/a/");
        "wb:vfs" read("workspace/a\0");
        "wb:vfs" read("etc/passwd");
        "wb:vfs" read("");
        "wb:vfs" write("workspace", "x");
        "wb:vfs" query("main", "select 1", "");
        "wb:vfs" list("workspace/..");
    };
    for answer in script.run(&granting(&[Cap::Vfs]), &everything()) {
        assert_eq!(answer.failure().0, -4, "{answer:?}");
    }
    let script = calls! {
        "wb:vfs" read(&long[..]);
        "wb:vfs" write("tmp/a", Arg::Zeros((16 << 20) + 1));
    };
    for answer in script.run(&granting(&[Cap::Vfs]), &everything()) {
        assert_eq!(answer.failure().0, -6, "{answer:?}");
    }
}

#[test]
fn a_scope_is_a_folder_and_sql_needs_the_whole_volume() {
    let script = calls! {
        "wb:vfs" write("workspace/notes/a", "x");
        "wb:vfs" list("workspace/notes");
        "wb:vfs" query("tmp", "select 1", "");
        "wb:vfs" write("workspace/notes2/a", "x");
        "wb:vfs" list("workspace");
        "wb:vfs" read("memory/a");
        "wb:vfs" query("workspace", "select 1", "");
    };
    let grant = scoped(Cap::Vfs, r#"{"vfs":["workspace/notes","tmp"]}"#);
    let answers = script.run(&grant, &everything());
    for answer in &answers[..3] {
        assert!(answer.number >= 0, "{answer:?}");
    }
    let messages: Vec<_> = answers[3..]
        .iter()
        .map(super::super::script::Answer::failure)
        .collect();
    assert_eq!(
        messages,
        [
            (-3, "the grant does not reach `workspace/notes2/a`"),
            (-3, "the grant does not reach `workspace`"),
            (-3, "the grant does not reach `memory/a`"),
            (-3, "the grant does not reach the tables of `workspace`"),
        ]
    );
}
