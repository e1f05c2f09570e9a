//! Who asks, for tests.

use std::time::Duration;

use wb_dock::cap::Principal;
use wb_dock::{Grant, Session};
use wb_policy::{Budget, Limits};

pub(crate) struct Asker {
    session: Session,
    grant: Grant,
}

impl Asker {
    pub(crate) fn new(tenant: &str, session: &str) -> Self {
        Self::with_time(tenant, session, Duration::from_mins(1))
    }

    pub(crate) fn with_time(tenant: &str, session: &str, wall: Duration) -> Self {
        let profile = wb_policy::Profile::posix();
        let caps = profile.caps();
        let grant = Grant::decide(caps, wb_policy::Trust::FirstParty, &profile, None).unwrap();
        let limits = Limits {
            wall,
            ..grant.limits()
        };
        Self {
            session: Session {
                id: session.into(),
                tenant: tenant.into(),
            },
            grant: grant.narrow_limits(limits),
        }
    }

    pub(crate) const fn session(&self) -> &Session {
        &self.session
    }

    /// Somebody whose time starts now.
    pub(crate) fn who(&self) -> Principal<'_> {
        let budget = Budget::new("test", self.grant.limits());
        Principal::new(&self.session, "test", &self.grant, budget)
    }
}

/// Runs the ignored test `name` of this binary in a process of its own, on `dir`.
pub(crate) fn other_process(name: &str, dir: &std::path::Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name])
        .env("WB_SERVICES_TEST_DIR", dir)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

/// Where such a process works.
pub(crate) fn shared_dir() -> std::path::PathBuf {
    std::env::var_os("WB_SERVICES_TEST_DIR").unwrap().into()
}
