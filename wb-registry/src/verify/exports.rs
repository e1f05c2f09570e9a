//! Whether an artifact exports what its shape is entered by, with the right types.

use wasmparser::types::{EntityType, TypesRef};
use wasmparser::{FuncType, ValType, Validator};
use wb_manifest::{RelDir, Tree};
use wb_policy::Shape;

use super::imports::fault;
use super::report::Finding;
use super::subject::{Subject, Unit};
use crate::ProgramShape;

/// What a kernel exports besides its memory: how many i32 each function takes, and
/// whether it has to be there. Each gives one i32.
const KERNEL: [(&str, usize, bool); 4] = [
    ("in_ptr", 0, true),
    ("out_ptr", 0, true),
    ("in_cap", 0, false),
    ("out_cap", 0, false),
];

pub(super) fn faults(
    subject: &Subject<'_>,
    unit: &Unit<'_>,
    shape: Shape,
    program: &ProgramShape<'_>,
    wasm: &[u8],
) -> Vec<Finding> {
    let missing = fault("verify/missing-export");
    if program.is_component != (shape == Shape::Component) {
        let kind = if program.is_component {
            "a component"
        } else {
            "a core module"
        };
        let message = format!("the artifact is {kind}, which a {shape} is not");
        return vec![missing.message(message)];
    }
    let entry = unit.manifest.entry();
    let wanted: &[&str] = match shape {
        Shape::Command => &["_start"],
        // A function of an interface is `interface#function`; the interface is exported.
        Shape::Component => &[entry.split('#').next().unwrap_or(entry)],
        Shape::Kernel => &["memory", "in_ptr", "out_ptr", entry],
        Shape::Task | Shape::Federation | Shape::Posix => &[],
    };
    let names: Vec<_> = wanted
        .iter()
        .filter(|name| !program.has_export(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if !names.is_empty() {
        let message = format!("a {shape} must export {}", names.join(", "));
        return vec![missing.message(message)];
    }
    match shape {
        Shape::Component => of_its_world(subject, unit, wasm),
        Shape::Kernel => of_a_kernel(entry, wasm),
        _ => Vec::new(),
    }
}

fn of_its_world(subject: &Subject<'_>, unit: &Unit<'_>, wasm: &[u8]) -> Vec<Finding> {
    let folder: RelDir = "wit".parse().expect("the folder is a plain name");
    let wit: Tree = subject.tree.under(&folder);
    let world = unit.manifest.world();
    let Err(found) = subject.around.facilities.conforms(wasm, world, &wit) else {
        return Vec::new();
    };
    let told = |message| fault("verify/another-world").message(message);
    found.into_iter().map(told).collect()
}

fn of_a_kernel(entry: &str, wasm: &[u8]) -> Vec<Finding> {
    let types = match Validator::new().validate_all(wasm) {
        Ok(types) => types,
        Err(error) => {
            let message = format!("the artifact is not valid: {}", error.message());
            return vec![fault("verify/bad-artifact").message(message)];
        }
    };
    let types = types.as_ref();
    let mut told = Vec::new();
    let mut wrong = |name: &str, wanted: &str| {
        let message = format!("a kernel exports `{name}` as {wanted}");
        told.push(fault("verify/wrong-export").message(message));
    };
    if !matches!(export(types, "memory"), Some(EntityType::Memory(memory)) if !memory.memory64 && !memory.shared)
    {
        wrong("memory", "a memory of its own");
    }
    for (name, params, required) in std::iter::once((entry, 1, true)).chain(KERNEL) {
        let fits = match export(types, name) {
            None => !required,
            Some(EntityType::Func(id) | EntityType::FuncExact(id)) => {
                is_plain(types[id].unwrap_func(), params)
            }
            Some(_) => false,
        };
        if !fits {
            let wanted = ["a function () -> i32", "a function (i32) -> i32"];
            wrong(name, wanted[params]);
        }
    }
    told
}

fn export(types: TypesRef<'_>, name: &str) -> Option<EntityType> {
    let mut exports = types.core_exports()?;
    exports.find(|(found, _)| *found == name).map(|(_, ty)| ty)
}

fn is_plain(function: &FuncType, params: usize) -> bool {
    function.params().len() == params
        && function.params().iter().all(|ty| *ty == ValType::I32)
        && function.results() == [ValType::I32]
}
