//! A world as JavaScript sees it: a module for each interface that it imports, and
//! an entry that exports what the world wants of the program.
//!
//! Names are those of JavaScript elsewhere: `look-up` is `lookUp`, the resource
//! `connection` the class `Connection`. An interface is imported by its name in WIT,
//! with or without the version; a function of the world itself by its own, as
//! default export or by name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wit_parser::{Function, FunctionKind, Handle, Type, TypeDefKind, TypeId, WorldItem, WorldKey};

use super::World;
use super::world::Item;
use crate::diagnose::Diagnostic;

/// The module that the bundler starts with.
pub(crate) const ENTRY_MODULE: &str = "entry.js";

/// The modules of a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modules {
    /// By the names that programs import them by: the file.
    pub aliases: BTreeMap<String, String>,
    /// Their texts, by file.
    pub files: BTreeMap<String, String>,
    /// The text of the entry, which exports from the program `PROGRAM`.
    entry: String,
}

/// Stands for the path of the program in the text of the entry.
const PROGRAM: &str = "\u{0}";

impl Modules {
    /// The text of [`ENTRY_MODULE`] for a program at `path`.
    pub(crate) fn entry(&self, path: &str) -> String {
        self.entry.replace(PROGRAM, path)
    }
}

/// `look-up` as `lookUp`.
pub(super) fn camel(name: &str) -> String {
    let mut text = pascal(name);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

/// `look-up` as `LookUp`.
pub(super) fn pascal(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut word = word.to_ascii_lowercase();
            if let Some(first) = word.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            word
        })
        .collect()
}

/// Refuses what JavaScript cannot have in this version.
pub(crate) fn check(world: &World) -> Result<(), Diagnostic> {
    let resolve = &world.resolve;
    let refused = |what: &str| {
        let name = world.name();
        Diagnostic::error(format!(
            "world `{name}`: {what} are not built for JavaScript yet"
        ))
    };
    for (_, ty) in &resolve.worlds[world.id].exports {
        if let WorldItem::Interface { id, .. } = ty {
            let mut types = resolve.interfaces[*id].types.values();
            if types.any(|id| resolve.types[*id].kind == TypeDefKind::Resource) {
                return Err(refused("resources that the program itself defines"));
            }
        }
    }
    let imported: Vec<TypeId> = world.resources().iter().map(|r| r.id).collect();
    let mut pending: Vec<Type> = Vec::new();
    for item in world.imports().iter().chain(&world.exports()) {
        pending.extend(item.function.parameter_and_result_types());
    }
    let mut seen = Vec::new();
    while let Some(ty) = pending.pop() {
        let Type::Id(id) = ty else { continue };
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        match &resolve.types[id].kind {
            TypeDefKind::Type(ty) | TypeDefKind::List(ty) | TypeDefKind::Option(ty) => {
                pending.push(*ty);
            }
            TypeDefKind::Record(record) => pending.extend(record.fields.iter().map(|f| f.ty)),
            TypeDefKind::Tuple(tuple) => pending.extend(&tuple.types),
            TypeDefKind::Variant(variant) => {
                pending.extend(variant.cases.iter().filter_map(|case| case.ty));
            }
            TypeDefKind::Result(result) => pending.extend(result.ok.into_iter().chain(result.err)),
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => {
                let mut id = *id;
                while let TypeDefKind::Type(Type::Id(of)) = &resolve.types[id].kind {
                    id = *of;
                }
                if !imported.contains(&id) {
                    return Err(refused("resources of no imported interface"));
                }
            }
            TypeDefKind::Map(..) => return Err(refused("maps")),
            TypeDefKind::FixedLengthList(..) => return Err(refused("lists of a fixed length")),
            TypeDefKind::Future(_) | TypeDefKind::Stream(_) => {
                return Err(refused("futures and streams"));
            }
            _ => {}
        }
    }
    for item in world.exports() {
        if item.function.params.iter().any(|p| is_borrow(world, &p.ty)) {
            return Err(refused("exports that borrow a resource"));
        }
    }
    Ok(())
}

fn is_borrow(world: &World, ty: &Type) -> bool {
    let Type::Id(id) = ty else { return false };
    match &world.resolve.types[*id].kind {
        TypeDefKind::Handle(Handle::Borrow(_)) => true,
        TypeDefKind::Type(ty) => is_borrow(world, ty),
        _ => false,
    }
}

pub(super) fn modules(world: &World) -> Modules {
    let mut modules = Modules::default();
    let imports = world.imports();
    let mut interfaces: Vec<&WorldKey> = Vec::new();
    for (number, item) in imports.iter().enumerate() {
        match item.interface {
            Some(key) if !interfaces.contains(&key) => interfaces.push(key),
            Some(_) => {}
            None => {
                let name = camel(&item.function.name);
                let text = format!(
                    "export {{ call as {name}, call as default }} from \"wit:{number}\";\n"
                );
                modules.add(&[&item.function.name], text);
            }
        }
    }
    for key in interfaces {
        let full = world.resolve.name_world_key(key);
        let plain = full.split('@').next().unwrap_or(&full);
        modules.add(&[&full, plain], interface(world, key, &imports));
    }
    modules.entry = entry(world);
    modules
}

impl Modules {
    fn add(&mut self, names: &[&str], text: String) {
        let file = format!("{}.js", self.files.len());
        for name in names {
            self.aliases
                .entry((*name).to_owned())
                .or_insert_with(|| file.clone());
        }
        self.files.insert(file, text);
    }
}

/// A module with the functions and classes of an interface.
fn interface(world: &World, key: &WorldKey, imports: &[Item<'_>]) -> String {
    let mut text = String::new();
    let own = || {
        imports
            .iter()
            .enumerate()
            .filter(|(_, item)| item.interface == Some(key))
            .map(|(number, item)| (number, item.function))
    };
    for (number, function) in own() {
        if function.kind.resource().is_none() {
            let name = camel(&function.name);
            let _ = writeln!(text, "export {{ call as {name} }} from \"wit:{number}\";");
        }
    }
    for (number, resource) in world.resources().iter().enumerate() {
        if resource.interface != key {
            continue;
        }
        let methods: Vec<_> = own()
            .filter(|(_, function)| function.kind.resource() == Some(resource.id))
            .collect();
        let name = world.resolve.types[resource.id].name.as_deref();
        class(
            &mut text,
            pascal(name.unwrap_or("resource")).as_str(),
            number,
            &methods,
        );
    }
    text
}

fn class(text: &mut String, name: &str, number: usize, methods: &[(usize, &Function)]) {
    let _ = writeln!(
        text,
        "import {{ call as r{number} }} from \"wit:r{number}\";"
    );
    for (n, _) in methods {
        let _ = writeln!(text, "import {{ call as f{n} }} from \"wit:{n}\";");
    }
    let _ = writeln!(text, "export class {name} {{");
    let is_constructor = |f: &Function| matches!(f.kind, FunctionKind::Constructor(_));
    if !methods.iter().any(|(_, f)| is_constructor(f)) {
        let _ = writeln!(
            text,
            "  constructor() {{ throw new TypeError(\"a {name} is not made by `new`\"); }}"
        );
    }
    for (n, function) in methods {
        let method = camel(function.item_name());
        let _ = match function.kind {
            FunctionKind::Constructor(_) => {
                writeln!(text, "  constructor(...args) {{ return f{n}(...args); }}")
            }
            FunctionKind::Static(_) => {
                writeln!(
                    text,
                    "  static {method}(...args) {{ return f{n}(...args); }}"
                )
            }
            _ => writeln!(
                text,
                "  {method}(...args) {{ return f{n}(this, ...args); }}"
            ),
        };
    }
    let _ = writeln!(text, "}}\nr{number}({name}.prototype);");
}

fn entry(world: &World) -> String {
    let mut names: Vec<String> = world
        .exports()
        .iter()
        .map(|item| match item.interface {
            Some(key) => camel(world.interface_name(key)),
            None => camel(&item.function.name),
        })
        .collect();
    names.sort();
    names.dedup();
    format!("export {{ {} }} from \"{PROGRAM}\";\n", names.join(", "))
}
