use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use wb_dock::cap::{Failure, Principal, Secrets};
use wb_policy::Origin;
use wb_services::{Fill, Filled, Keys, Vault};
use zeroize::Zeroizing;

/// The vault of the nexus, read with the first call.
#[derive(Debug)]
pub(super) struct SharedVault {
    path: PathBuf,
    opened: OnceLock<Result<Vault, String>>,
}

impl SharedVault {
    pub(super) const fn at(path: PathBuf) -> Self {
        let opened = OnceLock::new();
        Self { path, opened }
    }

    fn opened(&self) -> Result<&Vault, Failure> {
        let open = || Vault::open(&self.path).map_err(|error| error.to_string());
        let opened = self.opened.get_or_init(open).as_ref();
        opened.map_err(|reason| Failure::unavailable(reason.clone()))
    }
}

impl Secrets for SharedVault {
    fn present(&self, who: &Principal<'_>, name: &str) -> Result<bool, Failure> {
        self.opened()?.present(who, name)
    }

    fn sign(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        self.opened()?.sign(who, name, data)
    }

    fn hmac(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure> {
        self.opened()?.hmac(who, name, data)
    }
}

impl Fill for SharedVault {
    fn fill(&self, who: &Principal<'_>, origin: &Origin, text: &[u8]) -> Result<Filled, Failure> {
        self.opened()?.fill(who, origin, text)
    }
}

impl Keys for SharedVault {
    fn key(&self, name: &str, origin: &Origin) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.opened()?.key(name, origin)
    }
}
