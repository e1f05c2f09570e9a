//! Makes `wb-build/toolchains.toml` anew: fetches and builds every pack, and
//! rewrites the digests and sizes of their members in place.
//!
//! `cargo run --release -p wb-host --example relock [LOCK]`, with `WB_HOME` set
//! to a directory that may be filled.

#![expect(clippy::print_stderr, reason = "a maintainer watches it")]

use std::path::{Path, PathBuf};

use wb_build::toolchain::Lock;
use wb_host::Home;
use wb_host::toolchain::{Phase, Progress, Toolchains};

struct Lines;

impl Progress for Lines {
    fn start(&self, pack: &str, phase: Phase, total: Option<u64>) {
        eprintln!("{pack}: {} {total:?}", phase.name());
    }
    fn advance(&self, _: &str, _: Phase, _: u64) {}
    fn finish(&self, pack: &str, phase: Phase) {
        eprintln!("{pack}: {} done", phase.name());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = Home::discover(|name| std::env::var_os(name))?;
    let engine = wb_dock::Engine::builder().code_cache(home.code()).build()?;
    let path = std::env::args_os().nth(1).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wb-build/toolchains.toml"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&path)?;
    let mut toolchains = Toolchains::new(&home, &engine).with_lock(Lock::parse(&text)?);
    let result = toolchains.relock(&Lines);
    // What was measured before a fault is worth keeping.
    std::fs::write(&path, repinned(&text, toolchains.lock()))?;
    Ok(result?)
}

/// The text with the digests and sizes of `lock`; comments and order stay.
fn repinned(text: &str, lock: &Lock) -> String {
    let (mut pack, mut member) = (String::new(), String::new());
    let mut in_member = false;
    let mut out = Vec::new();
    for line in text.lines() {
        let value = |key: &str| line.strip_prefix(key)?.strip_prefix(" = ");
        if line.starts_with('[') {
            in_member = line.ends_with(".member]]");
        }
        if let Some(name) = value("name") {
            let name = name.trim_matches('"').to_owned();
            if in_member {
                member = name;
            } else {
                pack = name;
            }
        }
        let pinned = lock
            .find(&pack)
            .ok()
            .filter(|_| in_member)
            .and_then(|p| p.members().iter().find(|m| m.name == member));
        match (pinned, value("sha256"), value("size")) {
            (Some(pinned), Some(_), _) => out.push(format!("sha256 = \"{}\"", pinned.sha256)),
            (Some(pinned), _, Some(_)) => out.push(format!("size = {}", pinned.size)),
            _ => out.push(line.to_owned()),
        }
    }
    out.join("\n") + "\n"
}
