use wb_dock::wit::{DOCK, ENGINE, Package, WASI};
use wb_policy::{Requirement, component_import, component_imports};
use wit_parser::{PackageId, Resolve, WorldItem};

use crate::support;

fn push(resolve: &mut Resolve, package: &Package) -> PackageId {
    let id = support::push(resolve, package.files);
    assert_eq!(resolve.packages[id].name.to_string(), package.name);
    id
}

#[test]
fn every_package_resolves_after_those_it_uses() {
    let mut resolve = Resolve::default();
    for package in WASI.iter().chain([&DOCK, &ENGINE]) {
        push(&mut resolve, package);
    }
}

#[test]
fn what_the_dock_world_imports_is_what_policy_knows() {
    let mut resolve = Resolve::default();
    let dock = push(&mut resolve, &DOCK);
    let world = resolve.select_world(&[dock], Some("dock")).unwrap();
    let mut names: Vec<String> = resolve.worlds[world]
        .imports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    names.sort();
    let mut known: Vec<String> = component_imports()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("workbooks:dock/"))
        .collect();
    known.sort();
    assert_eq!(names, known);
}

#[test]
fn what_the_engine_worlds_import_is_what_policy_knows() {
    let mut resolve = Resolve::default();
    let engine = push(&mut resolve, &ENGINE);
    for (name, world) in &resolve.packages[engine].worlds {
        for (key, item) in &resolve.worlds[*world].imports {
            let import = resolve.name_world_key(key);
            assert!(matches!(item, WorldItem::Function(_)), "{name}: {import}");
            assert_ne!(
                component_import(&import),
                Requirement::Unknown,
                "{name}: {import}"
            );
        }
    }
    let full = resolve
        .select_world(&[engine], Some("engine-full"))
        .unwrap();
    let names = resolve.worlds[full].imports.len();
    let known = component_imports()
        .filter(|(name, _)| !name.contains(':'))
        .count();
    assert_eq!(names, known);
}
