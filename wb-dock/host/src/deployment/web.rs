use std::fmt;
use std::sync::{Arc, OnceLock};

use wb_dock::cap::{
    Browse, Completion, Failure, Llm, Net, Page, Principal, Prompt, Request, Response,
};
use wb_services::{Egress, HttpBrowse, HttpClient, HttpLlm, Tls};

use super::vault::SharedVault;
use crate::config::Model;

/// HTTP and pages for guests, by one client that is made with the first call.
pub(super) struct Web {
    egress: Egress,
    tls: Tls,
    vault: Arc<SharedVault>,
    client: OnceLock<HttpClient>,
    browse: OnceLock<HttpBrowse>,
}

impl Web {
    pub(super) fn new(egress: Egress, tls: Tls, vault: Arc<SharedVault>) -> Self {
        let (client, browse) = (OnceLock::new(), OnceLock::new());
        Self {
            egress,
            tls,
            vault,
            client,
            browse,
        }
    }

    fn client(&self) -> &HttpClient {
        self.client.get_or_init(|| {
            let client = HttpClient::new(self.egress.clone(), self.tls.clone());
            client.secrets(self.vault.clone())
        })
    }
}

impl Net for Web {
    fn send(&self, who: &Principal<'_>, request: Request) -> Result<Response, Failure> {
        self.client().send(who, request)
    }
}

impl Browse for Web {
    fn fetch(&self, who: &Principal<'_>, url: &str) -> Result<Page, Failure> {
        let browse = || HttpBrowse::new(self.client().clone());
        self.browse.get_or_init(browse).fetch(who, url)
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Web");
        f.field("egress", &self.egress).finish_non_exhaustive()
    }
}

/// The deployer's language model, by a client of its own.
#[derive(Debug)]
pub(super) struct Models {
    model: Model,
    tls: Tls,
    vault: Arc<SharedVault>,
    opened: OnceLock<HttpLlm>,
}

impl Models {
    pub(super) fn new(model: Model, tls: Tls, vault: Arc<SharedVault>) -> Self {
        let opened = OnceLock::new();
        Self {
            model,
            tls,
            vault,
            opened,
        }
    }
}

impl Llm for Models {
    fn complete(
        &self,
        who: &Principal<'_>,
        prompt: &Prompt,
    ) -> Result<Box<dyn Completion>, Failure> {
        let open = || {
            let client = HttpClient::new(self.model.egress(), self.tls.clone());
            HttpLlm::new(client, self.model.provider()).keys(self.vault.clone())
        };
        self.opened.get_or_init(open).complete(who, prompt)
    }
}
