//! The configuration of a container, as the OCI runtime specification 1.0.2 has it
//! (<https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config.md>).

use serde_json::{Value, json};

use super::{MOST_FILES, MOST_TASKS, NOBODY, PROCESSORS, Program, Writable};
use crate::container::root::{Root, SCRATCH};
use crate::jail::refused::{NAMESPACES, REFUSED};

/// In which processor time is dealt out, in microseconds.
const CPU_PERIOD: u64 = 100_000;

/// A container to be: its root and what runs in it.
pub(super) struct Bundle<'r> {
    root: &'r Root,
    program: &'r Program,
}

impl<'r> Bundle<'r> {
    pub(super) fn new(root: &'r Root, program: &'r Program) -> Self {
        Self { root, program }
    }

    /// The text of `config.json`.
    pub(super) fn to_json(&self) -> String {
        let user = rustix::process::geteuid();
        format!(
            "{:#}",
            self.config((!user.is_root()).then(|| user.as_raw()))
        )
    }

    /// The configuration; `rootless` is the user that has to stand for those inside.
    fn config(&self, rootless: Option<u32>) -> Value {
        let mut namespaces = vec!["pid", "network", "ipc", "uts", "mount", "cgroup"];
        // Without the superuser only one user can be mapped, and it has to be this one.
        let user = if rootless.is_some() { 0 } else { NOBODY };
        if rootless.is_some() {
            namespaces.push("user");
        }
        let namespaces: Vec<_> = namespaces
            .iter()
            .map(|name| json!({ "type": name }))
            .collect();
        let mut linux = json!({
            "namespaces": namespaces,
            "resources": {
                "devices": [{ "allow": false, "access": "rwm" }],
                "memory": { "limit": self.program.memory },
                "cpu": { "quota": PROCESSORS * CPU_PERIOD, "period": CPU_PERIOD },
                "pids": { "limit": MOST_TASKS },
            },
            "seccomp": seccomp(),
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
            ],
            "readonlyPaths": [
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
            ],
        });
        if let Some(host) = rootless {
            let mapping = json!([{ "containerID": 0, "hostID": host, "size": 1 }]);
            linux["uidMappings"] = mapping.clone();
            linux["gidMappings"] = mapping;
            // Control groups belong to the superuser unless they were delegated.
            linux["resources"] = json!({});
        }
        let mut mounts = vec![json!({
            "destination": "/proc", "type": "proc", "source": "proc",
            "options": ["nosuid", "noexec", "nodev"],
        })];
        let mut cwd = "/";
        if let Some(Writable { scratch, .. }) = &self.program.writable {
            cwd = SCRATCH;
            mounts.push(json!({
                "destination": SCRATCH, "type": "bind", "source": scratch,
                "options": ["bind", "rw", "nosuid", "nodev"],
            }));
            // Many programs sort or buffer there what does not fit into memory.
            let size = format!("size={}", self.program.memory);
            mounts.push(json!({
                "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "nodev", "noexec", "mode=1777", size],
            }));
        }
        let mut args = vec![self.root.binary()];
        args.extend(self.program.args.iter().map(String::as_str));
        let mut rlimits = vec![
            json!({ "type": "RLIMIT_CORE", "hard": 0, "soft": 0 }),
            json!({ "type": "RLIMIT_NOFILE", "hard": MOST_FILES, "soft": MOST_FILES }),
        ];
        if let Some(writable) = &self.program.writable {
            let most = self.program.memory;
            rlimits.push(json!({ "type": "RLIMIT_FSIZE", "hard": most, "soft": most }));
            let most = writable.seconds();
            rlimits.push(json!({ "type": "RLIMIT_CPU", "hard": most, "soft": most }));
        }
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": false,
                "user": { "uid": user, "gid": user },
                "args": args,
                "env": [],
                "cwd": cwd,
                "capabilities": {
                    "bounding": [], "effective": [], "inheritable": [],
                    "permitted": [], "ambient": [],
                },
                "rlimits": rlimits,
                "noNewPrivileges": true,
            },
            "root": { "path": self.root.path(), "readonly": true },
            "hostname": "worker",
            "mounts": mounts,
            "linux": linux,
        })
    }
}

/// What nothing in a container has any business with. The worker's own list is much
/// shorter; this one holds before it is in force, and for native binaries.
fn seccomp() -> Value {
    // Of older kernels, or without a number on some processors.
    let old = ["create_module", "lookup_dcookie", "nfsservctl", "umount"];
    let names: Vec<_> = REFUSED.iter().map(|(name, _)| *name).chain(old).collect();
    let mut syscalls = vec![
        json!({ "action": "SCMP_ACT_ERRNO", "names": names }),
        json!({ "action": "SCMP_ACT_ERRNO", "names": ["clone3"], "errnoRet": libc::ENOSYS }),
    ];
    for flag in NAMESPACES {
        let asked = json!([{
            "index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": flag, "valueTwo": flag,
        }]);
        syscalls.push(json!({ "action": "SCMP_ACT_ERRNO", "names": ["clone"], "args": asked }));
    }
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": syscalls,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    fn config(rootless: Option<u32>, scratch: Option<&str>) -> Value {
        let program = Program {
            args: vec!["--version".to_owned()],
            memory: 64 << 20,
            writable: scratch.map(|scratch| Writable {
                scratch: scratch.into(),
                wall: Duration::from_secs(5),
            }),
        };
        let root = Root::new(Path::new("/bin/true"), "/bin/true".to_owned()).unwrap();
        Bundle::new(&root, &program).config(rootless)
    }

    #[test]
    fn a_container_has_no_network_no_rights_and_limits() {
        let config = config(None, None);
        assert_eq!(config["root"]["readonly"], true);
        assert_eq!(config["process"]["noNewPrivileges"], true);
        assert_eq!(config["process"]["capabilities"]["bounding"], json!([]));
        assert_eq!(config["process"]["env"], json!([]));
        assert_eq!(config["process"]["args"], json!(["/bin/true", "--version"]));
        assert_eq!(config["process"]["cwd"], "/");
        assert_eq!(config["linux"]["resources"]["memory"]["limit"], 64 << 20);
        let namespaces = config["linux"]["namespaces"].as_array().unwrap();
        assert!(namespaces.contains(&json!({ "type": "network" })));
        // A namespace without a path is a new one.
        assert!(
            namespaces
                .iter()
                .all(|namespace| namespace.get("path").is_none())
        );
    }

    #[test]
    fn a_native_program_may_write_to_its_scratch_directory_alone() {
        let config = config(None, Some("/s"));
        assert_eq!(config["process"]["cwd"], "/scratch");
        let writable = |mount: &&Value| mount["type"] != "proc";
        let mounts = config["mounts"].as_array().unwrap().iter();
        let places: Vec<_> = mounts
            .filter(writable)
            .map(|mount| &mount["destination"])
            .collect();
        assert_eq!(places, ["/scratch", "/tmp"]);
        let rlimits = config["process"]["rlimits"].as_array().unwrap();
        for (name, most) in [("RLIMIT_FSIZE", 64 << 20), ("RLIMIT_CPU", 15)] {
            let limit = json!({ "type": name, "hard": most, "soft": most });
            assert!(rlimits.contains(&limit), "{name}");
        }
    }

    #[test]
    fn without_the_superuser_there_is_a_user_namespace() {
        let config = config(Some(1000), None);
        let namespaces = config["linux"]["namespaces"].as_array().unwrap();
        assert!(namespaces.contains(&json!({ "type": "user" })));
        assert_eq!(config["linux"]["uidMappings"][0]["hostID"], 1000);
    }
}
