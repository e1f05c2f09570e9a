//! Who runs: the one thing that every guest is told.

use wasmtime::{Caller, Linker};

use crate::client::Client;
use crate::guest::Guest;
use crate::import::{Answer, answer};
use crate::limits::Stop;

pub(crate) mod component;

/// Who runs something: what a guest is told by `session-info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Name of the session.
    pub id: String,
    /// On whose behalf it runs.
    pub tenant: String,
}

#[derive(serde::Serialize)]
struct Info<'a> {
    id: &'a str,
    tenant: &'a str,
    profile: &'a str,
}

/// JSON `{"id","tenant","profile"}`.
pub(crate) fn info(client: &Client) -> Result<String, Stop> {
    client.ambient_call()?;
    let session = &client.services.session;
    let info = Info {
        id: &session.id,
        tenant: &session.tenant,
        profile: client.grant.profile_name(),
    };
    Ok(serde_json::to_string(&info).expect("strings always have a JSON form"))
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap("wb:session", "info", |mut caller: Caller<'_, Guest>| {
        answer(
            &mut caller,
            |_| Ok(()),
            |client, ()| Ok(Answer::value(info(client)?)),
        )
    })?;
    Ok(())
}
