//! Random changes, against a plain map of paths.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wb_policy::{Budget, Limits, Profile};

use super::{FileSystem, FileType, Image, Mount};
use crate::wasi::Fail;

/// A file with its bytes, or a directory.
type Model = BTreeMap<String, Option<Vec<u8>>>;

#[derive(Clone, Debug)]
enum Change {
    Write(String, usize, Vec<u8>),
    SetLen(String, usize),
    Unlink(String),
    MakeDirectory(String),
    RemoveDirectory(String),
    Rename(String, String),
}

/// Few names and little depth, so that changes meet.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

fn change() -> impl Strategy<Value = Change> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..6);
    prop_oneof![
        4 => (path(), 0usize..8, bytes()).prop_map(|(p, at, b)| Change::Write(p, at, b)),
        1 => (path(), 0usize..8).prop_map(|(p, len)| Change::SetLen(p, len)),
        1 => path().prop_map(Change::Unlink),
        3 => path().prop_map(Change::MakeDirectory),
        1 => path().prop_map(Change::RemoveDirectory),
        3 => (path(), path()).prop_map(|(from, to)| Change::Rename(from, to)),
    ]
}

fn parent_is_directory(model: &Model, path: &str) -> bool {
    match path.rsplit_once('/') {
        None => true,
        Some((parent, _)) => matches!(model.get(parent), Some(None)),
    }
}

fn has_children(model: &Model, path: &str) -> bool {
    let below = format!("{path}/");
    model.keys().any(|key| key.starts_with(&below))
}

/// Makes the change in the model; tells whether it is one that should work.
fn apply_to_model(model: &mut Model, change: &Change) -> bool {
    match change {
        Change::Write(path, at, bytes) => {
            if !parent_is_directory(model, path) {
                return false;
            }
            let Some(content) = model.entry(path.clone()).or_insert(Some(Vec::new())) else {
                return false;
            };
            let end = at + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*at..end].copy_from_slice(bytes);
            true
        }
        Change::SetLen(path, len) => match model.get_mut(path) {
            Some(Some(content)) => {
                content.resize(*len, 0);
                true
            }
            _ => false,
        },
        Change::Unlink(path) => match model.get(path) {
            Some(Some(_)) => model.remove(path).is_some(),
            _ => false,
        },
        Change::MakeDirectory(path) => {
            if model.contains_key(path) || !parent_is_directory(model, path) {
                return false;
            }
            model.insert(path.clone(), None);
            true
        }
        Change::RemoveDirectory(path) => {
            let removable = matches!(model.get(path), Some(None)) && !has_children(model, path);
            removable && model.remove(path).is_some()
        }
        Change::Rename(from, to) => rename_in_model(model, from, to),
    }
}

fn rename_in_model(model: &mut Model, from: &str, to: &str) -> bool {
    let Some(source) = model.get(from).cloned() else {
        return false;
    };
    if !parent_is_directory(model, to) {
        return false;
    }
    if from == to {
        return true;
    }
    let below = format!("{from}/");
    if to.starts_with(&below) {
        return false;
    }
    match (&source, model.get(to)) {
        (_, None) | (Some(_), Some(Some(_))) => {}
        (None, Some(None)) if !has_children(model, to) => {}
        _ => return false,
    }
    let moved: Vec<String> = model
        .keys()
        .filter(|key| *key == from || key.starts_with(&below))
        .cloned()
        .collect();
    for key in moved {
        let content = model.remove(&key).unwrap();
        model.insert(format!("{to}{}", &key[from.len()..]), content);
    }
    true
}

fn apply(fs: &mut FileSystem, change: &Change) -> Result<(), Fail> {
    let root = fs.root().unwrap();
    match change {
        Change::Write(path, at, bytes) => {
            let found = fs.lookup(root, path, true)?;
            let node = match found.node {
                None => fs.create_file(&found, 1)?,
                Some(node) => fs.adopted(&found, node)?,
            };
            fs.content(node)?;
            // Writing nothing past the end changes nothing in POSIX; the model
            // fills up, so the length is set where there are no bytes.
            if bytes.is_empty() && *at > fs.content(node)?.len() {
                return fs.set_len(node, *at as u64, 1);
            }
            fs.write(node, *at as u64, bytes, 1)
        }
        Change::SetLen(path, len) => {
            let found = fs.lookup(root, path, true)?;
            let node = found.existing(fs)?;
            let node = fs.adopted(&found, node)?;
            fs.content(node)?;
            fs.set_len(node, *len as u64, 1)
        }
        Change::Unlink(path) => {
            let found = fs.lookup(root, path, false)?;
            fs.unlink_file(&found, 1)
        }
        Change::MakeDirectory(path) => {
            let found = fs.lookup(root, path, false)?;
            fs.create_directory(&found, 1)
        }
        Change::RemoveDirectory(path) => {
            let found = fs.lookup(root, path, false)?;
            fs.remove_directory(&found, 1)
        }
        Change::Rename(from, to) => {
            let from = fs.lookup(root, from, false)?;
            let to = fs.lookup(root, to, false)?;
            fs.rename(&from, &to, 1)
        }
    }
}

/// Everything in the tree, as the listings tell it.
fn contents(fs: &mut FileSystem) -> Model {
    let mut found = Model::new();
    let mut open = vec![(String::new(), fs.root().unwrap())];
    while let Some((path, node)) = open.pop() {
        let mut cookie = 2;
        while let Some((next, name, child)) = fs.entry(node, cookie) {
            cookie = next;
            let path = format!("{path}{name}");
            if fs.filetype(child) == FileType::Directory {
                open.push((format!("{path}/"), child));
                found.insert(path, None);
            } else {
                found.insert(path, Some(fs.content(child).unwrap().to_vec()));
            }
        }
    }
    found
}

proptest! {
    #[test]
    fn the_tree_does_what_a_map_of_paths_does(changes in prop::collection::vec(change(), 0..40)) {
        let image = Image::from_files([("a/b/c", "shared"), ("a/c", ""), ("b", "top")]).unwrap();
        let budget = Budget::new("model", Limits { memory: 1 << 20, ..Profile::compute().limits() });
        let mut fs = FileSystem::new(vec![Mount::writable("/", image)], &budget).unwrap();
        let mut model: Model = [
            ("a", None),
            ("a/b", None),
            ("a/b/c", Some(b"shared".to_vec())),
            ("a/c", Some(Vec::new())),
            ("b", Some(b"top".to_vec())),
        ]
        .map(|(path, content)| (path.to_owned(), content))
        .into();
        for change in &changes {
            let works = apply_to_model(&mut model, change);
            let answer = apply(&mut fs, change);
            prop_assert_eq!(answer.is_ok(), works, "{:?}: {:?}", change, answer);
        }
        prop_assert_eq!(contents(&mut fs), model.clone());
        let files: Vec<_> = fs
            .into_files()
            .all()
            .into_iter()
            .map(|(path, content)| (path, content.to_vec()))
            .collect();
        let expected: Vec<_> = model
            .into_iter()
            .filter_map(|(path, content)| Some((format!("/{path}"), content?)))
            .collect();
        prop_assert_eq!(files, expected);
    }
}
