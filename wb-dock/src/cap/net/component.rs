//! `workbooks:dock/net`.

use std::time::Duration;

use bytes::Bytes;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::{Request, Timeouts, Whole};
use crate::component::typed::{Store, interface, told};
use crate::guest::Guest;

#[derive(ComponentType, Lift)]
#[component(record)]
struct WitRequest {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    /// In milliseconds.
    timeout: Option<u32>,
    redirects: u8,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct WitResponse {
    status: u16,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl From<WitRequest> for Request {
    fn from(request: WitRequest) -> Self {
        let headers = request.headers.into_iter();
        Self {
            method: request.method,
            url: request.url,
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), Bytes::from(value)))
                .collect(),
            body: request.body.into(),
            timeouts: Timeouts::in_all(
                request
                    .timeout
                    .map(|millis| Duration::from_millis(millis.into())),
            ),
            redirects: request.redirects,
        }
    }
}

impl From<Whole> for WitResponse {
    fn from(response: Whole) -> Self {
        let headers = response.headers.into_iter();
        Self {
            status: response.status,
            url: response.url,
            headers: headers.map(|(name, value)| (name, value.into())).collect(),
            body: response.body.into(),
        }
    }
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(&interface("net"))?.func_wrap(
        "send",
        |store: Store<'_>, (request,): (WitRequest,)| {
            let response = super::send(&store.data().client, request.into());
            told(response.map(WitResponse::from))
        },
    )
}
