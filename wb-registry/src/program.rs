//! What a wasm binary imports and exports, read without an engine.

use std::collections::BTreeSet;

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType,
    ComponentTypeRef, Encoding, InstanceTypeDeclaration, Parser, Payload, TypeBounds,
};
use wb_policy::{Import, Requirement};

/// The outside of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramShape<'a> {
    /// Whether it is a component rather than a core module.
    pub is_component: bool,
    /// What it imports, in its own order and each name once. The types of somebody's
    /// own interface give no power to anybody: they are left out.
    pub imports: Vec<Import<'a>>,
    /// What it exports.
    pub exports: Vec<&'a str>,
}

/// Bytes that are not wasm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a wasm binary: {0}")]
pub struct NotWasm(String);

impl<'a> ProgramShape<'a> {
    /// Reads the outside of `wasm`.
    ///
    /// The code is not looked at; that it is valid is for admission to say.
    ///
    /// # Errors
    ///
    /// [`NotWasm`] for bytes that are cut off or no wasm at all.
    pub fn read(wasm: &'a [u8]) -> Result<Self, NotWasm> {
        // "\0asm", WebAssembly Core Specification 5.5.16; the parser's own
        // message for this case has many lines.
        if !wasm.starts_with(b"\0asm") {
            return Err(NotWasm("it does not begin with `\\0asm`".to_owned()));
        }
        let refused = |error: wasmparser::BinaryReaderError| {
            NotWasm(
                error
                    .message()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            )
        };
        let mut is_component = false;
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        let mut add = |import: Import<'a>| {
            if seen.insert(import) {
                imports.push(import);
            }
        };
        // What a component holds inside of itself is its own affair.
        let mut depth = 0_usize;
        let mut types = TypesAlone::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(refused)? {
                Payload::Version { encoding, .. } if depth == 0 => {
                    is_component = encoding == Encoding::Component;
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.map_err(refused)?;
                        add(Import::Core {
                            module: import.module,
                            name: import.name,
                        });
                    }
                }
                Payload::ComponentImportSection(section) => {
                    for import in section {
                        let import = import.map_err(refused)?;
                        let name = Import::Component(import.name.name);
                        let powerless = types.import(&import.ty);
                        if !powerless || name.requirement() != Requirement::Unknown {
                            add(name);
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        exports.push(export.map_err(refused)?.name);
                    }
                }
                Payload::ComponentExportSection(section) => {
                    for export in section {
                        let export = export.map_err(refused)?;
                        types.export(export.kind);
                        exports.push(export.name.name);
                    }
                }
                Payload::ComponentTypeSection(section) => {
                    for ty in section {
                        types.define(&ty.map_err(refused)?);
                    }
                }
                Payload::ComponentAliasSection(section) => {
                    for alias in section {
                        types.alias(&alias.map_err(refused)?);
                    }
                }
                _ => {}
            }
        }
        Ok(Self {
            is_component,
            imports,
            exports,
        })
    }

    /// Whether it exports `name`.
    pub fn has_export(&self, name: &str) -> bool {
        self.exports.contains(&name)
    }
}

/// For each type of a component, in the order of its index space, whether it is that
/// of an instance with nothing but types.
#[derive(Default)]
struct TypesAlone(Vec<bool>);

impl TypesAlone {
    fn define(&mut self, ty: &ComponentType<'_>) {
        let alone = match ty {
            ComponentType::Instance(declarations) => declarations.iter().all(|d| match d {
                InstanceTypeDeclaration::Export { ty, .. } => {
                    matches!(ty, ComponentTypeRef::Type(TypeBounds::Eq(_)))
                }
                _ => true,
            }),
            _ => false,
        };
        self.0.push(alone);
    }

    /// Whether an import is of types alone.
    fn import(&mut self, ty: &ComponentTypeRef) -> bool {
        match ty {
            ComponentTypeRef::Type(bounds) => {
                self.0.push(false);
                matches!(bounds, TypeBounds::Eq(_))
            }
            ComponentTypeRef::Instance(ty) => self.0.get(*ty as usize).copied().unwrap_or(false),
            _ => false,
        }
    }

    fn export(&mut self, kind: ComponentExternalKind) {
        if kind == ComponentExternalKind::Type {
            self.0.push(false);
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        let is_type = match alias {
            ComponentAlias::InstanceExport { kind, .. } => *kind == ComponentExternalKind::Type,
            ComponentAlias::Outer { kind, .. } => *kind == ComponentOuterAliasKind::Type,
            ComponentAlias::CoreInstanceExport { .. } => false,
        };
        if is_type {
            self.0.push(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_module_shows_its_outside() {
        let wasm = wat::parse_str(
            r#"(module
                (import "wb:commands" "run" (func (param i32 i32 i32 i32 i32 i32) (result i32)))
                (import "wb:commands" "run" (func))
                (memory (export "memory") 1)
                (func (export "_start")))"#,
        )
        .unwrap();
        let shape = ProgramShape::read(&wasm).unwrap();
        assert!(!shape.is_component && shape.has_export("_start"));
        let run = Import::Core {
            module: "wb:commands",
            name: "run",
        };
        assert_eq!(shape.imports, [run]);
    }

    #[test]
    fn what_a_component_holds_inside_does_not_count() {
        let wasm = wat::parse_str(
            r#"(component
                (import "session-info" (func (result string)))
                (component (import "llm-complete" (func)))
                (core module (import "env" "inner" (func)))
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "f"))))"#,
        )
        .unwrap();
        let shape = ProgramShape::read(&wasm).unwrap();
        assert!(shape.is_component && shape.has_export("run"));
        assert_eq!(shape.imports, [Import::Component("session-info")]);
    }

    #[test]
    fn types_of_an_own_interface_are_no_import() {
        let wasm = wat::parse_str(
            r#"(component
                (type (instance (type (enum "a")) (export "kind" (type (eq 0)))))
                (import "own:types/kinds" (instance $kinds (type 0)))
                (alias export $kinds "kind" (type $kind))
                (import "kind" (type (eq $kind)))
                (type (instance (export "f" (func))))
                (import "own:calls/f" (instance (type 3)))
                (import "workbooks:dock/types@1.0.0" (instance)))"#,
        )
        .unwrap();
        let shape = ProgramShape::read(&wasm).unwrap();
        let names: Vec<_> = shape.imports.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["own:calls/f", "workbooks:dock/types@1.0.0"]);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(bytes: Vec<u8>, cut in 0_usize..60) {
            let _ = ProgramShape::read(&bytes);
            let wasm = wat::parse_str("(module (import \"a\" \"b\" (func)) (memory (export \"m\") 1))").unwrap();
            let _ = ProgramShape::read(&wasm[..cut.min(wasm.len())]);
        }
    }
}
