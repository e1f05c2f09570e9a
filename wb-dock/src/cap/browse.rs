use wasmtime::{Caller, Linker};
use wb_policy::Cap;

use super::net::web_origin;
use super::{Failure, Principal};
use crate::client::{Call, Client, Received, Refusal};
use crate::guest::Guest;
use crate::import::{Answer, answer};

pub(crate) mod component;

/// Reads pages of the web.
pub trait Browse: Send + Sync {
    /// Fetches `url`, which has at most 8 KiB, and takes from it what people read.
    ///
    /// # Errors
    ///
    /// As for [`Net::send`](super::Net::send), and
    /// [`FailureKind::Failed`](super::FailureKind::Failed) when what came is not text.
    fn fetch(&self, who: &Principal<'_>, url: &str) -> Result<Page, Failure>;
}

/// A page as a guest gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Page {
    /// Where it came from, after redirects.
    pub url: String,
    /// The status code of the response.
    pub status: u16,
    /// Its title; empty when it has none.
    pub title: String,
    /// Its text, a line per block, without markup, scripts and styles.
    pub text: String,
    /// Its links, absolute, in order.
    pub links: Vec<Link>,
}

/// A link on a page.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Link {
    /// What it is called.
    pub text: String,
    /// Where it leads.
    pub url: String,
}

impl Received for Page {
    fn bytes(&self) -> usize {
        let links = self.links.iter();
        let links: usize = links.map(|link| link.text.len() + link.url.len()).sum();
        self.url.len() + self.title.len() + self.text.len() + links
    }
}

pub(crate) fn fetch(client: &Client, url: &str) -> Result<Page, Refusal> {
    let call = client.call(Cap::Browse)?;
    let origin = web_origin(url)?;
    Call::in_reach(&call.scopes().browse, &origin, format_args!("`{origin}`"))?;
    let browse = call.service(|services| &services.browse)?;
    call.ask(url.len(), |who| browse.fetch(who, url))
}

/// The core module `wb:browse`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:browse",
        "fetch",
        |mut caller: Caller<'_, Guest>, url: u32, url_len: u32| {
            answer(
                &mut caller,
                |memory| memory.text("the URL", (url, url_len)),
                |client, url| {
                    let page = fetch(client, url)?;
                    let json = serde_json::to_vec(&page);
                    Ok(Answer::value(json.expect("a page always has a JSON form")))
                },
            )
        },
    )?;
    Ok(())
}
