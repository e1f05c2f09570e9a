//! What stands behind the capabilities on this machine.

mod storage;
mod vault;
mod web;

use std::sync::Arc;

use wb_dock::Services;
use wb_dock::cap::Net;
use wb_services::{OsSockets, Tls};

use crate::config::Config;
use crate::error::Error;
use crate::home::Home;

use self::storage::Storage;
use self::vault::SharedVault;
use self::web::{Models, Web};

/// The services of a nexus, as its deployer set them up.
///
/// Nothing is opened and no connection prepared before a guest calls for it: most
/// runs call for nothing.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) config: Config,
    storage: Arc<Storage>,
    vault: Arc<SharedVault>,
    web: Arc<Web>,
    models: Option<Arc<Models>>,
    sockets: Arc<OsSockets>,
}

impl Deployment {
    pub(crate) fn of(home: &Home) -> Result<Self, Error> {
        let config = Config::load(home)?;
        let vault = Arc::new(SharedVault::at(home.vault()));
        let (egress, tls) = (config.egress.egress(), Tls::system());
        let models = config.llm.clone();
        let models = models.map(|model| Arc::new(Models::new(model, tls.clone(), vault.clone())));
        Ok(Self {
            storage: Arc::new(Storage::at(home.storage())),
            web: Arc::new(Web::new(egress.clone(), tls.clone(), vault.clone())),
            sockets: Arc::new(OsSockets::new(egress, tls)),
            config,
            vault,
            models,
        })
    }

    /// HTTP within the deployer's egress policy, which fills in secrets.
    pub(crate) fn net(&self) -> &dyn Net {
        &*self.web
    }

    /// Puts everything there is behind its capability.
    pub(crate) fn equip(&self, services: Services) -> Services {
        let services = services
            .vfs(self.storage.clone())
            .kv(self.storage.clone())
            .queue(self.storage.clone())
            .secrets(self.vault.clone())
            .net(self.web.clone())
            .browse(self.web.clone())
            .sockets(self.sockets.clone());
        match &self.models {
            Some(models) => services.llm(models.clone()),
            None => services,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_dock::cap::{Kv as _, Principal, Secrets as _};
    use wb_dock::{Grant, Session};
    use wb_policy::Budget;
    use wb_services::{Owner, Secret, Vault};

    #[test]
    fn what_one_process_keeps_the_next_one_finds() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("nexus"));
        let session = Session {
            id: "1".into(),
            tenant: "local".into(),
        };
        let grant = Grant::none();
        let who = Principal::new(&session, "t", &grant, Budget::new("t", grant.limits()));
        let first = Deployment::of(&home).unwrap();
        let _ = first.equip(Services::default());
        assert!(!home.root().exists(), "nothing is made before it is needed");
        first.storage.put(&who, "a", "b".into()).unwrap();
        let second = Deployment::of(&home).unwrap();
        let found = second.storage.get(&who, "a").unwrap();
        assert_eq!(found.as_deref(), Some(&b"b"[..]));

        assert!(!second.vault.present(&who, "TOKEN").unwrap());
        let vault = Vault::open(home.vault()).unwrap();
        let owner = Owner::Tenant("local".into());
        vault.set(owner, "TOKEN", Secret::token("x")).unwrap();
        assert!(second.vault.present(&who, "TOKEN").unwrap());
    }
}
