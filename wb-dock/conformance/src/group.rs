//! The cases, one file a group.

use wb_dock::{Grant, Invocation, Services};
use wb_policy::{CapSet, Limits, Profile, Profiles, Trust};

use crate::case::{Verdict, ended, same};
use crate::host::Host;

pub(crate) mod budget;
pub(crate) mod caps;
pub(crate) mod compile;
pub(crate) mod components;
pub(crate) mod crash;
pub(crate) mod determinism;
pub(crate) mod egress;
pub(crate) mod files;
pub(crate) mod limits;
pub(crate) mod preview1;
pub(crate) mod run;
pub(crate) mod secrets;
pub(crate) mod swap;
pub(crate) mod timeouts;

/// The wasm of a guest in `guests/`.
macro_rules! guest {
    ($name:literal) => {
        $crate::group::assemble(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/guests/",
            $name,
            ".wat"
        )))
    };
}
pub(crate) use guest;

/// The wasm of a guest in text.
pub(crate) fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the guests of the suite are valid text")
}

/// A grant of everything that the profile called `profile` has.
pub(crate) fn under(profile: &str) -> Grant {
    let profiles = Profiles::built_in();
    let profile = profiles.get(profile).expect("a built-in profile");
    Grant::decide(profile.caps(), Trust::FirstParty, profile, None)
        .expect("first-party code needs no consent")
}

/// A grant of every capability that a run may have, under changed limits.
pub(crate) fn granted(change: impl FnOnce(&mut Limits)) -> Grant {
    let mut limits = Profile::posix().limits();
    change(&mut limits);
    under("posix").narrow_limits(limits)
}

/// A grant of nothing, under changed limits.
pub(crate) fn nothing(change: impl FnOnce(&mut Limits)) -> Grant {
    granted(change).narrow_caps(CapSet::EMPTY)
}

/// That the host still runs an ordinary guest.
pub(crate) fn still_works(host: &dyn Host) -> Verdict {
    let invocation = Invocation::new("echo").stdin("the next run");
    let run = host.run(
        &guest!("echo"),
        &Grant::none(),
        &Services::default(),
        invocation,
    );
    same(
        "the output of the next run",
        &b"the next run"[..],
        &ended(run)?.stdout,
    )
}
