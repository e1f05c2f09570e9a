use wasmtime::{Caller, Linker};

use super::{args, length};
use crate::guest::Guest;

#[derive(serde::Serialize)]
struct Info<'a> {
    id: &'a str,
    tenant: &'a str,
    profile: &'a str,
}

/// Who runs the guest, in JSON.
pub(crate) fn info_json(guest: &Guest) -> String {
    let session = &guest.services.session;
    let info = Info {
        id: &session.id,
        tenant: &session.tenant,
        profile: guest.grant.profile_name(),
    };
    serde_json::to_string(&info).expect("strings always have a JSON form")
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap("wb:session", "info", |mut caller: Caller<'_, Guest>| {
        let guest = caller.data_mut();
        args::begin(guest)?;
        let info = info_json(guest);
        let len = length(info.len());
        guest.reply.set_value(info.into());
        wasmtime::Result::Ok(len)
    })?;
    Ok(())
}
