//! `workbooks:dock/session`.

use wasmtime::component::{ComponentType, Linker, Lower};

use crate::component::typed::{Store, interface};
use crate::guest::Guest;

#[derive(ComponentType, Lower)]
#[component(record)]
struct Identity {
    id: String,
    tenant: String,
    profile: String,
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker
        .instance(&interface("session"))?
        .func_wrap("info", |store: Store<'_>, ()| {
            let client = &store.data().client;
            client.ambient_call()?;
            let session = &client.services.session;
            Ok((Identity {
                id: session.id.clone(),
                tenant: session.tenant.clone(),
                profile: client.grant.profile_name().to_owned(),
            },))
        })
}
