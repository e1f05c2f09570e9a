//! A world as TypeScript sees it: a module declaration for each interface, named as
//! programs import it, and one for the world, whose functions a program exports.
//!
//! The types are those of the values that the runtime gives and takes, see
//! `guest/js/canon.c`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use wit_parser::{
    Docs, Function, FunctionKind, Handle, InterfaceId, Type, TypeDefKind, TypeId, TypeOwner,
    WorldItem, WorldKey,
};

use super::World;
use super::script::{camel, pascal};

/// The text of a declaration file.
pub(super) fn declarations(world: &World) -> String {
    let mut text = format!(
        "// The world `{}` for programs in JavaScript and TypeScript.\n",
        full_name(world)
    );
    let mut written = BTreeSet::new();
    let items = &world.resolve.worlds[world.id];
    let imported = items.imports.iter().map(|(key, item)| (key, item, true));
    let exported = items.exports.iter().map(|(key, item)| (key, item, false));
    for (key, item, is_import) in imported.chain(exported) {
        match item {
            WorldItem::Interface { id, .. } => {
                let name = module_of(world, key);
                if written.insert(name.clone()) {
                    module(&mut text, &[&name, plain(&name)], |module| {
                        interface(world, *id, is_import, module);
                    });
                }
            }
            WorldItem::Function(function) if is_import => {
                module(&mut text, &[&function.name], |module| {
                    let name = export_function(world, function, Side::Import, Home::World, module);
                    let _ = writeln!(module, "  export default {name};");
                });
            }
            WorldItem::Function(_) | WorldItem::Type { .. } => {}
        }
    }
    let name = full_name(world);
    module(&mut text, &[&name, plain(&name)], |module| {
        own(world, module);
    });
    text
}

/// The name of the file that [`declarations`] makes, where [`check`] finds it.
pub(crate) const DECLARATIONS: &str = "world.d.ts";

/// The module that holds a program against the types of its world.
pub(crate) const CHECK_MODULE: &str = "check.ts";

/// The text of [`CHECK_MODULE`] for a program at `path`.
pub(super) fn check(world: &World, path: &str) -> String {
    format!(
        "/// <reference path=\"./{DECLARATIONS}\" />\n\
         import * as program from \"{path}\";\n\
         program satisfies typeof import(\"{}\");\n",
        full_name(world)
    )
}

/// Which way values go: what a program calls, or what it is called by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Import,
    /// A program may take its time: the runtime waits for promises.
    Export,
}

/// The module that a text is in: what is at home there needs no import.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    World,
    Interface(InterfaceId),
}

/// `example:shop/shop@1.0.0`.
fn full_name(world: &World) -> String {
    let item = &world.resolve.worlds[world.id];
    match item.package {
        Some(package) => world.resolve.id_of_name(package, &item.name),
        None => item.name.clone(),
    }
}

/// Without the version.
fn plain(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// The module of an interface; one that a world defines in place is below the world.
fn module_of(world: &World, key: &WorldKey) -> String {
    match key {
        WorldKey::Interface(_) => world.resolve.name_world_key(key),
        WorldKey::Name(name) => format!("{}/{name}", plain(&full_name(world))),
    }
}

/// One module under each of its `names`, the first of which has the text.
fn module(text: &mut String, names: &[&str], write: impl FnOnce(&mut String)) {
    let _ = writeln!(text, "\ndeclare module \"{}\" {{", names[0]);
    let start = text.len();
    write(text);
    if text.len() == start {
        text.push_str("  export {};\n");
    }
    text.push_str("}\n");
    for name in names.iter().skip(1).filter(|name| **name != names[0]) {
        let from = names[0];
        let _ = writeln!(
            text,
            "declare module \"{name}\" {{\n  export * from \"{from}\";\n}}"
        );
    }
}

/// The types of an interface, and its functions if a program can call them.
fn interface(world: &World, id: InterfaceId, is_import: bool, text: &mut String) {
    let home = Home::Interface(id);
    let interface = &world.resolve.interfaces[id];
    for id in interface.types.values() {
        named_type(world, *id, home, text);
    }
    if !is_import {
        return;
    }
    for function in interface.functions.values() {
        if function.kind.resource().is_none() {
            export_function(world, function, Side::Import, home, text);
        }
    }
}

/// The types of the world itself, and what a program exports.
fn own(world: &World, text: &mut String) {
    let items = &world.resolve.worlds[world.id];
    for item in items.imports.values() {
        if let WorldItem::Type { id, .. } = item {
            named_type(world, *id, Home::World, text);
        }
    }
    for (key, item) in &items.exports {
        match item {
            WorldItem::Function(function) => {
                export_function(world, function, Side::Export, Home::World, text);
            }
            // One of types alone is nothing that a program could export.
            WorldItem::Interface { id, .. }
                if world.resolve.interfaces[*id].functions.is_empty() => {}
            WorldItem::Interface { id, .. } => {
                let interface = &world.resolve.interfaces[*id];
                doc(text, "  ", &interface.docs, None);
                let name = camel(world.interface_name(key));
                let _ = writeln!(text, "  export const {name}: {{");
                for function in interface.functions.values() {
                    doc(
                        text,
                        "    ",
                        &function.docs,
                        thrown(world, function, Home::World),
                    );
                    let (parameters, result) =
                        signature(world, function, Side::Export, Home::World);
                    let name = camel(&function.name);
                    let _ = writeln!(text, "    {name}({parameters}): {result};");
                }
                text.push_str("  };\n");
            }
            WorldItem::Type { .. } => {}
        }
    }
}

fn export_function(
    world: &World,
    function: &Function,
    side: Side,
    home: Home,
    text: &mut String,
) -> String {
    let name = camel(&function.name);
    let (parameters, result) = signature(world, function, side, home);
    doc(text, "  ", &function.docs, thrown(world, function, home));
    if !is_reserved(&name) {
        let _ = writeln!(text, "  export function {name}({parameters}): {result};");
        return name;
    }
    // A module may export such a name, but not declare it.
    let _ = writeln!(text, "  function {name}_({parameters}): {result};");
    let _ = writeln!(text, "  export {{ {name}_ as {name} }};");
    format!("{name}_")
}

/// Parameters and result. What a `result` says of failing is thrown.
fn signature(world: &World, function: &Function, side: Side, home: Home) -> (String, String) {
    let is_method = matches!(
        function.kind,
        FunctionKind::Method(_) | FunctionKind::AsyncMethod(_)
    );
    let parameters = &function.params[usize::from(is_method)..];
    let last_wanted = parameters
        .iter()
        .rposition(|parameter| !may_lack(world, &parameter.ty));
    let parameters: Vec<String> = parameters
        .iter()
        .enumerate()
        .map(|(n, parameter)| {
            let name = camel(&parameter.name);
            let name = name.clone() + if is_reserved(&name) { "_" } else { "" };
            let mark = if last_wanted.is_none_or(|last| n > last) {
                "?"
            } else {
                ""
            };
            format!("{name}{mark}: {}", value(world, &parameter.ty, home))
        })
        .collect();
    let result = match &function.result {
        None => "void".to_owned(),
        Some(ty) => match outcome(world, ty) {
            Some((ok, _)) => ok.map_or_else(|| "void".to_owned(), |ty| value(world, &ty, home)),
            None => value(world, ty, home),
        },
    };
    let result = match side {
        Side::Import => result,
        Side::Export => format!("{result} | Promise<{result}>"),
    };
    (parameters.join(", "), result)
}

/// What a function throws, if its result is a `result`.
fn thrown(world: &World, function: &Function, home: Home) -> Option<String> {
    let (_, error) = outcome(world, function.result.as_ref()?)?;
    Some(error.map_or_else(|| "undefined".to_owned(), |ty| value(world, &ty, home)))
}

/// Both sides of a `result`.
fn outcome(world: &World, ty: &Type) -> Option<(Option<Type>, Option<Type>)> {
    match kind(world, ty)? {
        TypeDefKind::Result(result) => Some((result.ok, result.err)),
        _ => None,
    }
}

/// What a type is behind its aliases; nothing for a primitive one.
fn kind<'a>(world: &'a World, ty: &Type) -> Option<&'a TypeDefKind> {
    let Type::Id(id) = ty else { return None };
    match &world.resolve.types[*id].kind {
        TypeDefKind::Type(ty) => kind(world, ty),
        kind => Some(kind),
    }
}

fn is_option(world: &World, ty: &Type) -> bool {
    matches!(kind(world, ty), Some(TypeDefKind::Option(_)))
}

/// Whether `undefined` is a value of the type: of an option, but not of one in another.
fn may_lack(world: &World, ty: &Type) -> bool {
    matches!(kind(world, ty), Some(TypeDefKind::Option(inner)) if !is_option(world, inner))
}

/// The declaration of a type that has a name.
fn named_type(world: &World, id: TypeId, home: Home, text: &mut String) {
    let ty = &world.resolve.types[id];
    let name = pascal(ty.name.as_deref().unwrap_or_default());
    if ty.kind == TypeDefKind::Resource {
        return class(world, id, &name, home, text);
    }
    doc(text, "  ", &ty.docs, None);
    let _ = match &ty.kind {
        TypeDefKind::Record(record) => {
            let _ = writeln!(text, "  export interface {name} {{");
            for field in &record.fields {
                doc(text, "    ", &field.docs, None);
                let mark = if may_lack(world, &field.ty) { "?" } else { "" };
                let (field, ty) = (camel(&field.name), value(world, &field.ty, home));
                let _ = writeln!(text, "    {field}{mark}: {ty};");
            }
            writeln!(text, "  }}")
        }
        TypeDefKind::Flags(flags) => {
            let _ = writeln!(text, "  export interface {name} {{");
            for flag in &flags.flags {
                doc(text, "    ", &flag.docs, None);
                let _ = writeln!(text, "    {}?: boolean;", camel(&flag.name));
            }
            writeln!(text, "  }}")
        }
        TypeDefKind::Variant(variant) => {
            let _ = write!(text, "  export type {name} =");
            for case in &variant.cases {
                text.push('\n');
                doc(text, "    ", &case.docs, None);
                let _ = write!(text, "    | {}", tagged(world, &case.name, case.ty, home));
            }
            writeln!(text, ";")
        }
        TypeDefKind::Enum(cases) => {
            let cases: Vec<_> = cases
                .cases
                .iter()
                .map(|c| format!("{:?}", c.name))
                .collect();
            writeln!(text, "  export type {name} = {};", cases.join(" | "))
        }
        kind => writeln!(
            text,
            "  export type {name} = {};",
            of_kind(world, kind, home)
        ),
    };
}

/// A resource of an imported interface.
fn class(world: &World, id: TypeId, name: &str, home: Home, text: &mut String) {
    doc(text, "  ", &world.resolve.types[id].docs, None);
    let _ = writeln!(text, "  export class {name} {{");
    let functions = match home {
        Home::Interface(home) => world.resolve.interfaces[home].functions.values(),
        Home::World => return text.push_str("  }\n"),
    };
    let own: Vec<_> = functions
        .filter(|function| function.kind.resource() == Some(id))
        .collect();
    let is_constructor = |f: &&Function| matches!(f.kind, FunctionKind::Constructor(_));
    if !own.iter().any(is_constructor) {
        text.push_str("    private constructor();\n");
    }
    for function in own {
        doc(text, "    ", &function.docs, thrown(world, function, home));
        let (parameters, result) = signature(world, function, Side::Import, home);
        let name = camel(function.item_name());
        let _ = match function.kind {
            FunctionKind::Constructor(_) => writeln!(text, "    constructor({parameters});"),
            FunctionKind::Static(_) => {
                writeln!(text, "    static {name}({parameters}): {result};")
            }
            _ => writeln!(text, "    {name}({parameters}): {result};"),
        };
    }
    text.push_str("  }\n");
}

/// The type of a value, by its name if it has one.
fn value(world: &World, ty: &Type, home: Home) -> String {
    let plain = match ty {
        Type::Bool => "boolean",
        Type::S64 | Type::U64 => "bigint",
        Type::Char | Type::String => "string",
        Type::Id(id) => return defined(world, *id, home),
        _ => "number",
    };
    plain.to_owned()
}

fn defined(world: &World, id: TypeId, home: Home) -> String {
    let ty = &world.resolve.types[id];
    let Some(name) = &ty.name else {
        return of_kind(world, &ty.kind, home);
    };
    let name = pascal(name);
    let owner = match ty.owner {
        TypeOwner::World(_) => Home::World,
        TypeOwner::Interface(id) => Home::Interface(id),
        TypeOwner::None => return of_kind(world, &ty.kind, home),
    };
    if owner == home {
        return name;
    }
    let module = match owner {
        Home::World => full_name(world),
        Home::Interface(id) => match world.resolve.id_of(id) {
            Some(module) => module,
            None => in_place(world, id),
        },
    };
    format!("import(\"{module}\").{name}")
}

/// The module of an interface that the world defines in place.
fn in_place(world: &World, wanted: InterfaceId) -> String {
    let items = &world.resolve.worlds[world.id];
    let mut all = items.imports.iter().chain(&items.exports);
    let found = all.find_map(|(key, item)| match item {
        WorldItem::Interface { id, .. } if *id == wanted => Some(module_of(world, key)),
        _ => None,
    });
    found.expect("an interface without a name is an item of the world")
}

/// The type without a name of its own.
fn of_kind(world: &World, of: &TypeDefKind, home: Home) -> String {
    match of {
        TypeDefKind::Type(ty) => value(world, ty, home),
        TypeDefKind::Option(inner) => {
            let some = value(world, inner, home);
            // Else nothing would tell `none` from `some(none)`.
            if is_option(world, inner) {
                format!("{{ tag: \"some\"; val?: {some} }} | {{ tag: \"none\" }}")
            } else {
                format!("{some} | undefined")
            }
        }
        TypeDefKind::List(element) => list(world, element, home),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<_> = tuple
                .types
                .iter()
                .map(|ty| value(world, ty, home))
                .collect();
            format!("[{}]", types.join(", "))
        }
        TypeDefKind::Result(result) => {
            let (ok, err) = (
                tagged(world, "ok", result.ok, home),
                tagged(world, "err", result.err, home),
            );
            format!("{ok} | {err}")
        }
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => defined(world, *id, home),
        // All else has a name, or was refused.
        _ => "unknown".to_owned(),
    }
}

/// Numbers lie in memory as in a typed array; anything else is an array.
fn list(world: &World, element: &Type, home: Home) -> String {
    let mut number = *element;
    while let Type::Id(id) = number
        && let TypeDefKind::Type(ty) = &world.resolve.types[id].kind
    {
        number = *ty;
    }
    let typed = match number {
        Type::S8 => "Int8Array",
        Type::U8 => "Uint8Array",
        Type::S16 => "Int16Array",
        Type::U16 => "Uint16Array",
        Type::S32 => "Int32Array",
        Type::U32 => "Uint32Array",
        Type::S64 => "BigInt64Array",
        Type::U64 => "BigUint64Array",
        Type::F32 => "Float32Array",
        Type::F64 => "Float64Array",
        _ => {
            let element = value(world, element, home);
            return if element.contains(" | ") {
                format!("({element})[]")
            } else {
                format!("{element}[]")
            };
        }
    };
    typed.to_owned()
}

fn tagged(world: &World, tag: &str, ty: Option<Type>, home: Home) -> String {
    match ty {
        None => format!("{{ tag: {tag:?} }}"),
        Some(ty) => format!("{{ tag: {tag:?}; val: {} }}", value(world, &ty, home)),
    }
}

/// What WIT says of an item, as a comment that editors show.
fn doc(text: &mut String, indent: &str, docs: &Docs, throws: Option<String>) {
    let words = docs.contents.as_deref().unwrap_or_default().trim();
    // The end of a comment inside of one would end it.
    let words = words.replace("*/", "*\\/");
    let mut lines: Vec<String> = words
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    if let Some(thrown) = throws {
        lines.push(format!("@throws {{{thrown}}}"));
    }
    match lines.as_slice() {
        [] => {}
        [line] => {
            let _ = writeln!(text, "{indent}/** {line} */");
        }
        lines => {
            let _ = writeln!(text, "{indent}/**");
            for line in lines {
                let _ = writeln!(text, "{}", format!("{indent} * {line}").trim_end());
            }
            let _ = writeln!(text, "{indent} */");
        }
    }
}

/// ECMAScript 2024, 12.7.2: words that name nothing in a module.
fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 46] = [
        "arguments",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "eval",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "function",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "package",
        "private",
        "protected",
        "public",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "typeof",
        "var",
        "void",
        "while",
    ];
    RESERVED.contains(&name) || name == "with" || name == "yield"
}
