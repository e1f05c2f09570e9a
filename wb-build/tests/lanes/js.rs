use std::io;

use wb_build::{NoCache, npm};
use wb_dock::{Grant, Invocation, Output, Services};
use wb_manifest::Lang;

use crate::home::{artifact, engine, execute, findings, output, plan, run, toolchains, tree};

const SLUG: &str = r#"
const fold = (s) => s.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase();
const slug = (s) => fold(s).replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
const text = process.argv.slice(2).join(" ");
console.log(slug(text));
"#;

#[test]
fn one_file_with_arguments() {
    assert_eq!(
        output(Lang::Js, &[("index.js", SLUG)], &["Crème", "Brûlée!"], ""),
        "creme-brulee\n"
    );
}

#[test]
fn modules_json_and_common_js_are_bundled() {
    let files = [
        (
            "index.js",
            "import { twice } from './lib/math.js';\nimport data from './data.json';\n\
             import old from './old.cjs';\nconsole.log(twice(data.n), old.name);\n",
        ),
        (
            "lib/math.js",
            "export const twice = (n) => 2 * n;\nexport const unused = 1;\n",
        ),
        ("data.json", "{\"n\": 21}"),
        ("old.cjs", "exports.name = 'old';\n"),
    ];
    assert_eq!(output(Lang::Js, &files, &[], ""), "42 old\n");
}

#[test]
fn the_name_of_the_only_file_does_not_matter_to_what_runs() {
    let one = output(Lang::Js, &[("slug.js", SLUG)], &["A b"], "");
    assert_eq!(one, "a-b\n");
}

#[test]
fn a_thrown_error_names_the_source_line() {
    let source = "// one\n// two\nfunction fail() {\n  throw new Error('boom');\n}\nfail();\n";
    let outcome = execute(&artifact(Lang::Js, &[("index.js", source)]), &[], "");
    let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(outcome.exit_code, 1, "{stderr}");
    assert!(
        stderr.contains("boom") && stderr.contains("index.js:4"),
        "{stderr}"
    );
}

#[test]
fn syntax_errors_and_missing_modules_have_a_place() {
    assert_eq!(
        findings(Lang::Js, &[("index.js", "const a = 1;\nconst b c;\n")])[0],
        "index.js:2:9: error: Expected \";\" but found \"c\""
    );
    assert_eq!(
        findings(Lang::Js, &[("index.js", "import './gone.js';\n")])[0],
        "index.js:1:8: error: Could not resolve \"./gone.js\""
    );
    assert_eq!(
        findings(
            Lang::Js,
            &[("index.js", "import leftPad from 'left-pad';\n")]
        )[0],
        "index.js:1:21: error: Could not resolve \"left-pad\""
    );
    let outside = findings(
        Lang::Js,
        &[("index.js", "import x from '../../etc/passwd';\n")],
    );
    assert!(
        outside[0].starts_with("index.js:1:15: error: "),
        "{outside:#?}"
    );
}

#[test]
fn hostile_nesting_ends_in_a_program_a_finding_or_a_named_crash() {
    let nested = |n: usize, (open, close): (&str, &str)| {
        let text = format!("{}1{}", open.repeat(n), close.repeat(n));
        crate::home::build(Lang::Js, &[("index.js", &text)])
    };
    for brackets in [("(", ")"), ("[", "]")] {
        if let Err(error) = nested(20_000, brackets) {
            let code = error.code();
            assert!(
                matches!(code, "build/rejected" | "build/compiler-crashed"),
                "{error}"
            );
        }
    }
    let error = nested(1_000_000, ("[", "]")).expect_err("no stack is that deep");
    assert!(
        matches!(
            error.code(),
            "build/rejected" | "build/compiler-crashed" | "build/limit"
        ),
        "{error}"
    );
}

#[test]
fn what_a_program_imports_of_the_dock_is_what_its_command_needs() {
    let needs = |source: &str| {
        let program = engine()
            .load(&artifact(Lang::Js, &[("index.js", source)]).wasm)
            .unwrap();
        let mut dock: Vec<String> = program
            .imports()
            .filter(|(module, _)| module.starts_with("wb:"))
            .map(|(module, name)| format!("{module} {name}"))
            .collect();
        dock.sort();
        dock
    };
    assert!(needs("console.log(1);\n").is_empty());
    assert_eq!(
        needs("import { run } from 'wb';\nconsole.log(run('upper', [], 'x').stdout);\n"),
        ["wb:commands run", "wb:reply len", "wb:reply read"]
    );
}

const LOCK: &str = r#"{
  "name": "colours", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": { "dependencies": { "color-convert": "2.0.1", "nanoid": "5.0.9" } },
    "node_modules/color-convert": {
      "version": "2.0.1",
      "integrity": "sha512-RRECPsj7iu/xb5oKYcsFHSppFNnsj/52OVTRKb4zP5onXwVF3zVmmToNcOfGC+CRDpfK/U584fMg38ZHCaElKQ=="
    },
    "node_modules/color-name": {
      "version": "1.1.4",
      "integrity": "sha512-dOy+3AuW3a2wNbZHIuMZpTcgjGuLU/uBL/ubcZF9OXbDo8ff4O8yVp5Bf0efS8uEoYo5q4Fx7dY9OgQGXgAsQA=="
    },
    "node_modules/nanoid": {
      "version": "5.0.9",
      "integrity": "sha512-Aooyr6MXU6HpvvWXKoVoXwKMs/KyVakWwg7xQfv5/S/RIgJMy0Ifa45H9qqYy7pTCszrHzP21Uk4PZq2HpEM8Q=="
    }
  }
}"#;

#[test]
fn packages_come_from_the_committed_lock() {
    let source = tree(&[
        (
            "index.js",
            "import convert from 'color-convert';\nimport { nanoid } from 'nanoid';\n\
             console.log(convert.keyword.rgb('teal').join(), nanoid(7).length);\n",
        ),
        ("package-lock.json", LOCK),
    ]);
    let whole = npm::install(source, &toolchains().packages()).expect("the packages are there");
    let built = run(&plan(Lang::Js, whole).unwrap(), &NoCache, 2).unwrap();
    let outcome = execute(&built.artifact().unwrap(), &[], "");
    assert_eq!(outcome.stdout, "0,128,128 7\n");
}

#[test]
fn a_package_that_differs_from_the_lock_is_not_used() {
    let lock = LOCK.replace("sha512-dOy", "sha512-dOz");
    let source = tree(&[("index.js", "1"), ("package-lock.json", &lock)]);
    let error = npm::install(source, &toolchains().packages()).unwrap_err();
    assert_eq!(error.code(), "build/fetch");
    assert!(error.to_string().contains("color-name@1.1.4"), "{error}");
}

/// A pipe whose reader has gone.
struct Closed;

impl io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_program_that_nobody_reads_ends_as_by_a_signal() {
    for write in [
        "console.log('y')",
        "try { process.stdout.write('y\\n') } catch {}",
    ] {
        let source = format!("for (;;) {write};\n");
        let command = engine()
            .load(&artifact(Lang::Js, &[("index.js", &source)]).wasm)
            .and_then(|program| program.admit(&Grant::none(), &Services::default()))
            .unwrap();
        let outcome = command
            .run(Invocation::new("yes").stdout(Output::stream(Closed)))
            .expect("it ends by itself");
        assert_eq!(outcome.exit_code, 141, "{write}");
        assert_eq!(outcome.stderr, "", "{write}");
    }
}
