//! The other side, for components that serve as well: their own responses can be made, and
//! what only a server could give them, nobody has.

use wasmtime::component::Resource;

use super::super::bindings::wasi::http::types::{
    ErrorCode, HostIncomingRequest, HostOutgoingResponse, HostResponseOutparam, Method, Scheme,
};
use super::{Exchange, Fields, IncomingBody, OutgoingBody};
use crate::guest::Guest;

/// A request to be served, of which there is none.
#[derive(Debug)]
pub enum IncomingRequest {}

/// Where a response goes, of which there is none.
#[derive(Debug)]
pub enum ResponseOutparam {}

/// A response of the guest.
#[derive(Debug)]
pub struct OutgoingResponse {
    status: u16,
    headers: Fields,
    has_body: bool,
}

impl HostIncomingRequest for Guest {
    fn method(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<Method> {
        match *self.table.get(&request)? {}
    }

    fn path_with_query(
        &mut self,
        request: Resource<IncomingRequest>,
    ) -> wasmtime::Result<Option<String>> {
        match *self.table.get(&request)? {}
    }

    fn scheme(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<Option<Scheme>> {
        match *self.table.get(&request)? {}
    }

    fn authority(
        &mut self,
        request: Resource<IncomingRequest>,
    ) -> wasmtime::Result<Option<String>> {
        match *self.table.get(&request)? {}
    }

    fn headers(
        &mut self,
        request: Resource<IncomingRequest>,
    ) -> wasmtime::Result<Resource<Fields>> {
        match *self.table.get(&request)? {}
    }

    fn consume(
        &mut self,
        request: Resource<IncomingRequest>,
    ) -> wasmtime::Result<Result<Resource<IncomingBody>, ()>> {
        match *self.table.get(&request)? {}
    }

    fn drop(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<()> {
        match self.table.delete(request)? {}
    }
}

impl HostResponseOutparam for Guest {
    fn send_informational(
        &mut self,
        out: Resource<ResponseOutparam>,
        _status: u16,
        _headers: Resource<Fields>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        match *self.table.get(&out)? {}
    }

    fn set(
        &mut self,
        out: Resource<ResponseOutparam>,
        _response: Result<Resource<OutgoingResponse>, ErrorCode>,
    ) -> wasmtime::Result<()> {
        match self.table.delete(out)? {}
    }

    fn drop(&mut self, out: Resource<ResponseOutparam>) -> wasmtime::Result<()> {
        match self.table.delete(out)? {}
    }
}

impl HostOutgoingResponse for Guest {
    fn new(&mut self, headers: Resource<Fields>) -> wasmtime::Result<Resource<OutgoingResponse>> {
        let headers = self.table.delete(headers)?.frozen();
        self.hand(OutgoingResponse {
            status: 200,
            headers,
            has_body: false,
        })
    }

    fn status_code(&mut self, response: Resource<OutgoingResponse>) -> wasmtime::Result<u16> {
        Ok(self.table.get(&response)?.status)
    }

    fn set_status_code(
        &mut self,
        response: Resource<OutgoingResponse>,
        status: u16,
    ) -> wasmtime::Result<Result<(), ()>> {
        let response = self.table.get_mut(&response)?;
        if !(100..=999).contains(&status) {
            return Ok(Err(()));
        }
        response.status = status;
        Ok(Ok(()))
    }

    fn headers(
        &mut self,
        response: Resource<OutgoingResponse>,
    ) -> wasmtime::Result<Resource<Fields>> {
        let entries = self.table.get(&response)?.headers.entries().to_vec();
        self.new_fields(entries, false)
    }

    fn body(
        &mut self,
        response: Resource<OutgoingResponse>,
    ) -> wasmtime::Result<Result<Resource<OutgoingBody>, ()>> {
        let response = self.table.get_mut(&response)?;
        if std::mem::replace(&mut response.has_body, true) {
            return Ok(Err(()));
        }
        let body = OutgoingBody {
            exchange: Exchange::default(),
            is_written: false,
        };
        self.hand(body).map(Ok)
    }

    fn drop(&mut self, response: Resource<OutgoingResponse>) -> wasmtime::Result<()> {
        self.table.delete(response)?;
        Ok(())
    }
}
