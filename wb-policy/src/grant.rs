use crate::{CapSet, Consent, Limits, Profile, Scopes, Trust};

/// The proof of what one run may do.
///
/// A grant is made here and nowhere else: the fields are private and there is
/// no way to read one from bytes, so a value of this type in somebody's hands
/// means that policy was asked. It can be narrowed and cannot be widened.
///
/// # Examples
///
/// ```
/// use wb_policy::{Cap, CapSet, Grant, Profile, Trust};
///
/// let declared = CapSet::from_iter([Cap::Vfs, Cap::Net]);
/// let grant = Grant::decide(declared, Trust::FirstParty, &Profile::minimal(), None)?;
/// assert_eq!(grant.caps(), CapSet::of(Cap::Vfs));
///
/// let refused = Grant::decide(declared, Trust::ThirdParty, &Profile::minimal(), None);
/// assert_eq!(refused.unwrap_err().asked, declared);
/// # Ok::<(), wb_policy::Refused>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    caps: CapSet,
    declared: CapSet,
    ceiling: CapSet,
    limits: Limits,
    scopes: Scopes,
    profile: String,
    trust: Trust,
}

impl Grant {
    /// Decides what a toolkit that declares `declared` gets under `profile`.
    ///
    /// That is what it declares *and* the profile grants; for third-party code
    /// also *and* the deployer consented to. A consent given along with
    /// first-party code narrows it just the same.
    ///
    /// # Errors
    ///
    /// [`Refused`] when third-party code asks for any capability and there is
    /// no consent. Whether `consent` is about this toolkit and artifact is for the
    /// caller to ask first, with [`Consent::covers`].
    pub fn decide(
        declared: CapSet,
        trust: Trust,
        profile: &Profile,
        consent: Option<&Consent>,
    ) -> Result<Self, Refused> {
        let mut grant = Self {
            caps: declared.intersection(profile.caps()),
            declared,
            ceiling: profile.caps(),
            limits: profile.limits(),
            scopes: profile.scopes().clone(),
            profile: profile.name().to_owned(),
            trust,
        };
        match consent {
            Some(consent) => {
                grant.caps = grant.caps.intersection(consent.caps());
                grant.scopes = grant.scopes.intersection(consent.scopes());
                Ok(grant)
            }
            None if trust == Trust::ThirdParty && !declared.is_empty() => {
                Err(Refused { asked: declared })
            }
            None => Ok(grant),
        }
    }

    /// The grant of nothing but computing, within the limits of `compute`.
    pub fn none() -> Self {
        let profile = Profile::compute();
        Self {
            caps: CapSet::EMPTY,
            declared: CapSet::EMPTY,
            ceiling: profile.caps(),
            limits: profile.limits(),
            scopes: Scopes::default(),
            profile: profile.name().to_owned(),
            trust: Trust::default(),
        }
    }

    /// The capabilities granted.
    pub const fn caps(&self) -> CapSet {
        self.caps
    }

    /// The capabilities the manifest declares.
    pub const fn declared(&self) -> CapSet {
        self.declared
    }

    /// The capabilities the profile could grant.
    pub const fn ceiling(&self) -> CapSet {
        self.ceiling
    }

    /// What the run may use at most.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// How far each capability reaches.
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The name of the profile the grant was made under.
    pub fn profile_name(&self) -> &str {
        &self.profile
    }

    /// Whose code the grant is for.
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    /// The same grant with at most `caps`.
    #[must_use]
    pub fn narrow_caps(self, caps: CapSet) -> Self {
        Self {
            caps: self.caps.intersection(caps),
            ..self
        }
    }

    /// The same grant with limits no looser than `limits`.
    #[must_use]
    pub fn narrow_limits(self, limits: Limits) -> Self {
        Self {
            limits: self.limits.tightest(limits),
            ..self
        }
    }

    /// The same grant reaching no further than `scopes`.
    #[must_use]
    pub fn narrow_scopes(self, scopes: &Scopes) -> Self {
        Self {
            scopes: self.scopes.intersection(scopes),
            ..self
        }
    }

    /// What is left of the grant when `other` must hold as well. It keeps its own profile's
    /// name, trust and declaration, which are for messages.
    #[must_use]
    pub fn narrow(self, other: &Self) -> Self {
        self.narrow_caps(other.caps)
            .narrow_limits(other.limits)
            .narrow_scopes(&other.scopes)
    }
}

/// Third-party code asks for capabilities and the deployer has not consented.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("third-party code asks for `{asked}` and the deployer has not consented to it")]
pub struct Refused {
    /// Everything the toolkit declares.
    pub asked: CapSet,
}

impl Refused {
    /// The stable code of the error: `policy/no-consent`.
    pub const fn code(&self) -> &'static str {
        "policy/no-consent"
    }

    /// What the deployer can type to consent.
    pub fn hint(&self, toolkit: &str) -> String {
        format!(
            "to allow it, run `wbx toolkit grant {toolkit} {}`",
            self.asked
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Cap, Profiles};

    fn caps() -> impl Strategy<Value = CapSet> {
        prop::collection::vec(prop::sample::select(&Cap::ALL[..]), 0..15)
            .prop_map(CapSet::from_iter)
    }

    proptest! {
        #[test]
        fn a_grant_is_the_intersection_and_only_narrows(
            declared in caps(), consented in caps(), kept in caps(),
            name in prop::sample::select(&Profiles::BUILT_IN[..]),
        ) {
            let profiles = Profiles::built_in();
            let profile = profiles.get(name).unwrap();
            let consent = Consent::new("t", consented, "by", "at");
            let grant =
                Grant::decide(declared, Trust::ThirdParty, profile, Some(&consent)).unwrap();
            let expected = declared.intersection(profile.caps()).intersection(consented);
            prop_assert_eq!(grant.caps(), expected);

            let narrowed = grant.clone().narrow_caps(kept);
            prop_assert!(narrowed.caps().is_subset(grant.caps()));
            let other = Grant::decide(kept, Trust::FirstParty, &Profile::network(), None).unwrap();
            let both = grant.clone().narrow(&other);
            prop_assert!(both.caps().is_subset(grant.caps()));
            prop_assert!(both.caps().is_subset(other.caps()));
            prop_assert_eq!(both.limits(), both.limits().tightest(grant.limits()));
        }
    }

    #[test]
    fn third_party_code_needs_consent_only_for_what_it_asks() {
        let decide = |declared| Grant::decide(declared, Trust::ThirdParty, &Profile::posix(), None);
        assert!(decide(CapSet::EMPTY).unwrap().caps().is_empty());
        let refused = decide(CapSet::from_iter([Cap::Net, Cap::Llm])).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "third-party code asks for `net llm` and the deployer has not consented to it"
        );
        assert_eq!(
            refused.hint("fetch"),
            "to allow it, run `wbx toolkit grant fetch net llm`"
        );
    }
}
