//! Why an import is not linked, in words.

use std::fmt;

use crate::{Cap, CapSet, Grant, Import, Profiles, Requirement};

/// One import that a grant does not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The import as it is written: `wb:commands.run` of a core module, `vfs-query` of a
    /// component.
    pub import: String,
    /// Why it is not linked.
    pub reason: DenialReason,
}

/// Why an import is not linked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DenialReason {
    /// No capability would bind the name.
    Unknown,
    /// A capability would bind it and the run does not hold it.
    NotGranted {
        /// The capabilities of which one suffices.
        caps: Vec<Cap>,
        /// Whether the manifest declares one of them.
        declared: bool,
        /// The profile the run is under.
        profile: String,
        /// Whether that profile grants one of the capabilities.
        in_profile: bool,
        /// The smallest profile that grants one, if there is any.
        smallest: Option<String>,
    },
}

impl Denial {
    /// The stable code of the denial: `dock/unknown-import` or `dock/not-granted`.
    pub const fn code(&self) -> &'static str {
        match self.reason {
            DenialReason::Unknown => "dock/unknown-import",
            DenialReason::NotGranted { .. } => "dock/not-granted",
        }
    }
}

/// Names the imports that `grant` does not cover, in their order.
///
/// An empty list means that everything may be linked.
///
/// # Examples
///
/// ```
/// use wb_policy::{Grant, Import, Profiles, denied_imports};
///
/// let imports = [Import::Core { module: "wb:commands", name: "run" }];
/// let denied = denied_imports(imports, &Grant::none(), &Profiles::built_in());
/// assert_eq!(
///     denied[0].to_string(),
///     "import `wb:commands.run` needs `commands`, which the manifest does not declare \
///      and profile `compute` does not grant; the smallest profile that grants it is `minimal`"
/// );
/// ```
pub fn denied_imports<'a>(
    imports: impl IntoIterator<Item = Import<'a>>,
    grant: &Grant,
    profiles: &Profiles,
) -> Vec<Denial> {
    imports
        .into_iter()
        .filter_map(|import| {
            let requirement = import.requirement();
            (!requirement.is_met_by(grant.caps())).then(|| Denial {
                import: import.to_string(),
                reason: reason(requirement, grant, profiles),
            })
        })
        .collect()
}

fn reason(requirement: Requirement, grant: &Grant, profiles: &Profiles) -> DenialReason {
    if requirement == Requirement::Unknown {
        return DenialReason::Unknown;
    }
    DenialReason::NotGranted {
        caps: requirement.caps().to_vec(),
        declared: requirement.is_met_by(grant.declared()),
        profile: grant.profile_name().to_owned(),
        in_profile: requirement.is_met_by(grant.ceiling()),
        smallest: requirement
            .caps()
            .iter()
            .filter_map(|cap| profiles.smallest_granting(CapSet::of(*cap)))
            .min_by_key(|profile| profile.caps().iter().count())
            .map(|profile| profile.name().to_owned()),
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "import `{}` ", self.import)?;
        let DenialReason::NotGranted {
            caps,
            declared,
            profile,
            in_profile,
            smallest,
        } = &self.reason
        else {
            return f.write_str("is not known: no capability would bind it");
        };
        f.write_str("needs ")?;
        for (i, cap) in caps.iter().enumerate() {
            write!(f, "{}`{cap}`", if i > 0 { " or " } else { "" })?;
        }
        match (declared, in_profile) {
            (false, false) => write!(
                f,
                ", which the manifest does not declare and profile `{profile}` does not grant"
            )?,
            (false, true) => write!(
                f,
                ", which the manifest does not declare; profile `{profile}` would grant it"
            )?,
            (true, false) => write!(
                f,
                ", which the manifest declares and profile `{profile}` does not grant"
            )?,
            (true, true) => write!(
                f,
                ", which the manifest declares and profile `{profile}` grants, \
                 but the deployer has not consented to"
            )?,
        }
        match smallest {
            _ if *in_profile => Ok(()),
            Some(smallest) => write!(f, "; the smallest profile that grants it is `{smallest}`"),
            None => f.write_str("; no profile grants it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Consent, Profile, Trust};

    fn message(import: Import<'_>, declared: &[Cap], profile: &Profile, consent: &[Cap]) -> String {
        let consent = Consent::new("t", consent.iter().copied().collect(), "by", "at");
        let declared = declared.iter().copied().collect();
        let grant = Grant::decide(declared, Trust::ThirdParty, profile, Some(&consent)).unwrap();
        let denied = denied_imports([import], &grant, &Profiles::built_in());
        denied.first().map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn each_reason_has_its_words() {
        let vfs = Import::Component("vfs-query");
        let http = Import::Component("wasi:http/outgoing-handler@0.2.0");
        let odd = Import::Core {
            module: "env",
            name: "host_exec",
        };
        let frames = Import::Core {
            module: "wb:frames",
            name: "output",
        };
        let (compute, network) = (&Profile::compute(), &Profile::network());
        assert_eq!(message(vfs, &[Cap::Vfs], compute, &[Cap::Vfs]), "");
        assert_eq!(
            message(vfs, &[], compute, &[]),
            "import `vfs-query` needs `vfs`, which the manifest does not declare; profile `compute` would grant it"
        );
        assert_eq!(
            message(vfs, &[Cap::Vfs], compute, &[]),
            "import `vfs-query` needs `vfs`, which the manifest declares and profile `compute` grants, but the deployer has not consented to"
        );
        assert_eq!(
            message(http, &[Cap::Net], compute, &[Cap::Net]),
            "import `wasi:http/outgoing-handler@0.2.0` needs `net` or `browse`, which the manifest declares and profile `compute` does not grant; the smallest profile that grants it is `network`"
        );
        assert_eq!(
            message(odd, &[], network, &[]),
            "import `env.host_exec` is not known: no capability would bind it"
        );
        assert_eq!(
            message(frames, &[], network, &[]),
            "import `wb:frames.output` needs `frames`, which the manifest does not declare and profile `network` does not grant; no profile grants it"
        );
    }
}
