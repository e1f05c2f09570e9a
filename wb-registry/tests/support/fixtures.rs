//! The fixture toolkits and what is registered beside them.
#![allow(dead_code, reason = "no test uses all of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wb_manifest::Tree;
use wb_registry::{Binding, CommandTable, MemoryStore, Store};

pub(crate) fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(folder)
}

/// The toolkits of a folder, by name.
pub(crate) fn toolkits(folder: &str) -> BTreeMap<String, Tree> {
    let entries = fs::read_dir(fixtures(folder)).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let mut tree = Tree::new();
            add_files(&entry.path(), "", &mut tree);
            (entry.file_name().into_string().unwrap(), tree)
        })
        .collect()
}

fn add_files(dir: &Path, prefix: &str, tree: &mut Tree) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            add_files(&entry.path(), &format!("{path}/"), tree);
        } else {
            tree.insert(path.parse().unwrap(), fs::read(entry.path()).unwrap());
        }
    }
}

/// What is registered in the nexus of the fixtures.
pub(crate) fn registry() -> (CommandTable, MemoryStore) {
    let (mut table, store) = (CommandTable::default(), MemoryStore::default());
    for entry in fs::read_dir(fixtures("artifacts"))
        .unwrap()
        .map(Result::unwrap)
    {
        let path = entry.path();
        let text = fs::read_to_string(&path).unwrap();
        let bytes = match path.extension().unwrap().to_str().unwrap() {
            "wat" => wat::parse_str(text).unwrap(),
            _ => text.into_bytes(),
        };
        let name = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let binding = Binding::command(name, store.put(&bytes).unwrap());
        table.bind(binding, &store).unwrap();
    }
    (table, store)
}

/// Holds `found` against the golden file, or writes it.
pub(crate) fn golden(file: &str, found: &str) {
    let path = fixtures("reports").join(file);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        wanted == found,
        "{file} differs:\n--- wanted\n{wanted}\n--- found\n{found}"
    );
}
