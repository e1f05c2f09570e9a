//! Guests by name, as components: a core module with the WIT of its world, or a
//! command of preview 1 with the public adapter.

use wb_dock::wit::{DOCK, ENGINE, WASI};
use wb_dock::{Component, ComponentProgram, Engine, Grant, Services};
use wb_policy::{Cap, CapSet, Limits, Profile, Profiles, Trust};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap};

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
