//! What a deployer has allowed somebody else's toolkit to do.

use serde::{Deserialize, Serialize};

use crate::{CapSet, Scopes};

/// The format of a consent record; a reader refuses any other.
const FORMAT: &str = "wb-consent/1";

/// A deployer's grant to one toolkit.
///
/// A record is only ever written by the control plane; it lies out of reach of
/// guests. Records are not signed.
///
/// # Examples
///
/// ```
/// use wb_policy::{Cap, CapSet, Consent};
///
/// let consent = Consent::new("fetch", CapSet::of(Cap::Net), "ada", "2026-11-20T15:00:00Z")
///     .pinned_to("9f2c");
/// let text = toml::to_string(&consent).unwrap();
/// assert_eq!(toml::from_str::<Consent>(&text).unwrap(), consent);
/// assert!(!consent.covers("fetch", Some("another digest")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    format: Format,
    toolkit: String,
    caps: CapSet,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    artifact: Option<String>,
    by: String,
    at: String,
    #[serde(default, skip_serializing_if = "narrows_nothing")]
    scopes: Scopes,
}

fn narrows_nothing(scopes: &Scopes) -> bool {
    *scopes == Scopes::default()
}

impl Consent {
    /// Records that `by` granted `caps` to `toolkit` at the time `at` (RFC 3339). Both are
    /// kept as they are, for people to read: nothing is decided by them.
    pub fn new(
        toolkit: impl Into<String>,
        caps: CapSet,
        by: impl Into<String>,
        at: impl Into<String>,
    ) -> Self {
        Self {
            format: Format,
            toolkit: toolkit.into(),
            caps,
            artifact: None,
            by: by.into(),
            at: at.into(),
            scopes: Scopes::default(),
        }
    }

    /// The same consent, for this one artifact only, named by its digest in the spelling
    /// that [`covers`](Self::covers) will be asked with.
    #[must_use]
    pub fn pinned_to(self, artifact: impl Into<String>) -> Self {
        Self {
            artifact: Some(artifact.into()),
            ..self
        }
    }

    /// The same consent, reaching only as far as `scopes` too.
    #[must_use]
    pub fn within(self, scopes: &Scopes) -> Self {
        Self {
            scopes: self.scopes.intersection(scopes),
            ..self
        }
    }

    /// The same consent on top of an `earlier` one to the same toolkit: for its own
    /// capabilities it says how far they reach, for others the earlier one does.
    #[must_use]
    pub fn over(self, earlier: &Self) -> Self {
        let mut scopes = earlier.scopes.clone();
        scopes.set_for(self.caps, &self.scopes);
        Self {
            caps: self.caps.union(earlier.caps),
            scopes,
            ..self
        }
    }

    /// The same consent without `caps`.
    #[must_use]
    pub fn without(self, caps: CapSet) -> Self {
        Self {
            caps: self.caps.difference(caps),
            ..self
        }
    }

    /// Whether the record speaks about this toolkit and this artifact.
    ///
    /// A pinned record covers nothing while the artifact's digest is unknown.
    pub fn covers(&self, toolkit: &str, artifact: Option<&str>) -> bool {
        self.toolkit == toolkit
            && self
                .artifact
                .as_deref()
                .is_none_or(|pin| artifact == Some(pin))
    }

    /// The toolkit's name.
    pub fn toolkit(&self) -> &str {
        &self.toolkit
    }

    /// The capabilities granted.
    pub const fn caps(&self) -> CapSet {
        self.caps
    }

    /// How far the capabilities reach.
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The digest of the only artifact the consent is for.
    pub fn artifact(&self) -> Option<&str> {
        self.artifact.as_deref()
    }

    /// Who granted.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// When, as RFC 3339.
    pub fn at(&self) -> &str {
        &self.at
    }
}

/// The format marker: it has one value, so a record in another cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
struct Format;

impl TryFrom<String> for Format {
    type Error = String;

    fn try_from(found: String) -> Result<Self, String> {
        if found == FORMAT {
            Ok(Self)
        } else {
            Err(format!("consent format `{found}` found, `{FORMAT}` wanted"))
        }
    }
}

impl From<Format> for &'static str {
    fn from(_: Format) -> Self {
        FORMAT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cap;

    #[test]
    fn a_record_reads_back_in_both_notations() {
        let scopes: Scopes = serde_json::from_str(r#"{"net":["https://example.org"]}"#).unwrap();
        let consent = Consent::new("fetch", CapSet::of(Cap::Net), "ada", "2026-01-01T00:00:00Z")
            .within(&scopes);
        let json = serde_json::to_string(&consent).unwrap();
        assert_eq!(serde_json::from_str::<Consent>(&json).unwrap(), consent);
        let text = toml::to_string(&consent).unwrap();
        assert_eq!(toml::from_str::<Consent>(&text).unwrap(), consent);
    }

    #[test]
    fn another_format_or_field_is_refused() {
        let text = |format: &str, more: &str| {
            format!("format = '{format}'\ntoolkit = 'a'\ncaps = []\nby = 'b'\nat = 'c'\n{more}")
        };
        assert!(toml::from_str::<Consent>(&text("wb-consent/1", "")).is_ok());
        let error = toml::from_str::<Consent>(&text("wb-consent/2", "")).unwrap_err();
        assert!(error.message().contains("`wb-consent/1` wanted"), "{error}");
        assert!(toml::from_str::<Consent>(&text("wb-consent/1", "all = true")).is_err());
    }

    #[test]
    fn a_pin_covers_one_artifact() {
        let open = Consent::new("a", CapSet::EMPTY, "b", "c");
        assert!(open.covers("a", None) && open.covers("a", Some("1")) && !open.covers("b", None));
        let pinned = open.pinned_to("1");
        assert!(pinned.covers("a", Some("1")));
        assert!(!pinned.covers("a", Some("2")) && !pinned.covers("a", None));
    }
}
