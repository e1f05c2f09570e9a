use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Shape, Trust};

/// How contained a run is; a later tier is a stronger cage.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The linear memory of a wasm instance.
    #[default]
    Instance,
    /// A worker process without files or network of its own.
    Process,
    /// A virtual machine with its own kernel.
    Vm,
    /// An OCI container: no network, read-only, limited.
    Container,
}

impl Tier {
    /// The four tiers, weakest first.
    pub const ALL: [Self; 4] = [Self::Instance, Self::Process, Self::Vm, Self::Container];

    /// The name used in settings and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Process => "process",
            Self::Vm => "vm",
            Self::Container => "container",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the deployer demands of isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Posture {
    /// No run gets a weaker tier than this.
    pub minimum: Tier,
    /// No third-party run gets a weaker tier than this.
    pub third_party: Tier,
    /// No native program gets a weaker tier than this; never less than a process.
    pub posix: Tier,
}

/// Wasm is enough for one's own code; somebody else's also leaves the process, and
/// what is no wasm gets a container.
impl Default for Posture {
    fn default() -> Self {
        Self {
            minimum: Tier::Instance,
            third_party: Tier::Process,
            posix: Tier::Container,
        }
    }
}

/// The tier a run must have.
///
/// Each argument can only raise it. Whether the machine offers that tier is
/// for the host to say; where it does not, the run is an error and never falls
/// to a weaker one.
///
/// # Examples
///
/// ```
/// use wb_policy::{Posture, Shape, Tier, Trust, tier};
///
/// let posture = Posture::default();
/// assert_eq!(tier(Shape::Command, Trust::FirstParty, posture), Tier::Instance);
/// assert_eq!(tier(Shape::Command, Trust::ThirdParty, posture), Tier::Process);
/// assert_eq!(tier(Shape::Posix, Trust::FirstParty, posture), Tier::Container);
///
/// let lax = Posture { posix: Tier::Instance, ..posture };
/// assert_eq!(tier(Shape::Posix, Trust::FirstParty, lax), Tier::Process);
/// ```
pub fn tier(shape: Shape, trust: Trust, posture: Posture) -> Tier {
    let of_shape = match shape {
        // A native program has no sandbox of its own.
        Shape::Posix => posture.posix.max(Tier::Process),
        _ => Tier::Instance,
    };
    let of_trust = match trust {
        Trust::FirstParty => Tier::Instance,
        Trust::ThirdParty => posture.third_party,
    };
    of_shape.max(of_trust).max(posture.minimum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_tier() -> impl Strategy<Value = Tier> {
        prop::sample::select(&Tier::ALL[..])
    }

    proptest! {
        #[test]
        fn nothing_ever_loosens(
            shape in prop::sample::select(&Shape::ALL[..]),
            minimum in any_tier(), third_party in any_tier(), posix in any_tier(),
            stricter_minimum in any_tier(), stricter_third in any_tier(),
            stricter_posix in any_tier(),
        ) {
            let posture = Posture { minimum, third_party, posix };
            let stricter = Posture {
                minimum: minimum.max(stricter_minimum),
                third_party: third_party.max(stricter_third),
                posix: posix.max(stricter_posix),
            };
            for trust in [Trust::FirstParty, Trust::ThirdParty] {
                prop_assert!(tier(shape, trust, posture) >= minimum);
                prop_assert!(tier(shape, trust, stricter) >= tier(shape, trust, posture));
            }
            let own = tier(shape, Trust::FirstParty, posture);
            prop_assert!(tier(shape, Trust::ThirdParty, posture) >= own);
            prop_assert!(tier(shape, Trust::ThirdParty, posture) >= third_party);
            prop_assert!(tier(Shape::Posix, Trust::FirstParty, posture) >= Tier::Process);
        }
    }
}
