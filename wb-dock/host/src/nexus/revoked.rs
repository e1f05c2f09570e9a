//! Consent taken back while a guest runs.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use wb_dock::cap::{Principal, Revocations};
use wb_manifest::ToolkitId;
use wb_policy::{Cap, CapSet, Trust};

use super::Nexus;
use crate::consent;

/// The consent records, looked at again with every call of somebody else's guest.
///
/// A look is one question to the file system; a record is read when it has changed.
pub(super) struct ConsentRecords {
    nexus: Nexus,
    /// The toolkit of each program that has asked.
    toolkits: Mutex<BTreeMap<String, Option<ToolkitId>>>,
    /// What each record grants, and the state of its file when it was read.
    read: Mutex<BTreeMap<ToolkitId, (Stamp, CapSet)>>,
}

/// Changes whenever a record is replaced: time and length, or no file at all.
type Stamp = Option<(SystemTime, u64)>;

impl ConsentRecords {
    pub(super) fn new(nexus: &Nexus) -> Self {
        Self {
            nexus: nexus.clone(),
            toolkits: Mutex::default(),
            read: Mutex::default(),
        }
    }

    fn toolkit(&self, program: &str) -> Option<ToolkitId> {
        let mut known = self.toolkits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(toolkit) = known.get(program) {
            return toolkit.clone();
        }
        let binding = self.nexus.resolve(program).ok();
        let toolkit = binding.and_then(|binding| binding.toolkit.clone());
        known.insert(program.to_owned(), toolkit.clone());
        toolkit
    }

    /// What the record of `toolkit` grants now; one that cannot be read, nothing.
    fn granted(&self, toolkit: &ToolkitId) -> CapSet {
        let home = self.nexus.home();
        let found = fs::metadata(home.consent().join(format!("{toolkit}.json"))).ok();
        let stamp = found.and_then(|meta| Some((meta.modified().ok()?, meta.len())));
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match read.get(toolkit) {
            Some((seen, caps)) if *seen == stamp => *caps,
            _ => {
                let record = consent::load(home, toolkit).ok().flatten();
                let caps = record.map_or(CapSet::EMPTY, |record| record.caps());
                read.insert(toolkit.clone(), (stamp, caps));
                caps
            }
        }
    }
}

impl Revocations for ConsentRecords {
    fn is_revoked(&self, who: &Principal<'_>, cap: Cap) -> bool {
        // One's own code runs without a record.
        if who.grant().trust() == Trust::FirstParty {
            return false;
        }
        let toolkit = self.toolkit(who.program());
        !toolkit.is_some_and(|toolkit| self.granted(&toolkit).contains(cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Home;
    use wb_dock::{Grant, Session};
    use wb_policy::{Budget, Consent, Profile};
    use wb_registry::{Binding, Store as _};

    #[test]
    fn what_is_taken_back_is_refused_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let nexus = Nexus::open(Home::at(dir.path()));
        let id: ToolkitId = "fetch".parse().unwrap();
        let bind = |store: &crate::DiskStore| {
            let digest = store.put(b"\0asm")?;
            let binding = Binding::command("get".parse().unwrap(), digest);
            Ok(vec![Binding {
                trust: Trust::ThirdParty,
                ..binding.in_toolkit(&id)
            }])
        };
        nexus.register(bind).unwrap();
        let caps = CapSet::from_iter([Cap::Kv, Cap::Queue]);
        let consent = Consent::new("fetch", caps, "ada", "now");
        consent::save(nexus.home(), &consent).unwrap();
        let profile = Profile::posix();
        let session = Session::default();
        let records = ConsentRecords::new(&nexus);
        let revoked = |trust, cap| {
            let grant = Grant::decide(caps, trust, &profile, Some(&consent)).unwrap();
            let budget = Budget::new("get", grant.limits());
            let who = Principal::new(&session, "get", &grant, budget);
            records.is_revoked(&who, cap)
        };
        assert!(!revoked(Trust::ThirdParty, Cap::Kv) && !revoked(Trust::ThirdParty, Cap::Queue));
        consent::revoke(nexus.home(), &id, CapSet::of(Cap::Kv)).unwrap();
        assert!(revoked(Trust::ThirdParty, Cap::Kv) && !revoked(Trust::ThirdParty, Cap::Queue));
        consent::remove(nexus.home(), &id).unwrap();
        assert!(revoked(Trust::ThirdParty, Cap::Queue));
        assert!(!revoked(Trust::FirstParty, Cap::Queue));
    }
}
