//! Guests by name, as components: a core module with the WIT of its world, or a
//! command of preview 1 with the public adapter.
#![expect(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "short texts of modules, made once"
)]

use wb_dock::wit::{DOCK, ENGINE, WASI};
use wb_dock::{Component, ComponentProgram, Engine, Grant, Services};
use wb_policy::{Cap, CapSet, Limits, Profile, Profiles, Trust};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, PackageId, Resolve, SourceMap, WorldItem};

/// Adds a package of named files to `resolve`.
pub(crate) fn push(resolve: &mut Resolve, files: &[(&str, &str)]) -> PackageId {
    let mut map = SourceMap::default();
    for (name, text) in files {
        map.push_str(name, *text);
    }
    let group = map.parse().map_err(|(_, error)| error).unwrap();
    resolve.push_group(group).unwrap()
}

/// Every package there is, and then the one in `wit`.
pub(crate) fn resolve(wit: &str) -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    for package in WASI.iter().chain([&DOCK, &ENGINE]) {
        push(&mut resolve, package.files);
    }
    let own = push(&mut resolve, &[("guest.wit", wit)]);
    (resolve, own)
}

/// A component of a core module in WAT and the world `guest` in `wit`.
pub(crate) fn component_of(wit: &str, wat: &str) -> Vec<u8> {
    let (resolve, own) = resolve(wit);
    let world = resolve.select_world(&[own], Some("guest")).unwrap();
    let mut core = wat::parse_str(wat).unwrap();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().validate(true);
    encoder.module(&core).unwrap().encode().unwrap()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The guest called `name` of `tests/component/guests`.
pub(crate) fn wasm(name: &str) -> Vec<u8> {
    let path = |kind: &str| text(&format!("component/guests/{name}.{kind}"));
    component_of(&path("wit"), &path("wat"))
}

/// The command called `name` of `tests/guests`, as a component.
pub(crate) fn adapted(name: &str) -> Vec<u8> {
    use wasi_preview1_component_adapter_provider::{
        WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as NAME,
        WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as ADAPTER,
    };
    let core = wat::parse_str(text(&format!("guests/{name}.wat"))).unwrap();
    let encoder = ComponentEncoder::default().validate(true);
    let encoder = encoder.module(&core).unwrap();
    encoder.adapter(NAME, ADAPTER).unwrap().encode().unwrap()
}

pub(crate) fn program(name: &str) -> ComponentProgram {
    Engine::new().unwrap().load_component(&wasm(name)).unwrap()
}

pub(crate) fn admit(name: &str, grant: &Grant) -> Component {
    program(name).admit(grant, &Services::default()).unwrap()
}

/// A guest that is granted nothing.
pub(crate) fn component(name: &str) -> Component {
    admit(name, &Grant::none())
}

/// The limits of `compute`, changed.
pub(crate) fn limited(change: impl FnOnce(&mut Limits)) -> Grant {
    let mut limits = Profile::compute().limits();
    change(&mut limits);
    Grant::none().narrow_limits(limits)
}

/// A grant of `caps` under a profile that has them all.
pub(crate) fn granting(caps: &[Cap]) -> Grant {
    let profile = "[profiles.test]\nextends = \"posix\"\nadd-caps = [\"frames\"]\n";
    let profiles = Profiles::from_toml(profile).unwrap();
    let declared: CapSet = caps.iter().copied().collect();
    let profile = profiles.get("test").unwrap();
    Grant::decide(declared, Trust::FirstParty, profile, None).unwrap()
}

/// A component that exports what it imports, and passes each call on: `items` are
/// interfaces, or functions of a world.
pub(crate) fn proxy(items: &[&str]) -> Vec<u8> {
    let each = |direction: &str| -> String {
        items
            .iter()
            .map(|item| format!("{direction} {item};\n"))
            .collect()
    };
    let (imports, exports) = (each("import"), each("export"));
    let wit = format!("package test:guest;\nworld guest {{\n{imports}{exports}}}\n");
    let (resolve, own) = resolve(&wit);
    let world = resolve.select_world(&[own], Some("guest")).unwrap();
    let mut wat = Forwarder::default();
    for (key, item) in &resolve.worlds[world].exports {
        match item {
            WorldItem::Function(function) => wat.pass(&resolve, None, function),
            WorldItem::Interface { id, .. } => {
                let name = resolve.name_world_key(key);
                for function in resolve.interfaces[*id].functions.values() {
                    wat.pass(&resolve, Some(&name), function);
                }
            }
            WorldItem::Type { .. } => {}
        }
    }
    component_of(&wit, &wat.module())
}

/// A component that imports an interface whole, and does nothing with it.
pub(crate) fn importer(interface: &str) -> Vec<u8> {
    let wit = format!("package test:guest;\nworld guest {{ import {interface}; }}\n");
    let (resolve, own) = resolve(&wit);
    let world = resolve.select_world(&[own], Some("guest")).unwrap();
    let mut wat = Forwarder::default();
    for (key, item) in &resolve.worlds[world].imports {
        if let WorldItem::Interface { id, .. } = item {
            let name = resolve.name_world_key(key);
            for function in resolve.interfaces[*id].functions.values() {
                wat.import(&resolve, &name, &function.name, function);
            }
        }
    }
    component_of(&wit, &wat.module())
}

/// A core module whose exports call its imports.
#[derive(Default)]
struct Forwarder {
    imports: String,
    functions: String,
}

impl Forwarder {
    fn pass(&mut self, resolve: &Resolve, interface: Option<&str>, function: &Function) {
        let name = &function.name;
        let import = resolve.wasm_signature(AbiVariant::GuestImport, function);
        let export = resolve.wasm_signature(AbiVariant::GuestExport, function);
        assert!(
            !import.indirect_params,
            "{name} has too many parameters for this"
        );
        let module = interface.unwrap_or("$root");
        let exported = interface.map_or(name.clone(), |module| format!("{module}#{name}"));
        self.import(resolve, module, &exported, function);
        let given: String = (0..export.params.len())
            .map(|index| format!("(local.get {index}) "))
            .collect();
        // Results that are more than one number lie at 16.
        let (place, back) = if import.retptr {
            ("(i32.const 16)", "(i32.const 16)")
        } else {
            ("", "")
        };
        self.functions += &format!(
            "(func (export \"{exported}\") {} {} {given} {place} (call ${exported}) {back})\n",
            types("param", &export.params),
            types("result", &export.results),
        );
    }

    fn import(&mut self, resolve: &Resolve, module: &str, id: &str, function: &Function) {
        let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
        // Names of methods have brackets, which names of WAT have not.
        let id = id.replace(['[', ']'], "");
        self.imports += &format!(
            "(import \"{module}\" \"{}\" (func ${id} {} {}))\n",
            function.name,
            types("param", &signature.params),
            types("result", &signature.results),
        );
    }

    fn module(&self) -> String {
        format!(
            r#"(module {}
              (memory (export "memory") 64)
              (global $next (mut i32) (i32.const 4096))
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
                (global.get $next)
                (global.set $next (i32.add (global.get $next) (local.get 3))))
              {})"#,
            self.imports, self.functions
        )
    }
}

fn types(kind: &str, types: &[WasmType]) -> String {
    let names = types.iter().map(|ty| match ty {
        WasmType::I64 | WasmType::PointerOrI64 => " i64",
        WasmType::F32 => " f32",
        WasmType::F64 => " f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => " i32",
    });
    format!("({kind}{})", names.collect::<String>())
}
