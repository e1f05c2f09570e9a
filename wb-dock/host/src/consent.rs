//! Consent records on disk: `consent/<toolkit>.json`, one a toolkit.

use std::io;

use wb_manifest::ToolkitId;
use wb_policy::{Cap, CapSet, Consent};

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

/// Adds `consent` to what was granted to its toolkit before, and gives the record
/// that holds from now on.
///
/// For the capabilities it names it replaces how far they reach; others stay as
/// they are. A record about another artifact is replaced as a whole.
///
/// # Errors
///
/// As [`load`] and [`save`].
pub fn grant(home: &Home, consent: Consent) -> Result<Consent, Error> {
    let earlier = match consent.toolkit().parse() {
        Ok(toolkit) => load(home, &toolkit)?,
        Err(_) => None,
    };
    let consent = match earlier {
        Some(earlier) if earlier.artifact() == consent.artifact() => consent.over(&earlier),
        _ => consent,
    };
    save(home, &consent)?;
    Ok(consent)
}

/// What [`revoke`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// What was granted and is no more.
    pub taken: CapSet,
    /// What stays granted.
    pub left: CapSet,
}

/// Takes `caps` back from `toolkit`; `None` if there is no consent to it.
///
/// A guest that runs meanwhile loses them with its next call.
///
/// # Errors
///
/// What the system said. A record that cannot be read is removed whole if every
/// capability is taken, else it is [`ErrorKind::CorruptConsent`].
pub fn revoke(home: &Home, toolkit: &ToolkitId, caps: CapSet) -> Result<Option<Revoked>, Error> {
    let every = Cap::ALL.into_iter().collect::<CapSet>().is_subset(caps);
    let consent = match load(home, toolkit) {
        Ok(Some(consent)) => consent,
        Ok(None) => return Ok(None),
        Err(_) if every => {
            remove(home, toolkit)?;
            let (taken, left) = (caps, CapSet::EMPTY);
            return Ok(Some(Revoked { taken, left }));
        }
        Err(error) => return Err(error),
    };
    let left = consent.caps().difference(caps);
    let taken = consent.caps().intersection(caps);
    if left.is_empty() {
        remove(home, toolkit)?;
    } else {
        save(home, &consent.without(caps))?;
    }
    Ok(Some(Revoked { taken, left }))
}

/// A toolkit and the consent to it, or why that cannot be read.
pub type Record = (ToolkitId, Result<Consent, Error>);

/// Every record there is, in order of name; one that cannot be read is an error
/// of its own.
///
/// # Errors
///
/// What the system said about the directory.
pub fn all(home: &Home) -> Result<Vec<Record>, Error> {
    let entries = match std::fs::read_dir(home.consent()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| Error::io("list", "consent", error))?,
    };
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name();
        name.to_str()?
            .strip_suffix(".json")?
            .parse::<ToolkitId>()
            .ok()
    };
    let mut ids: Vec<_> = entries.flatten().filter_map(name).collect();
    ids.sort_unstable();
    let record = |id: ToolkitId| {
        let record = load(home, &id).and_then(|found| {
            let gone = || ErrorKind::NotFound {
                name: format!("consent/{id}.json"),
            };
            Ok(found.ok_or_else(gone)?)
        });
        (id, record)
    };
    Ok(ids.into_iter().map(record).collect())
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

    #[test]
    fn grants_add_up_and_are_taken_back_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let id: ToolkitId = "fetch".parse().unwrap();
        let give = |cap, scopes: &str| {
            let scopes = serde_json::from_str(scopes).unwrap();
            let consent = Consent::new("fetch", CapSet::of(cap), "ada", "now").within(&scopes);
            grant(&home, consent).unwrap()
        };
        assert_eq!(revoke(&home, &id, CapSet::of(Cap::Net)).unwrap(), None);
        give(Cap::Net, r#"{"net":["https://a.example"]}"#);
        let both = give(Cap::Kv, r#"{"kv":["cache-*"]}"#);
        assert_eq!(both.caps(), CapSet::from_iter([Cap::Net, Cap::Kv]));
        let scopes = serde_json::to_string(both.scopes()).unwrap();
        assert_eq!(scopes, r#"{"net":["https://a.example"],"kv":["cache-*"]}"#);
        let wide = give(Cap::Net, "{}");
        assert!(wide.scopes().net.is_everything() && !wide.scopes().kv.is_everything());

        let revoked = revoke(&home, &id, CapSet::of(Cap::Net)).unwrap().unwrap();
        assert_eq!(revoked.left, CapSet::of(Cap::Kv));
        assert_eq!(all(&home).unwrap().len(), 1);
        let every = Cap::ALL.into_iter().collect();
        assert!(revoke(&home, &id, every).unwrap().unwrap().left.is_empty());
        assert!(all(&home).unwrap().is_empty());
        assert_eq!(load(&home, &id).unwrap(), None);
    }

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
