//! Guests by name, and grants to run them under.

use std::time::Duration;

use wb_dock::{
    Command, Engine, EngineBuilder, Error, Grant, Invocation, Outcome, Program, Services,
};
use wb_policy::{Cap, CapSet, Limits, Profile, Profiles, Trust};

/// The wasm of a guest.
pub(crate) fn wasm(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/guests/{name}.wat", env!("CARGO_MANIFEST_DIR"));
    wat::parse_file(path).unwrap()
}

pub(crate) fn program(engine: &Engine, name: &str) -> Program {
    engine.load(&wasm(name)).unwrap()
}

/// A guest that is granted nothing.
pub(crate) fn command(name: &str) -> Command {
    admit(name, &Grant::none())
}

pub(crate) fn admit(name: &str, grant: &Grant) -> Command {
    let program = program(&Engine::new().unwrap(), name);
    program.admit(grant, &Services::default()).unwrap()
}

/// Runs a guest that is granted nothing and told nothing.
pub(crate) fn run(name: &str) -> Result<Outcome, Error> {
    command(name).run(Invocation::new(name))
}

/// Runs a guest under changed limits.
pub(crate) fn run_limited(name: &str, change: impl FnOnce(&mut Limits)) -> Result<Outcome, Error> {
    admit(name, &limited(change)).run(Invocation::new(name))
}

/// The limits of `compute`, changed.
pub(crate) fn limited(change: impl FnOnce(&mut Limits)) -> Grant {
    let mut limits = Profile::compute().limits();
    change(&mut limits);
    Grant::none().narrow_limits(limits)
}

pub(crate) fn wall(limit: Duration) -> Grant {
    limited(|limits| limits.wall = limit)
}

/// A grant of `caps` under a profile that has them all.
pub(crate) fn granting(caps: &[Cap]) -> Grant {
    let profile = "[profiles.test]\nextends = \"posix\"\nadd-caps = [\"frames\"]\n";
    let profiles = Profiles::from_toml(profile).unwrap();
    let declared: CapSet = caps.iter().copied().collect();
    let profile = profiles.get("test").unwrap();
    Grant::decide(declared, Trust::FirstParty, profile, None).unwrap()
}

/// Every kind of engine that a guest may meet.
pub(crate) fn engines() -> [(&'static str, EngineBuilder); 2] {
    [
        ("on demand", Engine::builder()),
        ("pooling", Engine::builder().pooling(16)),
    ]
}
