use std::time::Duration;

use bytes::Bytes;
use wasmtime::component::Resource;

use super::super::bindings::wasi::http::types::{
    ErrorCode, HostOutgoingRequest, HostRequestOptions, Method, Scheme,
};
use super::{Exchange, Fields, OutgoingBody};
use crate::cap::net::{MAX_URL, Request, Timeouts};
use crate::guest::Guest;

/// A request before it is handed over.
#[derive(Debug)]
pub struct OutgoingRequest {
    method: Method,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path: Option<String>,
    headers: Fields,
    /// There once the guest asked for the body.
    exchange: Option<Exchange>,
}

/// How long the parts of a request may take, in nanoseconds.
#[derive(Debug, Default)]
pub struct RequestOptions {
    connect: Option<u64>,
    first_byte: Option<u64>,
    between_bytes: Option<u64>,
}

impl From<&RequestOptions> for Timeouts {
    fn from(options: &RequestOptions) -> Self {
        Self {
            total: None,
            connect: options.connect.map(Duration::from_nanos),
            first_byte: options.first_byte.map(Duration::from_nanos),
            between_bytes: options.between_bytes.map(Duration::from_nanos),
        }
    }
}

fn method_name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}

/// Whether `part` of a URL is made of visible characters, none of them in `none_of`, and no
/// longer than a URL can be.
fn is_part(part: &str, none_of: &str) -> bool {
    part.len() <= MAX_URL
        && part
            .chars()
            .all(|char| char.is_ascii_graphic() && !none_of.contains(char))
}

impl OutgoingRequest {
    pub(super) fn exchange(&self) -> Exchange {
        let exchange = self.exchange.clone();
        exchange.unwrap_or_else(Exchange::without_body)
    }

    /// The request as it is sent, but for its body.
    pub(super) fn with_options(self, options: &RequestOptions) -> Result<Request, ErrorCode> {
        let scheme = match self.scheme {
            None | Some(Scheme::Https) => "https",
            Some(Scheme::Http) => "http",
            Some(Scheme::Other(_)) => return Err(ErrorCode::HttpRequestUriInvalid),
        };
        let authority = self.authority.ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let path = self.path.unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Request {
            method: method_name(&self.method).to_owned(),
            url: format!("{scheme}://{authority}{slash}{path}"),
            headers: self.headers.entries().to_vec(),
            body: Bytes::new(),
            timeouts: options.into(),
            redirects: 0,
        })
    }
}

impl HostOutgoingRequest for Guest {
    fn new(&mut self, headers: Resource<Fields>) -> wasmtime::Result<Resource<OutgoingRequest>> {
        let headers = self.table.delete(headers)?.frozen();
        self.hand(OutgoingRequest {
            method: Method::Get,
            scheme: None,
            authority: None,
            path: None,
            headers,
            exchange: None,
        })
    }

    fn body(
        &mut self,
        request: Resource<OutgoingRequest>,
    ) -> wasmtime::Result<Result<Resource<OutgoingBody>, ()>> {
        let request = self.table.get_mut(&request)?;
        if request.exchange.is_some() {
            return Ok(Err(()));
        }
        let declared = match request.headers.values("content-length").next() {
            None => None,
            Some(value) => match std::str::from_utf8(value).map(str::parse) {
                Ok(Ok(length)) => Some(length),
                _ => return Ok(Err(())),
            },
        };
        let exchange = Exchange::declaring(declared);
        request.exchange = Some(exchange.clone());
        let body = OutgoingBody {
            exchange,
            is_written: false,
        };
        self.hand(body).map(Ok)
    }

    fn method(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Method> {
        Ok(self.table.get(&request)?.method.clone())
    }

    fn set_method(
        &mut self,
        request: Resource<OutgoingRequest>,
        method: Method,
    ) -> wasmtime::Result<Result<(), ()>> {
        let request = self.table.get_mut(&request)?;
        let name = method_name(&method);
        if !matches!(name.len(), 1..=32) || !name.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(Err(()));
        }
        request.method = method;
        Ok(Ok(()))
    }

    fn path_with_query(
        &mut self,
        request: Resource<OutgoingRequest>,
    ) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&request)?.path.clone())
    }

    fn set_path_with_query(
        &mut self,
        request: Resource<OutgoingRequest>,
        path: Option<String>,
    ) -> wasmtime::Result<Result<(), ()>> {
        let request = self.table.get_mut(&request)?;
        let is_valid =
            |path: &str| (path.is_empty() || path.starts_with(['/', '?'])) && is_part(path, "#\\");
        if !path.as_deref().is_none_or(is_valid) {
            return Ok(Err(()));
        }
        request.path = path;
        Ok(Ok(()))
    }

    fn scheme(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Option<Scheme>> {
        Ok(self.table.get(&request)?.scheme.clone())
    }

    fn set_scheme(
        &mut self,
        request: Resource<OutgoingRequest>,
        scheme: Option<Scheme>,
    ) -> wasmtime::Result<Result<(), ()>> {
        let request = self.table.get_mut(&request)?;
        if matches!(scheme, Some(Scheme::Other(_))) {
            return Ok(Err(()));
        }
        request.scheme = scheme;
        Ok(Ok(()))
    }

    fn authority(
        &mut self,
        request: Resource<OutgoingRequest>,
    ) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&request)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        request: Resource<OutgoingRequest>,
        authority: Option<String>,
    ) -> wasmtime::Result<Result<(), ()>> {
        let request = self.table.get_mut(&request)?;
        let is_valid = |authority: &str| !authority.is_empty() && is_part(authority, "/?#@\\");
        if !authority.as_deref().is_none_or(is_valid) {
            return Ok(Err(()));
        }
        request.authority = authority;
        Ok(Ok(()))
    }

    fn headers(
        &mut self,
        request: Resource<OutgoingRequest>,
    ) -> wasmtime::Result<Resource<Fields>> {
        let entries = self.table.get(&request)?.headers.entries().to_vec();
        self.new_fields(entries, false)
    }

    fn drop(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<()> {
        self.table.delete(request)?;
        Ok(())
    }
}

impl HostRequestOptions for Guest {
    fn new(&mut self) -> wasmtime::Result<Resource<RequestOptions>> {
        self.hand(RequestOptions::default())
    }

    fn connect_timeout(
        &mut self,
        options: Resource<RequestOptions>,
    ) -> wasmtime::Result<Option<u64>> {
        Ok(self.table.get(&options)?.connect)
    }

    fn set_connect_timeout(
        &mut self,
        options: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.table.get_mut(&options)?.connect = duration;
        Ok(Ok(()))
    }

    fn first_byte_timeout(
        &mut self,
        options: Resource<RequestOptions>,
    ) -> wasmtime::Result<Option<u64>> {
        Ok(self.table.get(&options)?.first_byte)
    }

    fn set_first_byte_timeout(
        &mut self,
        options: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.table.get_mut(&options)?.first_byte = duration;
        Ok(Ok(()))
    }

    fn between_bytes_timeout(
        &mut self,
        options: Resource<RequestOptions>,
    ) -> wasmtime::Result<Option<u64>> {
        Ok(self.table.get(&options)?.between_bytes)
    }

    fn set_between_bytes_timeout(
        &mut self,
        options: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.table.get_mut(&options)?.between_bytes = duration;
        Ok(Ok(()))
    }

    fn drop(&mut self, options: Resource<RequestOptions>) -> wasmtime::Result<()> {
        self.table.delete(options)?;
        Ok(())
    }
}
