//! `workbooks:dock/browse`.

use wasmtime::component::{ComponentType, Linker, Lower};

use super::{Link, Page};
use crate::component::typed::{Store, interface, told};
use crate::guest::Guest;

#[derive(ComponentType, Lower)]
#[component(record)]
struct WitLink {
    text: String,
    url: String,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct WitPage {
    url: String,
    status: u16,
    title: String,
    text: String,
    links: Vec<WitLink>,
}

impl From<Page> for WitPage {
    fn from(page: Page) -> Self {
        let links = page.links.into_iter();
        Self {
            url: page.url,
            status: page.status,
            title: page.title,
            text: page.text,
            links: links
                .map(|Link { text, url }| WitLink { text, url })
                .collect(),
        }
    }
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(&interface("browse"))?.func_wrap(
        "fetch",
        |store: Store<'_>, (url,): (String,)| {
            told(super::fetch(&store.data().client, &url).map(WitPage::from))
        },
    )
}
