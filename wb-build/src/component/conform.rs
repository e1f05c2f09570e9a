//! Whether a component, wherever it is from, is one of a world.

use wac_graph::types::{ItemKind, Package, Type, Types, WorldId, validate_target};
use wb_manifest::Tree;

use super::compose::line;
use super::{World, sources};

/// Holds a component to the world `world` (as `#+WIT` names it) of a toolkit whose
/// folder `wit` is `wit`: it exports what the world exports, with these types, and
/// what it imports of the world has the world's types.
///
/// Imports beside the world are let pass: what they may be is for capabilities to say.
///
/// # Errors
///
/// What is missing or is of another type, each in words.
///
/// # Examples
///
/// ```
/// use wb_manifest::Tree;
///
/// let empty = wat::parse_str("(component)")?;
/// let missing = wb_build::conforms(&empty, "engine", &Tree::new()).unwrap_err();
/// assert_eq!(missing, ["world `engine`: no export `run`"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn conforms(component: &[u8], world: &str, wit: &Tree) -> Result<(), Vec<String>> {
    let read = World::read(&sources(wit), world).map_err(|fault| vec![fault.message])?;
    let found = against(component, &read).map_err(|fault| vec![fault])?;
    if found.is_empty() {
        return Ok(());
    }
    let told = |fault| format!("world `{}`: {fault}", read.name());
    Err(found.into_iter().map(told).collect())
}

fn against(component: &[u8], world: &World) -> Result<Vec<String>, String> {
    let mut types = Types::default();
    let wanted = wanted(world, &mut types)?;
    let component = Package::from_bytes("wb:component", None, component, &mut types)
        .map_err(|error| line(&format!("no component: {error:#}")))?;
    let Err(report) = validate_target(&types, wanted, component.ty()) else {
        return Ok(Vec::new());
    };
    let missing = report
        .missing_exports()
        .map(|(name, _)| format!("no export `{name}`"));
    let mismatched = report.mismatched_types().map(|(name, kind, error)| {
        let kind = kind.to_string();
        line(&format!("the {kind} `{name}` has another type: {error:#}"))
    });
    Ok(missing.chain(mismatched).collect())
}

/// The world as a type: the package of WIT in its binary form has it as that of a
/// component which is exported by a component of the world's name.
fn wanted(world: &World, types: &mut Types) -> Result<WorldId, String> {
    let package = world.resolve.worlds[world.id].package;
    let package = package.expect("worlds that are read from text are in a package");
    let binary = wit_component::encode(&world.resolve, package)
        .map_err(|error| line(&format!("the world cannot be encoded: {error:#}")))?;
    let package = Package::from_bytes("wb:world", None, binary, types)
        .map_err(|error| line(&format!("the world cannot be read: {error:#}")))?;
    let outer = types[package.ty()].exports.get(world.name());
    let inner = match outer {
        Some(ItemKind::Type(Type::World(outer))) => types[*outer].exports.values().next(),
        _ => None,
    };
    match inner {
        Some(ItemKind::Component(id)) => Ok(*id),
        _ => Err(format!("`{}` is not encoded as a world", world.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wit() -> Tree {
        let text = "package example:pair@1.0.0;\n\
                    interface numbers { one: func() -> u32; }\n\
                    world pair { import session: func() -> u32; export numbers; export two: func() -> u32; }\n";
        std::iter::once(("pair.wit".parse().expect("a plain name"), text.into())).collect()
    }

    fn component(session: &str, two: &str, numbers: &str) -> Vec<u8> {
        let text = format!(
            r#"(component
                (import "session" (func (result {session})))
                (core module $m (func (export "n") (result i32) i32.const 7))
                (core instance $i (instantiate $m))
                (func $n (result u32) (canon lift (core func $i "n")))
                (func $s (result s32) (canon lift (core func $i "n")))
                (instance $o (export "one" (func $n)))
                (export "{numbers}" (instance $o))
                (export "two" (func ${two})))"#
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn names_and_types_of_all_exports_are_compared() {
        let whole = component("u32", "n", "example:pair/numbers@1.0.0");
        assert_eq!(conforms(&whole, "pair", &wit()), Ok(()));
        let lacking = component("u32", "n", "example:pair/words@1.0.0");
        assert_eq!(
            conforms(&lacking, "pair", &wit()).unwrap_err(),
            ["world `pair`: no export `example:pair/numbers@1.0.0`"]
        );
        let other = component("string", "s", "example:pair/numbers@1.0.0");
        let told = conforms(&other, "pair", &wit()).unwrap_err();
        assert_eq!(told.len(), 2, "{told:#?}");
        assert!(told[0].starts_with("world `pair`: the import `session` has another type: "));
        assert!(told[1].starts_with("world `pair`: the export `two` has another type: "));
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let told = conforms(b"\0asm\x01\0\0\0", "pair", &wit()).unwrap_err();
        assert!(told[0].starts_with("no component: "), "{told:#?}");
        let told = conforms(&[], "trio", &wit()).unwrap_err();
        assert!(told[0].starts_with("no world `trio`"), "{told:#?}");
    }
}
