//! The ladder as a user climbs it: the program itself, with real compilers.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "support/place.rs"]
mod place;

use place::{Place, shared, text};

const SLUG: &str = include_str!("../quickstart/slug.js");

#[test]
fn quickstart_climbs_all_three_rungs() {
    shared();
    let output = Command::new(env!("CARGO_BIN_EXE_wbx"))
        .args(["--offline", "quickstart"])
        .env("WB_HOME", shared())
        .output()
        .unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    for expected in [
        "built + registered command `slug` (js) → build/commands/",
        "run it via the Dock: run-command slug",
        "promoted session command → workspace toolkit `slug` at toolkits/slug",
        "same sha as the session build",
        "✓ imports: ",
        "packed `slug` (1 command, 3 documents, ",
        "installed `slug` → commands: slug",
        "import `wb:commands.run` needs `commands`",
        "profile `compute` does not grant",
        "the smallest profile that grants it is `minimal`",
        "wbx toolkit build-inline NAME js FILE.js",
    ] {
        assert!(said.contains(expected), "no {expected:?} in:\n{said}");
    }
    let left = fs::read_dir(shared().join("tmp")).unwrap();
    assert_eq!(left.count(), 0, "the scratch nexuses are removed");
}

#[test]
fn messages_are_those_of_the_documentation() {
    let place = Place::new();
    place.write("slug.js", SLUG);
    let built = place.says(&["toolkit", "build-inline", "slug", "js", "slug.js"]);
    let digest = place.digest("slug");
    assert_eq!(
        built,
        format!(
            "built + registered command `slug` (js) → build/commands/{digest}.wasm\n\
             run it via the Dock: run-command slug\n"
        )
    );
    assert!(
        place
            .dir
            .path()
            .join(format!("home/build/commands/{digest}.wasm"))
            .is_file()
    );
    place.says(&["toolkit", "promote", "slug", "js", "slug.js"]);
    place.says(&["toolkit", "build", "slug"]);
    assert_eq!(
        place.digest("slug"),
        digest,
        "the same source gives the same sha"
    );
}

#[test]
fn streams_and_exit_codes_pass_through() {
    let place = Place::new();
    place.write(
        "tool.c",
        r#"#include <stdio.h>
        #include <stdlib.h>
        int main(int argc, char **argv) {
            int c, lines = 0;
            while ((c = getchar()) != EOF) { putchar(c); lines += c == '\n'; }
            fprintf(stderr, "%d lines, %d arguments\n", lines, argc - 1);
            return argc > 1 ? atoi(argv[1]) : 0;
        }"#,
    );
    place.says(&["toolkit", "build-inline", "tool", "c", "tool.c"]);
    let input = "many lines\n".repeat(20_000);
    let output = place.with_input(&["run", "tool", "--", "7", "--json"], input.as_bytes());
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(text(&output.stdout), input);
    assert_eq!(text(&output.stderr), "20000 lines, 2 arguments\n");

    let output = place.with_input(&["--json", "run", "tool", "3"], b"x\n");
    assert_eq!(output.status.code(), Some(3));
    let envelope: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(envelope["data"]["exit_code"], 3);
    assert_eq!(envelope["data"]["stdout"], "x\n");

    let steps = fs::read_to_string(place.dir.path().join("home/runs/_steps.jsonl")).unwrap();
    assert_eq!(steps.lines().count(), 2);
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let place = Place::new();
    place.write(
        "yes.c",
        "#include <stdio.h>\nint main(void) { while (puts(\"y\") >= 0); return 9; }",
    );
    place.says(&["toolkit", "build-inline", "yes", "c", "yes.c"]);
    let mut child = place
        .command(&["run", "yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 2];
    std::io::Read::read_exact(&mut out, &mut first).unwrap();
    drop(out);
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn time_is_up_also_for_a_guest_that_waits_for_input() {
    let place = Place::new();
    fs::write(
        place.dir.path().join("home/profiles.toml"),
        "[profiles.short]\ntime = '200ms'\n",
    )
    .unwrap();
    place.write(
        "waits.c",
        "#include <stdio.h>\nint main(void) { for (;;) getchar(); }",
    );
    place.says(&["toolkit", "build-inline", "waits", "c", "waits.c"]);
    let start = Instant::now();
    let mut child = place
        .command(&["run", "--profile", "short", "waits"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Held open, and never written to.
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(124), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("wall"),
        "{}",
        text(&output.stderr)
    );
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_compiler_error_is_shown_with_its_line() {
    let place = Place::new();
    place.write("bad.c", "int main(void) {\n  retrun 0;\n}\n");
    let (code, said) = place.fails(&["toolkit", "build-inline", "bad", "c", "bad.c"]);
    assert_eq!(code, 1);
    assert!(said.contains("--> bad.c:2:3"), "{said}");
    assert!(said.contains("2 |   retrun 0;"), "{said}");
    assert!(said.contains("error[build/rejected]"), "{said}");
    assert!(!said.contains("main.c"), "the user knows no main.c: {said}");

    place.write("bad.js", "let x = ;\n");
    let output = place.wbx(&["--json", "toolkit", "build-inline", "bad", "js", "bad.js"]);
    let envelope: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(envelope["error"]["code"], "build/rejected");
    assert_eq!(envelope["data"]["diagnostics"][0]["place"]["line"], 1);
    assert_eq!(
        place.fails(&["run", "bad"]).0,
        127,
        "nothing was registered"
    );
}

#[test]
fn hostile_sources_fail_with_words() {
    let place = Place::new();
    for (name, lang, source) in [
        ("empty", "c", String::new()),
        (
            "passwd",
            "c",
            "#include \"/etc/passwd\"\nint main(void) { return 0; }\n".to_owned(),
        ),
        (
            "nested",
            "c",
            format!(
                "int main(void) {{ return {}0{}; }}\n",
                "(".repeat(20_000),
                ")".repeat(20_000)
            ),
        ),
        ("up", "js", "import '../../../etc/passwd';\n".to_owned()),
    ] {
        place.write("source", &source);
        let (code, said) = place.fails(&["toolkit", "build-inline", name, lang, "source"]);
        assert_eq!(code, 1, "{name}: {said}");
        assert!(said.contains("error"), "{name}: {said}");
        assert!(!said.contains("root:"), "{name}: {said}");
    }
    fs::write(place.work().join("source"), b"int x = \xff\xfe;\n").unwrap();
    assert_eq!(
        place
            .fails(&["toolkit", "build-inline", "bytes", "c", "source"])
            .0,
        1
    );
}

#[test]
fn versions_go_back_and_forth() {
    let place = Place::new();
    place.write("v.js", "console.log('one')\n");
    place.says(&["toolkit", "build-inline", "v", "js", "v.js"]);
    let first = place.digest("v");
    place.write("v.js", "console.log('two')\n");
    place.says(&["toolkit", "build-inline", "v", "js", "v.js"]);
    assert_eq!(place.says(&["run", "v"]), "two\n");
    place.says(&["rollback", "v", &first[..10]]);
    assert_eq!(place.says(&["run", "v"]), "one\n");
    assert!(
        place
            .says(&["versions", "v"])
            .starts_with(&format!("* {first}\n"))
    );
    place.says(&["gc"]);
    assert_eq!(
        place.fails(&["rollback", "v"]).0,
        4,
        "there is nothing before the first"
    );
}

#[test]
fn a_bundle_with_the_wrong_sha_is_not_installed() {
    let place = Place::new();
    place.write("slug.js", SLUG);
    place.says(&["toolkit", "promote", "slug", "js", "slug.js"]);
    let (code, said) = place.fails(&["toolkit", "pack", "slug"]);
    assert_eq!(code, 1);
    assert!(said.contains("build it: wbx toolkit build slug"), "{said}");
    place.says(&["toolkit", "build", "slug"]);
    place.write("toolkits/slug/src/index.js", "console.log('changed')\n");
    let (_, said) = place.fails(&["toolkit", "pack", "slug"]);
    assert!(said.contains("other sources"), "{said}");
    place.write("toolkits/slug/src/index.js", SLUG);
    place.says(&["toolkit", "pack", "slug", "-o", "b.wbundle"]);

    let other = Place::new();
    let bundle = place.work().join("b.wbundle");
    let bundle = bundle.to_str().unwrap();
    let wrong = "0".repeat(64);
    let (code, said) = other.fails(&["toolkit", "install", bundle, "--sha", &wrong]);
    assert_eq!(code, 5, "{said}");
    assert_eq!(other.fails(&["run", "slug"]).0, 127);
    let (code, said) = other.fails(&["toolkit", "install", bundle, "--third-party"]);
    assert_eq!(code, 126, "{said}");
    other.says(&["toolkit", "install", bundle]);
    assert_eq!(other.says(&["run", "slug", "Hello World"]), "hello-world\n");
    assert!(other.says(&["toolkit", "list"]).starts_with("slug "));
}

#[test]
fn a_command_stays_with_its_toolkit_until_it_is_taken_over() {
    let place = Place::new();
    for id in ["one", "two"] {
        place.write("source.js", &format!("console.log('{id}')\n"));
        place.says(&["toolkit", "promote", id, "js", "source.js"]);
        let manifest = place.work().join(format!("toolkits/{id}/manifest.org"));
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(
            manifest,
            text.replace(&format!("CLI_BIN: {id}"), "CLI_BIN: x"),
        )
        .unwrap();
    }
    place.says(&["toolkit", "build", "one"]);
    let (code, said) = place.fails(&["toolkit", "build", "two"]);
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("a command of the toolkit `one`"), "{said}");
    assert_eq!(place.says(&["run", "x"]), "one\n");
    place.says(&["toolkit", "build", "two", "--replace"]);
    assert_eq!(place.says(&["run", "x"]), "two\n");
    let (code, said) = place.fails(&["toolkit", "verify", "--all"]);
    assert_eq!(code, 5, "{said}");

    let one = place.digest("x");
    assert_eq!(place.fails(&["toolkit", "remove", "x", &one]).0, 6);
    place.says(&["toolkit", "remove", "x"]);
    assert_eq!(place.fails(&["run", "x"]).0, 127);
    assert!(place.says(&["gc"]).starts_with("removed 4 artifacts"));
}
