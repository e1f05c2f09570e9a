//! Heads of requests and responses as the JSON that core modules pass.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use super::{Request, Timeouts, Whole};
use crate::cap::Failure;
use crate::client::check_size;

/// Redirects that are followed when the request does not say.
const REDIRECTS: u8 = 5;
/// Largest head as JSON, in bytes: escapes may take six times what they stand for.
const MAX_HEAD: usize = 512 << 10;

/// `{"method","url","headers":[[name,value]],"timeout_ms","redirects"}`; only the URL
/// is needed.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadIn {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    timeout_ms: Option<u64>,
    #[serde(default = "redirects")]
    redirects: u8,
}

fn get() -> String {
    "GET".to_owned()
}

const fn redirects() -> u8 {
    REDIRECTS
}

impl HeadIn {
    pub(super) fn read(json: &[u8]) -> Result<Self, Failure> {
        check_size("the head", json.len(), MAX_HEAD)?;
        serde_json::from_slice(json)
            .map_err(|error| Failure::bad_request(format!("the head of the request: {error}")))
    }

    pub(super) fn with_body(self, body: &[u8]) -> Request {
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value.into());
        Request {
            method: self.method,
            url: self.url,
            headers: self.headers.into_iter().map(lower).collect(),
            body: Bytes::copy_from_slice(body),
            timeouts: Timeouts::in_all(self.timeout_ms.map(Duration::from_millis)),
            redirects: self.redirects,
        }
    }
}

/// `{"status","url","headers":[[name,value]]}`. What is not UTF-8 in a value reads as
/// U+FFFD.
#[derive(serde::Serialize)]
pub(super) struct HeadOut<'a> {
    status: u16,
    url: &'a str,
    headers: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> HeadOut<'a> {
    pub(super) fn of(whole: &'a Whole) -> Self {
        let headers = whole.headers.iter();
        Self {
            status: whole.status,
            url: &whole.url,
            headers: headers
                .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value)))
                .collect(),
        }
    }

    pub(super) fn to_json(&self) -> Bytes {
        let json = serde_json::to_vec(self);
        json.expect("numbers and strings always have a JSON form")
            .into()
    }
}
