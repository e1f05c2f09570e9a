//! Lists the guest sources, so that the crate carries them inside itself.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a build script reads the crate's own folder"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=guest");
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("guest");
    let mut files = Vec::new();
    collect(&root, "", &mut files);
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        writeln!(
            text,
            "    ({file:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/guest/{file}\")) as &[u8]),"
        )
        .unwrap();
    }
    text.push_str("]\n");
    let out = Path::new(&env::var("OUT_DIR").unwrap()).join("guest.rs");
    fs::write(out, text).unwrap();
}

/// Paths below `dir` with `/`, tests left out: they are not part of any guest.
fn collect(dir: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if path != "tests" {
                collect(&entry.path(), &format!("{path}/"), files);
            }
        } else {
            files.push(path);
        }
    }
}
