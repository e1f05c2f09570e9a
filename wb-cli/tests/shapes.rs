//! Toolkits of every shape but the plain command, as a user has them: built, verified,
//! packed, installed elsewhere by digest, looked at and run.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

#[path = "support/place.rs"]
mod place;

use place::{Place, text};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/toolkits")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A place with these toolkits of the repository in its workspace.
fn with_toolkits(ids: &[&str]) -> Place {
    let place = Place::new();
    for id in ids {
        copy(
            &fixtures().join(id),
            &place.work().join("toolkits").join(id),
        );
    }
    place
}

/// Builds and packs a toolkit here, and installs it elsewhere by its digest.
fn shipped(here: &Place, id: &str) -> Place {
    here.says(&["toolkit", "build", id]);
    let packed = here.says(&["--json", "toolkit", "pack", id]);
    let packed: Value = serde_json::from_str(&packed).unwrap();
    let sha = packed["data"]["sha256"].as_str().unwrap();
    let bundle = here.work().join(format!("{id}.wbundle"));
    let bundle = bundle.to_str().unwrap();

    let elsewhere = Place::new();
    let (code, said) = elsewhere.fails(&["toolkit", "install", bundle, "--sha", &"0".repeat(64)]);
    assert_eq!(code, 5, "{said}");
    let installed = elsewhere.says(&["toolkit", "install", bundle, "--sha", sha]);
    assert!(
        installed.starts_with(&format!("installed `{id}`")),
        "{installed}"
    );
    elsewhere
}

/// What a verb leaves: exit code, standard output, standard error.
fn ends(place: &Place, args: &[&str], input: &[u8]) -> (i32, String, String) {
    let output = place.with_input(args, input);
    let code = output.status.code().unwrap();
    (code, text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_component_that_takes_a_text() {
    let here = with_toolkits(&["luhn", "acronym"]);
    let verified = here.says(&["toolkit", "verify", "luhn"]);
    assert!(
        verified.contains("✓ exec: component `luhn` is not built yet"),
        "{verified}"
    );
    let built = here.says(&["toolkit", "build", "luhn"]);
    assert!(
        built.starts_with("built + registered component `luhn` (c) → build/commands/"),
        "{built}"
    );
    let verified = here.says(&["toolkit", "verify", "luhn"]);
    assert!(
        verified.contains("✓ exec: component `luhn` is registered"),
        "{verified}"
    );

    let there = shipped(&here, "luhn");
    let shown = there.says(&["toolkit", "show", "luhn"]);
    let (_, entry) = shown.split_once("\nregistered:\n  ").unwrap();
    assert!(
        entry.starts_with(
            "luhn             component of world engine, entry run; no caps; first-party; sha256 "
        ),
        "{entry}"
    );
    let shown = there.says(&["--json", "toolkit", "show", "luhn"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let entry = &shown["data"]["registered"][0];
    for (key, value) in [
        ("shape", json!("component")),
        ("world", json!("engine")),
        ("entry", json!("run")),
        ("caps", json!([])),
        ("trust", json!("first-party")),
    ] {
        assert_eq!(entry[key], value, "{key} in {entry}");
    }
    let valid = |args: &[&str], input: &str| ends(&there, args, input.as_bytes());
    let is_valid = (0, "valid\n".to_owned(), String::new());
    assert_eq!(valid(&["run", "luhn", "4539 1488 0343 6467"], ""), is_valid);
    assert_eq!(
        valid(&["run", "luhn", "4539", "1488", "0343", "6467"], ""),
        is_valid
    );
    assert_eq!(valid(&["run", "luhn"], "4539 1488 0343 6467"), is_valid);
    let quoted = ["run", "luhn", "\"4539 1488 0343 6467\""];
    assert_eq!(valid(&quoted, "").1, "\"valid\"\n");
    assert_eq!(
        valid(&["call", "luhn", "run", "\"1\""], "").1,
        "\"invalid\"\n"
    );
    assert_eq!(
        valid(&["call", "luhn"], "").1,
        "run: func(input: string) -> string\n"
    );

    let there = shipped(&here, "acronym");
    let (code, said, _) = ends(
        &there,
        &["run", "acronym", "lord", "of", "the", "rings"],
        b"",
    );
    assert_eq!((code, said.as_str()), (0, "LR\n"));
    let (code, _, complaint) = ends(&there, &["run", "acronym"], b"\xff");
    assert_eq!(code, 1);
    assert!(
        complaint.contains("standard input: invalid utf-8"),
        "{complaint}"
    );
}

#[test]
fn a_component_with_types_of_its_own() {
    let here = with_toolkits(&["invoice"]);
    let there = shipped(&here, "invoice");
    let run = |args: &[&str]| ends(&there, args, b"");
    let pens = |tax: &str| format!("[{{name: \"pen\", quantity: 3, price: 120, tax: {tax}}}]");
    let (code, said, _) = run(&["run", "invoice", &pens("standard")]);
    assert_eq!(
        (code, said.as_str()),
        (0, "ok({net: 360, taxes: [(standard, 68)], gross: 428})\n")
    );
    // What WAVE reads comes back as it reads it.
    let (_, said, _) = run(&["call", "invoice", "total", &pens("%none")]);
    assert_eq!(said, "ok({net: 360, taxes: [(%none, 0)], gross: 360})\n");

    let (code, said, _) = run(&["run", "invoice", "[]"]);
    assert_eq!(
        (code, said.as_str()),
        (1, "err(empty)\n"),
        "an `err` is a failure"
    );
    let lines = r#"[{"name": "pen", "quantity": 0, "price": 1, "tax": "none"}]"#;
    for args in [
        &["--json", "run", "invoice", lines][..],
        &["--json", "call", "invoice", "total", lines],
    ] {
        let (code, said, _) = run(args);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(code, 1);
        assert_eq!(
            said["data"]["value"],
            json!({"err": {"no-quantity": [1, "pen"]}})
        );
        assert!(
            said["data"]["report"]["memory_peak"].as_u64().unwrap() > 0,
            "{said}"
        );
    }

    let (code, _, complaint) = run(&["run", "invoice", &pens("none")]);
    assert_eq!(code, 2);
    assert!(
        complaint.contains("found `none` at byte 45, wanted `func(lines: ")
            && complaint.contains(": invalid value type; a case of that name is written `%none`"),
        "{complaint}"
    );
    let (code, _, complaint) = run(&["call", "invoice", "totals", "[]"]);
    assert_eq!(code, 1);
    assert!(
        complaint.contains("no function `totals`, there is `total`"),
        "{complaint}"
    );
    let (code, _, complaint) = run(&["--json", "call", "invoice", "total", "[pen]"]);
    assert_eq!(code, 2, "{complaint}");
}

#[test]
fn types_for_the_sources_are_those_in_the_repository() {
    let here = with_toolkits(&["invoice", "gain"]);
    let file = here.work().join("toolkits/invoice/src/invoice.d.ts");
    let golden = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let said = here.says(&["toolkit", "types", "invoice"]);
    assert_eq!(
        said,
        "wrote the types of world `invoice` → toolkits/invoice/src/invoice.d.ts\n"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), golden);
    assert_eq!(
        here.says(&["toolkit", "types", "invoice", "-o", "-"]),
        golden
    );
    let (code, complaint) = here.fails(&["toolkit", "types", "gain"]);
    assert_eq!(code, 1);
    assert!(
        complaint.contains("`gain` declares no component"),
        "{complaint}"
    );
}

/// The deployer's profile that the kernels of `media` need.
const PROFILE: &str = "[profiles.media]\nextends = \"compute\"\nadd-caps = [\"frames\"]\n";

#[cfg(target_os = "linux")]
#[test]
fn kernels_make_one_picture_of_another() {
    let here = with_toolkits(&["media"]);
    let (code, complaint) = here.fails(&["toolkit", "build", "media", "sharpen"]);
    assert_eq!(code, 1);
    assert!(
        complaint.contains("no artifact `sharpen`, expected one of blur, decode, decode-png, "),
        "{complaint}"
    );
    let there = shipped(&here, "media");
    let picture = |name: &str| fs::read(fixtures().join("media/reference").join(name)).unwrap();
    let (code, _, complaint) = ends(&there, &["run", "decode"], &picture("in.ppm"));
    assert_eq!(code, 126);
    assert!(
        complaint.contains("`add-caps = [\"frames\"]`; then add `--profile own`"),
        "{complaint}"
    );
    fs::write(there.dir.path().join("home/profiles.toml"), PROFILE).unwrap();
    let made = |kernels: &[&str], from: &str| {
        kernels.iter().fold(picture(from), |frame, kernel| {
            let ran = there.with_input(&["run", "--profile", "media", kernel], &frame);
            assert!(ran.status.success(), "{kernel}: {}", text(&ran.stderr));
            ran.stdout
        })
    };
    assert!(made(&["decode", "blur", "encode"], "in.ppm") == picture("blurred.ppm"));
    let all = ["decode-png", "blur", "resize", "encode-png"];
    assert!(made(&all, "ball.png") == picture("ball-half.png"));

    let decode = ["--json", "run", "--profile", "media", "decode-png"];
    let (code, said, _) = ends(&there, &decode, &picture("grey.png"));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &said["data"]["bytes"]),
        (0, &json!(16 + 16 * 11 * 3))
    );
    assert!(said["data"]["stdout_base64"].is_string(), "{said}");
    assert!(said["data"]["report"]["wall_us"].is_u64(), "{said}");
    let (code, _, complaint) = ends(&there, &decode[1..], b"no picture");
    assert_eq!(code, 1);
    assert!(
        complaint.contains("kernel `decode-png` failed with -14"),
        "{complaint}"
    );
    let (code, _, complaint) = ends(&there, &["run", "blur", "5"], b"");
    assert_eq!(code, 2, "{complaint}");
    let (code, _, complaint) = ends(&there, &decode[1..], &vec![0; (64 << 20) + 5]);
    assert_eq!(code, 1);
    assert!(
        complaint.contains("standard input, 67108869 bytes, is over the limit of 67108864 bytes"),
        "{complaint}"
    );
}

#[test]
fn a_task_calls_commands_of_other_toolkits() {
    let here = with_toolkits(&["release-notes", "wordfreq"]);
    here.says(&["toolkit", "verify", "release-notes"]);
    let titles = b"feat: frames\nchore: dust\nfix: frames again\n";
    let run = ["toolkit", "run", "release-notes", "words"];
    let (code, _, complaint) = ends(&here, &run, titles);
    assert_eq!(code, 127);
    assert!(
        complaint.contains("no such command: wordfreq"),
        "{complaint}"
    );
    here.says(&["toolkit", "build", "wordfreq"]);
    let (code, said, _) = ends(&here, &run, titles);
    assert_eq!(code, 0);
    assert!(said.contains("frames") && !said.contains("dust"), "{said}");
    let packed = here.says(&["toolkit", "pack", "release-notes"]);
    assert!(
        packed.starts_with("packed `release-notes` (0 commands, "),
        "{packed}"
    );
}

#[test]
fn a_component_whose_import_another_one_exports() {
    let here = with_toolkits(&["pipe-producer", "pipe-consumer"]);
    let built = here.wbx(&["toolkit", "build", "pipe-consumer"]);
    assert!(built.status.success());
    assert!(
        text(&built.stderr).contains("`example:pipe/stage` is bound by no capability"),
        "{}",
        text(&built.stderr)
    );
    let (code, _, complaint) = ends(&here, &["run", "pipe-consumer", "a", "b"], b"");
    assert_eq!(code, 126);
    assert!(complaint.contains("`example:pipe/stage`"), "{complaint}");
    here.says(&["toolkit", "build", "pipe-producer"]);
    let (code, said, _) = ends(
        &here,
        &[
            "call",
            "pipe-producer",
            "example:pipe/stage#apply",
            "[\"a\", \"b\"]",
        ],
        b"",
    );
    assert_eq!((code, said.as_str()), (0, "ok(\"b-a\")\n"));
}

#[test]
fn one_file_becomes_a_component_or_a_kernel() {
    let here = Place::new();
    let wit =
        "package my:greeter;\nworld greeter { export greet: func(name: string) -> string; }\n";
    let source = "export const greet = (name) => `hello ${name}`;\n";
    here.write("greet.js", source);
    here.write("greeter.wit", wit);
    let inline = ["toolkit", "build-inline", "greeter", "js", "greet.js"];
    let component = |more: &[&'static str]| [&inline[..], &["--shape", "component"], more].concat();
    let built = here.says(&component(&["--wit", "greeter.wit"]));
    assert!(
        built.starts_with("built + registered component `greeter` (js) → ")
            && built.ends_with("\ncall it: wbx call greeter (lists its functions)\n"),
        "{built}"
    );
    assert_eq!(
        here.says(&["run", "greeter", "Ada", "Lovelace"]),
        "hello Ada Lovelace\n"
    );
    let session = here.digest("greeter");
    let (code, complaint) = here.fails(&["toolkit", "promote", "greeter", "js", "greet.js"]);
    assert_eq!(code, 1);
    assert!(
        complaint.contains("`greeter` is a session component, expected a command")
            && complaint.contains("`#+EXEC: component`"),
        "{complaint}"
    );
    // As the help says, the toolkit is the same thing.
    here.write(
        "toolkits/greeter/manifest.org",
        "#+TITLE: Greeter\n#+TOOLKIT: greeter\n#+EXEC: component\n#+BUILD_LANG: js\n\
         #+BUILD_SRC: path:src\n#+WIT: greeter\n#+ENTRY: greet\n* Greeter :toolkit:\n",
    );
    here.write("toolkits/greeter/src/index.js", source);
    here.write("toolkits/greeter/wit/greeter.wit", wit);
    let built = here.says(&["toolkit", "build", "greeter"]);
    assert!(built.contains("same sha as the session build"), "{built}");
    assert_eq!(here.digest("greeter"), session);

    let (code, complaint) = here.fails(&component(&["--world", "greter"]));
    assert_eq!(code, 1);
    assert!(complaint.contains("no world `greter`"), "{complaint}");
    here.write(
        "faulty.wit",
        "package my:faulty;\nworld w { export f: func() -> sting; }\n",
    );
    let (code, complaint) = here.fails(&component(&["--wit", "faulty.wit"]));
    assert_eq!(code, 1);
    assert!(complaint.contains("wit/faulty.wit:2:31"), "{complaint}");
    let (code, complaint) = here.fails(&[&inline[..], &["--wit", "greeter.wit"]].concat());
    assert_eq!(code, 2, "{complaint}");

    here.write(
        "not.c",
        "static unsigned char frame[64];\n\
         void *in_ptr(void) { return frame; }\n\
         void *out_ptr(void) { return frame; }\n\
         int in_cap(void) { return sizeof frame; }\n\
         int invert(int len) { for (int i = 0; i < len; i++) frame[i] ^= 255; return len; }\n",
    );
    let kernel = [
        "toolkit",
        "build-inline",
        "not",
        "c",
        "not.c",
        "--shape",
        "kernel",
    ];
    let (code, complaint) = here.fails(&kernel);
    assert_eq!(code, 1);
    assert!(complaint.contains("process"), "{complaint}");
    here.says(&[&kernel[..], &["--entry", "invert"]].concat());
    assert_eq!(
        here.with_input(&["run", "not"], b"\x00\xf0").stdout,
        b"\xff\x0f"
    );
    let kernel = [
        "toolkit",
        "build-inline",
        "k",
        "js",
        "greet.js",
        "--shape",
        "kernel",
    ];
    let (code, complaint) = here.fails(&kernel);
    assert_eq!(code, 1);
    assert!(
        complaint.contains("this version builds kernels in c and c++"),
        "{complaint}"
    );
}
