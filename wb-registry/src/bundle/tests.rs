use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

fn bundle() -> Bundle {
    let mut tree = Tree::new();
    tree.insert("manifest.org".parse().unwrap(), "#+TOOLKIT: slug\n");
    tree.insert(
        "skills/overview.org".parse().unwrap(),
        "* When\n".repeat(50),
    );
    tree.insert("src/index.js".parse().unwrap(), "");
    let part = |name: &str, wasm: &'static [u8]| Part {
        binding: Binding::command(name.parse().unwrap(), Digest::of(wasm)),
        wasm: wasm.into(),
    };
    Bundle {
        id: "slug".parse().unwrap(),
        tree,
        parts: vec![part("slug", b"\0asm1"), part("slug-many", b"\0asm2")],
    }
}

fn decode(bytes: &[u8]) -> Result<Bundle, BundleError> {
    decode_bundle(bytes, &UnpackLimits::default())
}

fn refusal(bytes: &[u8]) -> String {
    decode(bytes).unwrap_err().to_string()
}

/// A zip file with these entries besides a true index.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let index = Index {
        format: FORMAT.to_owned(),
        id: "slug".parse().unwrap(),
        tree: Tree::new().digest(),
        parts: Vec::new(),
    };
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(INDEX, SimpleFileOptions::default()).unwrap();
    zip.write_all(&serde_json::to_vec(&index).unwrap()).unwrap();
    for (name, contents) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(contents).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The same bytes with every `from` overwritten by `to`, in headers too.
fn patch(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at: Vec<_> = bytes
        .windows(from.len())
        .enumerate()
        .filter_map(|(at, window)| (window == from.as_bytes()).then_some(at))
        .collect();
    assert_eq!(
        at.len(),
        2,
        "once in the local header and once in the directory"
    );
    for at in at {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

#[test]
fn a_bundle_unpacks_to_what_was_packed() {
    let bytes = encode_bundle(&bundle()).unwrap();
    assert_eq!(decode(&bytes).unwrap(), bundle());
    assert_eq!(encode_bundle(&bundle()).unwrap(), bytes);
}

#[test]
fn what_may_not_travel_is_not_packed() {
    let mut with_history = bundle();
    for path in [
        ".git/config",
        ".env",
        "src/node_modules/a.js",
        "a/.Private/key",
    ] {
        with_history.tree.insert(path.parse().unwrap(), "x");
        assert_eq!(
            encode_bundle(&with_history).unwrap_err().code(),
            "bundle/path"
        );
        with_history.tree = strip_private(&with_history.tree);
        assert_eq!(with_history, bundle(), "{path}");
    }
    with_history
        .tree
        .insert("src/.eslintrc".parse().unwrap(), "x");
    assert!(encode_bundle(&with_history).is_ok());
}

#[test]
fn a_document_cannot_take_the_place_of_a_part() {
    for name in ["slug.wasm", "manifest.json"] {
        let mut doubled = bundle();
        doubled.tree.insert(name.parse().unwrap(), "x");
        let error = encode_bundle(&doubled).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the bundle holds two entries called `{name}`")
        );
    }
}

#[test]
fn names_that_could_do_harm_are_refused() {
    for (name, wanted) in [
        ("/etc/passwd", "absolute path"),
        ("../../evil", "`..` in path"),
        ("a/../b", "`..` in path"),
        ("a\\..\\b", "neither `\\` nor control"),
        ("a//b", "empty or `.` component"),
        ("./a", "empty or `.` component"),
        (".git/hooks/post-checkout", "`.git` does not belong"),
        ("src/.GitHub/x", "`.github` does not belong"),
        (".env", "hidden files"),
        ("a/C:x", "no part may hold `:`"),
        ("a./b", "no part may hold `:` or end in a dot"),
        ("nul. ", "or end in a dot or blank"),
        ("../", "`..` in path"),
    ] {
        // The writer tidies some names, so they are patched in afterwards.
        let plain = "x".repeat(name.trim_end_matches('/').len());
        let plain = if name.ends_with('/') {
            plain + "/"
        } else {
            plain
        };
        let message = refusal(&patch(zip(&[(&plain, b"")]), &plain, name));
        assert!(message.contains(wanted), "{name}: {message}");
        assert!(message.starts_with("bundle entry `"), "{message}");
    }
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let twice = patch(
        zip(&[("aaaa.txt", b"1"), ("bbbb.txt", b"2")]),
        "bbbb.txt",
        "aaaa.txt",
    );
    let error = decode(&twice).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bundle holds two entries called `aaaa.txt`"
    );
    for (one, other) in [("a/B", "a/b"), ("A/x", "a/y"), ("É", "é")] {
        let error = decode(&zip(&[(one, b""), (other, b"")])).unwrap_err();
        assert_eq!(error.code(), "bundle/duplicate");
        assert!(error.to_string().contains("case"), "{error}");
    }
    let below = zip(&[("a", b"1"), ("a/b", b"2")]);
    assert!(refusal(&below).contains("below a file"));
}

#[test]
fn a_bundle_is_no_deeper_than_a_toolkit_and_no_name_fills_the_screen() {
    let deep = |parts: usize| vec!["d"; parts].join("/");
    assert!(refusal(&zip(&[(&deep(MAX_DEPTH + 2), b"")])).contains("64 directories deep"));
    assert!(!refusal(&zip(&[(&deep(MAX_DEPTH + 1), b"")])).contains("deep"));
    let long = format!("../{}", "\u{202e}".repeat(1000));
    let message = refusal(&zip(&[(&long, b"")]));
    assert!(
        message.chars().count() < 300 && !message.contains('\u{202e}'),
        "{message}"
    );
}

#[test]
fn bombs_are_stopped_by_what_really_comes_out() {
    let zeros = vec![0_u8; 3 << 20];
    let bomb = zip(&[("zeros", &zeros)]);
    assert_eq!(
        refusal(&bomb),
        "bundle entry `zeros` inflates to more than 200 times its size"
    );

    let roomy = UnpackLimits {
        ratio: 1 << 20,
        ..UnpackLimits::default()
    };
    let small = UnpackLimits {
        entry: 1 << 20,
        ..roomy
    };
    let error = decode_bundle(&bomb, &small).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bundle entry `zeros` inflates to more than 1048576 bytes"
    );

    let two = zip(&[("one", &zeros), ("two", &zeros)]);
    let error = decode_bundle(
        &two,
        &UnpackLimits {
            total: 5 << 20,
            ..roomy
        },
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bundle inflates to more than 5242880 bytes"
    );

    let few = UnpackLimits {
        entries: 2,
        ..roomy
    };
    let error = decode_bundle(&two, &few).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bundle holds 3 entries, at most 2 are taken"
    );
}

#[test]
fn links_and_strange_packings_are_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    assert!(refusal(&zip.finish().unwrap().into_inner()).contains("symbolic link"));

    // Method 12 is bzip2 (APPNOTE.TXT 4.4.5); the field is at 8 in a local
    // header and at 10 in the directory.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file("a", stored).unwrap();
    let mut bytes = zip.finish().unwrap().into_inner();
    let find = |mark: &[u8]| bytes.windows(4).position(|w| w == mark).unwrap();
    let (local, central) = (find(b"PK\x03\x04"), find(b"PK\x01\x02"));
    bytes[local + 8] = 12;
    bytes[central + 10] = 12;
    assert_eq!(decode(&bytes).unwrap_err().code(), "bundle/method");
}

#[test]
fn the_index_must_say_what_is_there() {
    assert!(refusal(&zip(&[("manifest.org", b"x")])).contains("not those it was made for"));
    assert!(refusal(&zip(&[("more.wasm", b"x")])).contains("`more.wasm` is there and not listed"));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("manifest.org", SimpleFileOptions::default())
        .unwrap();
    let without = zip.finish().unwrap().into_inner();
    assert_eq!(
        refusal(&without),
        "bundle index `manifest.json`: it is missing"
    );

    let mut wrong = bundle();
    wrong.parts[0].wasm = Bytes::from_static(b"\0asm?");
    let message = refusal(&encode_bundle(&wrong).unwrap());
    assert!(
        message.starts_with("bundle part `slug` has the sha256"),
        "{message}"
    );
}

#[test]
fn what_is_no_zip_is_refused() {
    for bytes in [&b""[..], b"PK", b"PK\x03\x04", b"<html>"] {
        assert_eq!(decode(bytes).unwrap_err().code(), "bundle/zip");
    }
}

proptest! {
    #[test]
    fn damage_never_passes_for_another_bundle(at in 0_usize..4000, byte: u8, cut: bool) {
        let mut bytes = encode_bundle(&bundle()).unwrap().to_vec();
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        if let Ok(read) = decode(&bytes) {
            prop_assert_eq!(read, bundle());
        }
    }
}
