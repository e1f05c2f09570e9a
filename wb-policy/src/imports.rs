//! The table that ties import names to capabilities.
//!
//! Admission, the linker and `verify` all read this one table, so a name can
//! never be granted in one place and refused in another.

use std::fmt;

use crate::{Cap, CapSet};

/// What an import needs before it may be linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: every guest has it.
    Ambient,
    /// This one capability.
    Needs(Cap),
    /// Any one of these capabilities.
    NeedsOneOf(&'static [Cap]),
    /// The name is not the Dock's and not WASI's.
    Unknown,
}

impl Requirement {
    /// Whether a guest that holds `caps` may be linked to the import.
    pub fn is_met_by(self, caps: CapSet) -> bool {
        match self {
            Self::Ambient => true,
            Self::Needs(cap) => caps.contains(cap),
            Self::NeedsOneOf(any) => any.iter().any(|cap| caps.contains(*cap)),
            Self::Unknown => false,
        }
    }

    /// The capabilities of which one suffices; empty for ambient and unknown names.
    pub fn caps(&self) -> &[Cap] {
        match self {
            Self::Ambient | Self::Unknown => &[],
            Self::Needs(cap) => std::slice::from_ref(cap),
            Self::NeedsOneOf(any) => any,
        }
    }
}

/// One import of a program, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Import<'a> {
    /// A core module's import.
    Core {
        /// The module name, for example `wb:commands`.
        module: &'a str,
        /// The field name, for example `run`.
        name: &'a str,
    },
    /// A component's import: a world function or an interface with its version.
    Component(&'a str),
}

impl Import<'_> {
    /// What the import needs.
    pub fn requirement(self) -> Requirement {
        match self {
            Self::Core { module, name } => core_import(module, name),
            Self::Component(name) => component_import(name),
        }
    }
}

impl fmt::Display for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core { module, name } => write!(f, "{module}.{name}"),
            Self::Component(name) => f.write_str(name),
        }
    }
}

/// What a core module's import needs.
///
/// # Examples
///
/// ```
/// use wb_policy::{Cap, Requirement, core_import};
///
/// assert_eq!(core_import("wasi_snapshot_preview1", "fd_write"), Requirement::Ambient);
/// assert_eq!(core_import("wb:commands", "run"), Requirement::Needs(Cap::Commands));
/// assert_eq!(core_import("env", "system"), Requirement::Unknown);
/// ```
pub fn core_import(module: &str, name: &str) -> Requirement {
    CORE.iter()
        .find(|entry| entry.path == module)
        .filter(|entry| entry.names.contains(&name))
        .map_or(Requirement::Unknown, |entry| entry.requirement)
}

/// What a component's import needs.
///
/// `name` is the name in the component binary: a function of the engine world
/// such as `run-command`, or an interface such as `workbooks:dock/kv@1.0.0`.
/// A Dock interface is known in every version compatible with its own.
///
/// # Examples
///
/// ```
/// use wb_policy::{Cap, Requirement, component_import};
///
/// assert_eq!(component_import("run-command"), Requirement::Needs(Cap::Commands));
/// assert_eq!(component_import("workbooks:dock/kv@1.0.0"), Requirement::Needs(Cap::Kv));
/// assert_eq!(component_import("workbooks:dock/kv@2.0.0"), Requirement::Unknown);
/// ```
pub fn component_import(name: &str) -> Requirement {
    if let Some((_, requirement)) = WORLD.iter().find(|(function, _)| *function == name) {
        return *requirement;
    }
    if let Some(interface) = name.strip_prefix(DOCK_PACKAGE) {
        return dock_interface(interface);
    }
    match name.strip_prefix("wasi:") {
        Some(rest) if rest.starts_with("http/") => {
            Requirement::NeedsOneOf(&[Cap::Net, Cap::Browse])
        }
        Some(_) => Requirement::Ambient,
        None => Requirement::Unknown,
    }
}

fn dock_interface(interface: &str) -> Requirement {
    let (name, version) = interface.split_once('@').unwrap_or((interface, "1.0.0"));
    let compatible = version.strip_prefix("1.").is_some_and(|rest| {
        rest.split('.').count() == 2
            && rest
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    });
    if compatible && AMBIENT_INTERFACES.contains(&name) {
        return Requirement::Ambient;
    }
    match name.parse::<Cap>() {
        Ok(cap) if compatible && INTERFACES.contains(&cap) => Requirement::Needs(cap),
        _ => Requirement::Unknown,
    }
}

/// Every core import there is, with what it needs.
pub fn core_imports() -> impl Iterator<Item = (&'static str, &'static str, Requirement)> {
    CORE.iter().flat_map(|entry| {
        entry
            .names
            .iter()
            .map(move |name| (entry.path, *name, entry.requirement))
    })
}

/// Every component import the table knows by name, with what it needs.
pub fn component_imports() -> impl Iterator<Item = (String, Requirement)> {
    let world = WORLD
        .iter()
        .map(|(name, requirement)| ((*name).to_owned(), *requirement));
    let ambient = AMBIENT_INTERFACES.iter().map(|name| {
        (
            format!("{DOCK_PACKAGE}{name}@{DOCK_VERSION}"),
            Requirement::Ambient,
        )
    });
    let interfaces = INTERFACES.iter().map(|cap| {
        (
            format!("{DOCK_PACKAGE}{cap}@{DOCK_VERSION}"),
            Requirement::Needs(*cap),
        )
    });
    world.chain(ambient).chain(interfaces)
}

/// The package of the typed Dock interfaces, with its separator.
const DOCK_PACKAGE: &str = "workbooks:dock/";

/// The version of the typed Dock interfaces.
const DOCK_VERSION: &str = "1.0.0";

struct Module {
    path: &'static str,
    names: &'static [&'static str],
    requirement: Requirement,
}

const fn needs(module: &'static str, cap: Cap, names: &'static [&'static str]) -> Module {
    Module {
        path: module,
        names,
        requirement: Requirement::Needs(cap),
    }
}

/// The import modules of core wasm; one for each capability beside the ambient ones.
const CORE: &[Module] = &[
    Module {
        path: "wasi_snapshot_preview1",
        names: PREVIEW1,
        requirement: Requirement::Ambient,
    },
    Module {
        path: "wb:reply",
        names: &["len", "read"],
        requirement: Requirement::Ambient,
    },
    Module {
        path: "wb:session",
        names: &["info"],
        requirement: Requirement::Ambient,
    },
    needs("wb:commands", Cap::Commands, &["run"]),
    needs("wb:parallel", Cap::Parallel, &["run_many"]),
    needs(
        "wb:vfs",
        Cap::Vfs,
        &["query", "read", "write", "remove", "list"],
    ),
    needs("wb:exec", Cap::Exec, &["run"]),
    needs("wb:kv", Cap::Kv, &["get", "put", "delete", "list"]),
    needs("wb:secrets", Cap::Secrets, &["present", "sign", "hmac"]),
    needs("wb:queue", Cap::Queue, &["publish", "poll"]),
    needs("wb:tcp", Cap::Tcp, &["connect", "send", "receive", "close"]),
    needs("wb:udp", Cap::Udp, &["connect", "send", "receive", "close"]),
    needs("wb:tls", Cap::Tls, &["connect", "send", "receive", "close"]),
    needs("wb:net", Cap::Net, &["request"]),
    needs("wb:llm", Cap::Llm, &["complete", "open", "next", "close"]),
    needs("wb:browse", Cap::Browse, &["fetch"]),
    needs("wb:frames", Cap::Frames, &["input", "input_len", "output"]),
];

/// The functions of the world `workbooks:engine/engine`.
const WORLD: &[(&str, Requirement)] = &[
    ("session-info", Requirement::Ambient),
    ("vfs-query", Requirement::Needs(Cap::Vfs)),
    ("run-command", Requirement::Needs(Cap::Commands)),
    ("llm-complete", Requirement::Needs(Cap::Llm)),
    ("browse-fetch", Requirement::Needs(Cap::Browse)),
    ("run-command-many", Requirement::Needs(Cap::Parallel)),
];

/// The typed interfaces that need nothing: what the others have in common, and who asks.
const AMBIENT_INTERFACES: &[&str] = &["types", "session"];

/// The capabilities with a typed interface: all but `posix`, which is no import, and
/// `frames`, an arena shared by kernels, while components share no memory.
const INTERFACES: &[Cap] = &[
    Cap::Vfs,
    Cap::Commands,
    Cap::Exec,
    Cap::Kv,
    Cap::Secrets,
    Cap::Queue,
    Cap::Tcp,
    Cap::Udp,
    Cap::Tls,
    Cap::Net,
    Cap::Llm,
    Cap::Browse,
    Cap::Parallel,
];

/// The 46 functions of `wasi_snapshot_preview1.witx`, as amended with `sock_accept`.
const PREVIEW1: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "proc_raise",
    "random_get",
    "sched_yield",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_found_again() {
        for (module, name, requirement) in core_imports() {
            assert_eq!(core_import(module, name), requirement, "{module}.{name}");
        }
        for (name, requirement) in component_imports() {
            assert_eq!(component_import(&name), requirement, "{name}");
        }
        assert_eq!(PREVIEW1.len(), 46);
    }

    #[test]
    fn every_cap_but_posix_has_a_core_module_and_all_but_frames_an_interface() {
        for cap in Cap::ALL {
            let module = format!("wb:{cap}");
            let in_core = CORE.iter().any(|entry| entry.path == module);
            assert_eq!(in_core, cap != Cap::Posix, "{cap}");
            let typed = !matches!(cap, Cap::Posix | Cap::Frames);
            assert_eq!(INTERFACES.contains(&cap), typed, "{cap}");
        }
    }

    #[test]
    fn names_outside_the_table_are_unknown() {
        for (module, name) in [
            ("env", "host_exec"),
            ("wasi_snapshot_preview1", "path_exec"),
            ("wasi_unstable", "fd_write"),
            ("wb:commands", "run_all"),
            ("wb:kv", "drop"),
            ("wb:posix", "spawn"),
            ("WB:commands", "run"),
        ] {
            assert_eq!(
                core_import(module, name),
                Requirement::Unknown,
                "{module}.{name}"
            );
        }
        for name in [
            "run-commands",
            "workbooks:dock/kv@0.9.0",
            "workbooks:dock/kv@1",
            "workbooks:dock/kv@1.0.0-rc.1",
            "workbooks:dock/session@2.0.0",
            "workbooks:dock/posix@1.0.0",
            "workbooks:dock/",
            "other:dock/kv@1.0.0",
            "",
        ] {
            assert_eq!(component_import(name), Requirement::Unknown, "{name}");
        }
    }

    #[test]
    fn http_is_a_power_and_the_rest_of_wasi_is_not() {
        let http = component_import("wasi:http/outgoing-handler@0.2.3");
        assert!(!http.is_met_by(CapSet::from_iter([Cap::Tcp, Cap::Tls])));
        assert!(http.is_met_by(CapSet::of(Cap::Net)));
        assert!(http.is_met_by(CapSet::of(Cap::Browse)));
        assert_eq!(
            component_import("wasi:clocks/wall-clock@0.2.3"),
            Requirement::Ambient
        );
    }
}
