//! Consent records on disk: `consent/<toolkit>.json`, one a toolkit.

use std::io;

use wb_manifest::ToolkitId;
use wb_policy::Consent;

use crate::Home;
use crate::atomic::{self, Durability, Mode};
use crate::error::{Error, ErrorKind};

/// The deployer's consent to `toolkit`, if there is one.
///
/// # Errors
///
/// What the system said; [`ErrorKind::CorruptConsent`] if the record cannot be
/// read, which is not the same as none.
pub fn load(home: &Home, toolkit: &ToolkitId) -> Result<Option<Consent>, Error> {
    let name = format!("consent/{toolkit}.json");
    let bytes = match std::fs::read(home.consent().join(format!("{toolkit}.json"))) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", name, error)),
    };
    let consent: Consent = serde_json::from_slice(&bytes).map_err(|error| {
        let reason = error.to_string();
        ErrorKind::CorruptConsent {
            name: name.clone(),
            reason,
        }
    })?;
    if consent.toolkit() != toolkit.as_str() {
        let reason = format!("it is about `{}`", consent.toolkit());
        return Err(ErrorKind::CorruptConsent { name, reason }.into());
    }
    Ok(Some(consent))
}

/// Records `consent`, in place of an earlier one to the same toolkit.
///
/// # Errors
///
/// [`ErrorKind::BadName`] if the toolkit's name is none, or what the system said.
pub fn save(home: &Home, consent: &Consent) -> Result<(), Error> {
    let toolkit: ToolkitId = consent.toolkit().parse().map_err(|reason| {
        let (name, reason) = (consent.toolkit().to_owned(), format!("{reason}"));
        ErrorKind::BadName { name, reason }
    })?;
    let name = format!("consent/{toolkit}.json");
    let mut text = serde_json::to_string_pretty(consent).map_err(|error| {
        let reason = error.to_string();
        ErrorKind::CorruptConsent {
            name: name.clone(),
            reason,
        }
    })?;
    text.push('\n');
    let path = home.consent().join(format!("{toolkit}.json"));
    atomic::write(&path, text.as_bytes(), Mode::Private, Durability::Synced)
        .map_err(|error| Error::io("write", name, error))
}

/// Takes the consent to `toolkit` back, and gives whether there was one.
///
/// # Errors
///
/// What the system said.
pub fn remove(home: &Home, toolkit: &ToolkitId) -> Result<bool, Error> {
    let name = format!("{toolkit}.json");
    match std::fs::remove_file(home.consent().join(&name)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("remove", format!("consent/{name}"), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_policy::{Cap, CapSet};

    #[test]
    fn a_consent_reads_back_and_a_damaged_one_is_not_none() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let id: ToolkitId = "fetch".parse().unwrap();
        assert_eq!(load(&home, &id).unwrap(), None);

        let consent = Consent::new("fetch", CapSet::of(Cap::Net), "ada", "2026-01-01T00:00:00Z");
        save(&home, &consent).unwrap();
        assert_eq!(load(&home, &id).unwrap(), Some(consent));

        let path = home.consent().join("fetch.json");
        std::fs::copy(&path, home.consent().join("other.json")).unwrap();
        let other = load(&home, &"other".parse().unwrap()).unwrap_err();
        assert!(other.to_string().contains("it is about `fetch`"));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(load(&home, &id).unwrap_err().code(), "host/corrupt-consent");
    }
}
