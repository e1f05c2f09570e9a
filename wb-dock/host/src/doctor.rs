//! A look over the machine and the nexus: what works, what does not, what to do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;
use wb_registry::Store as _;

use crate::atomic::{self, Mode};
use crate::nexus::Nexus;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    /// Something that is as it should be.
    pub fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            ok: true,
            found: found.into(),
            hint: None,
        }
    }

    /// Something that is not, and what to do about it.
    pub fn bad(name: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            name,
            ok: false,
            found: found.into(),
            hint: Some(hint.into()),
        }
    }
}

/// Looks over the nexus and the programs that fetch compilers.
pub fn examine(nexus: &Nexus) -> Vec<Check> {
    let mut checks = vec![
        home(nexus),
        registry(nexus),
        artifacts(nexus),
        toolchains(nexus),
    ];
    checks.push(config(nexus));
    checks.extend(native_programs(nexus));
    #[cfg(target_os = "linux")]
    checks.extend(tiers());
    checks.extend(["npm", "cargo"].map(client));
    checks
}

fn config(nexus: &Nexus) -> Check {
    match nexus.config() {
        Ok(_) => Check::good("config", "`config.toml` is absent or can be used"),
        Err(error) => Check::bad(
            "config",
            error.to_string(),
            "mend `config.toml` in the nexus; nothing runs until then",
        ),
    }
}

/// The native programs that the deployer lets run, if any.
fn native_programs(nexus: &Nexus) -> Option<Check> {
    let programs = &nexus.config().ok()?.posix;
    let names: Vec<_> = programs.names().collect();
    let is_here = |name: &&str| {
        programs
            .find(name)
            .is_some_and(|file| file.is_absolute() && file.is_file())
    };
    let (here, missing): (Vec<_>, Vec<_>) = names.into_iter().partition(is_here);
    let list = |names: &[&str]| names.join(", ");
    match (&here[..], &missing[..]) {
        ([], []) => None,
        (here, []) => Some(Check::good("native", list(here))),
        (_, missing) => Some(Check::bad(
            "native",
            format!("not on the PATH: {}", list(missing)),
            "install them, or name their files in `config.toml` by absolute paths",
        )),
    }
}

/// The cages that this machine has for runs outside of this process.
///
/// One that is missing is nothing bad by itself: a run that needs it says so.
#[cfg(target_os = "linux")]
fn tiers() -> Vec<Check> {
    // Only a program that can be its own worker may be started as one.
    let worker = wb_tier::Process::new().ok();
    let Some(worker) = worker.and_then(|_| std::env::current_exe().ok()) else {
        return Vec::new();
    };
    let tiers = wb_tier::probe(&worker).into_iter();
    tiers
        .map(|probe| match probe.found {
            Ok(found) => Check::good("tier", format!("{}: {found}", probe.tier)),
            Err(wb_tier::Error::Unavailable(absent)) => Check {
                hint: Some(absent.remedy),
                ..Check::good(
                    "tier",
                    format!("{}: not here: {}", probe.tier, absent.missing),
                )
            },
            Err(error) => Check::good("tier", format!("{}: not here: {error}", probe.tier)),
        })
        .collect()
}

/// Whether the nexus can be written to, and by nobody else.
fn home(nexus: &Nexus) -> Check {
    let root = nexus.home().root();
    let private = || {
        atomic::create_dir(root, Mode::Private)?;
        // A file that vanishes with its handle.
        tempfile::tempfile_in(root)?;
        Ok::<_, std::io::Error>(is_private(root))
    };
    match private() {
        Ok(true) => Check::good("nexus", "writable, and yours alone"),
        Ok(false) => Check::bad(
            "nexus",
            "other users can look into it",
            "take their permissions away: chmod 700",
        ),
        Err(error) => Check::bad(
            "nexus",
            format!("it cannot be written to: {}", error.kind()),
            "set `WB_HOME` to a directory of your own",
        ),
    }
}

/// Whether the six bits of group and others are clear.
#[cfg(unix)]
fn is_private(dir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(dir).is_ok_and(|meta| meta.permissions().mode().trailing_zeros() >= 6)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    true
}

/// `1 pack`, `2 packs`.
fn counted(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

fn registry(nexus: &Nexus) -> Check {
    match nexus.table() {
        Ok((table, skipped)) if skipped.is_empty() => {
            Check::good("registry", counted(table.len(), "command"))
        }
        Ok((_, skipped)) => {
            let all: Vec<_> = skipped.iter().map(ToString::to_string).collect();
            let hint = "build those toolkits again, or forget them: wbx toolkit remove NAME";
            Check::bad("registry", all.join("; "), hint)
        }
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            Check::bad("registry", error.to_string(), hint)
        }
    }
}

/// Hashes every stored artifact, stamped or not.
fn artifacts(nexus: &Nexus) -> Check {
    let store = nexus.store();
    let digests = match store.list() {
        Ok(digests) => digests,
        Err(error) => {
            let hint = "see that the disk is mounted and the directory is yours";
            return Check::bad("artifacts", error.to_string(), hint);
        }
    };
    let damaged: Vec<_> = digests
        .iter()
        .filter_map(|digest| store.rehash(digest).err())
        .map(|error| error.to_string())
        .collect();
    if damaged.is_empty() {
        let stored = digests.len();
        return Check::good(
            "artifacts",
            format!("{stored} stored, every digest is right"),
        );
    }
    let hint = "build them again: the same source gives the same artifact";
    Check::bad("artifacts", damaged.join("; "), hint)
}

/// Whether the compilers are there; their bytes are for `toolchain verify`.
fn toolchains(nexus: &Nexus) -> Check {
    let packs = match nexus.toolchains() {
        Ok(toolchains) => toolchains.list(),
        Err(error) => {
            let hint = "this machine cannot run wasm with this version";
            return Check::bad("toolchains", error.to_string(), hint);
        }
    };
    let absent: Vec<_> = packs.iter().filter(|pack| !pack.ready()).collect();
    if absent.is_empty() {
        return Check::good(
            "toolchains",
            format!("{} installed and compiled", counted(packs.len(), "pack")),
        );
    }
    let names: Vec<_> = absent.iter().map(|pack| pack.name.as_str()).collect();
    let found = format!("not installed or not compiled: {}", names.join(" "));
    let hint = format!("install them: wbx toolchain install {}", names.join(" "));
    Check::bad("toolchains", found, hint)
}

/// Whether a registry client that toolchains are fetched with is there.
fn client(program: &'static str) -> Check {
    let version = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match version {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Check::good(program, text.lines().next().unwrap_or_default().trim())
        }
        _ => Check::bad(
            program,
            "not found on the PATH",
            match program {
                "npm" => {
                    "it comes with Node.js; or bring the toolchains along: `wbx toolchain import`"
                }
                _ => "it comes with Rust; or bring the toolchains along: `wbx toolchain import`",
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Home;

    #[test]
    fn damage_is_found_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let nexus = Nexus::open(Home::at(dir.path().join("nexus")));
        let found = |name: &str| {
            let checks = examine(&nexus);
            checks.into_iter().find(|check| check.name == name).unwrap()
        };
        assert!(found("nexus").ok && found("registry").ok && found("artifacts").ok);

        let digest = nexus.store().put(b"\0asm").unwrap();
        let path = nexus.store().path(&digest).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "other").unwrap();
        assert!(found("artifacts").found.contains("is damaged"));

        fs::write(nexus.home().registry(), "{").unwrap();
        let registry = found("registry");
        assert!(!registry.ok);
        assert!(registry.hint.unwrap().contains("--repair"));
    }

    #[test]
    fn native_programs_are_looked_for() {
        let look = |config: &str| {
            let dir = tempfile::tempdir().unwrap();
            let nexus = Nexus::open(Home::at(dir.path()));
            fs::write(nexus.home().config(), config).unwrap();
            native_programs(&nexus)
        };
        assert_eq!(look(""), None);
        let found = look("[posix]\nprograms = [\"sh\"]\n").unwrap();
        assert_eq!((found.ok, found.found.as_str()), (true, "sh"));
        let missing = look("[posix]\nprograms = [\"sh\", \"wb-nowhere\"]\n").unwrap();
        assert_eq!(missing.found, "not on the PATH: wb-nowhere");
    }
}
