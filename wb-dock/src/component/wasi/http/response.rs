use bytes::Bytes;
use wasmtime::component::Resource;
use wb_policy::MemoryReservation;

use super::super::bindings::wasi::http::types::{
    ErrorCode, HostFutureIncomingResponse, HostFutureTrailers, HostIncomingBody,
    HostIncomingResponse,
};
use super::super::clocks::Pollable;
use super::super::streams::InputStream;
use super::{Exchange, Fields};
use crate::cap::net::Incoming;
use crate::guest::Guest;

/// The response to a request that was handed over.
#[derive(Debug)]
pub struct FutureResponse(Exchange);

impl FutureResponse {
    pub(super) const fn of(exchange: Exchange) -> Self {
        Self(exchange)
    }
}

/// A response, of which the head is there.
#[derive(Debug)]
pub struct IncomingResponse {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Bytes)>,
    /// Until it is taken.
    pub(super) body: Option<Incoming>,
    /// For the header fields.
    pub(super) _held: MemoryReservation,
}

/// The body of a response, until its stream is taken.
#[derive(Debug)]
pub struct IncomingBody(Option<Incoming>);

/// Trailers: none come.
#[derive(Debug)]
pub struct FutureTrailers {
    is_taken: bool,
}

impl HostFutureIncomingResponse for Guest {
    fn subscribe(
        &mut self,
        future: Resource<FutureResponse>,
    ) -> wasmtime::Result<Resource<Pollable>> {
        let exchange = self.table.get(&future)?.0.clone();
        self.hand(Pollable::Answer(exchange))
    }

    fn get(
        &mut self,
        future: Resource<FutureResponse>,
    ) -> wasmtime::Result<Option<Result<Result<Resource<IncomingResponse>, ErrorCode>, ()>>> {
        let answer = self.table.get(&future)?.0.take_answer();
        Ok(match answer {
            None => None,
            Some(Err(())) => Some(Err(())),
            Some(Ok(Err(code))) => Some(Ok(Err(code))),
            Some(Ok(Ok(response))) => Some(Ok(Ok(self.hand(response)?))),
        })
    }

    fn drop(&mut self, future: Resource<FutureResponse>) -> wasmtime::Result<()> {
        self.table.delete(future)?;
        Ok(())
    }
}

impl HostIncomingResponse for Guest {
    fn status(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<u16> {
        Ok(self.table.get(&response)?.status)
    }

    fn headers(
        &mut self,
        response: Resource<IncomingResponse>,
    ) -> wasmtime::Result<Resource<Fields>> {
        let entries = self.table.get(&response)?.headers.clone();
        self.new_fields(entries, false)
    }

    fn consume(
        &mut self,
        response: Resource<IncomingResponse>,
    ) -> wasmtime::Result<Result<Resource<IncomingBody>, ()>> {
        match self.table.get_mut(&response)?.body.take() {
            Some(body) => self.hand(IncomingBody(Some(body))).map(Ok),
            None => Ok(Err(())),
        }
    }

    fn drop(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<()> {
        self.table.delete(response)?;
        Ok(())
    }
}

impl HostIncomingBody for Guest {
    fn stream(
        &mut self,
        body: Resource<IncomingBody>,
    ) -> wasmtime::Result<Result<Resource<InputStream>, ()>> {
        match self.table.get_mut(&body)?.0.take() {
            Some(body) => self.hand(InputStream::Body(body)).map(Ok),
            None => Ok(Err(())),
        }
    }

    fn finish(
        &mut self,
        body: Resource<IncomingBody>,
    ) -> wasmtime::Result<Resource<FutureTrailers>> {
        self.table.delete(body)?;
        self.hand(FutureTrailers { is_taken: false })
    }

    fn drop(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

impl HostFutureTrailers for Guest {
    fn subscribe(&mut self, _: Resource<FutureTrailers>) -> wasmtime::Result<Resource<Pollable>> {
        self.hand(Pollable::Ready)
    }

    fn get(
        &mut self,
        future: Resource<FutureTrailers>,
    ) -> wasmtime::Result<Option<Result<Result<Option<Resource<Fields>>, ErrorCode>, ()>>> {
        let future = self.table.get_mut(&future)?;
        if std::mem::replace(&mut future.is_taken, true) {
            return Ok(Some(Err(())));
        }
        Ok(Some(Ok(Ok(None))))
    }

    fn drop(&mut self, future: Resource<FutureTrailers>) -> wasmtime::Result<()> {
        self.table.delete(future)?;
        Ok(())
    }
}
