use serde::{Deserialize, Serialize};

/// What a worker is confined by, as it found out itself before it read anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a measure of its own, in force or not"
)]
pub struct Confinement {
    /// System calls outside of a list are refused.
    pub seccomp: bool,
    /// The version of Landlock that denies files, network and signals; 0 without.
    pub landlock: u8,
    /// Neither it nor anything it starts can gain rights.
    pub no_new_privileges: bool,
    /// It has no rights of the superuser, and is not the user who started it if that
    /// was the superuser.
    pub unprivileged: bool,
    /// It has network interfaces, mounts and System V objects of its own.
    pub namespaces: bool,
    /// Memory, files, processes and core dumps are limited.
    pub resource_limits: bool,
}

impl Confinement {
    /// The measure without which a worker gets no guest, if one is not in force.
    ///
    /// Namespaces are more than enough besides Landlock and seccomp, and many
    /// machines allow them to the superuser only, so they may be absent. Landlock
    /// may be absent where the worker has a machine or a container to itself.
    pub(crate) fn missing(&self, alone: bool) -> Option<&'static str> {
        if !self.seccomp {
            Some("seccomp filters")
        } else if !self.no_new_privileges {
            Some("`no_new_privs`")
        } else if !self.unprivileged {
            Some("an unprivileged user")
        } else if !self.resource_limits {
            Some("resource limits")
        } else if self.landlock == 0 && !alone {
            Some("Landlock")
        } else {
            None
        }
    }
}
