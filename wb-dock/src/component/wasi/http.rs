//! `wasi:http`: requests over the checked operation of `net`.
//!
//! A request goes off once it was handed over and its body is finished, whichever comes
//! last. The head of its answer is then there, so that nothing is left to be waited for; the
//! body is read as it comes, and reading it is what waits.
//! Components that serve requests can be loaded; nobody hands them one.

use wasmtime::component::{HasSelf, Linker, Resource};

use super::bindings::wasi::http::types::ErrorCode;
use super::bindings::wasi::http::{outgoing_handler, types};
use super::streams::StreamError;
use crate::cap::net::{Begun, field_bytes, send_or_read};
use crate::cap::{Failure, FailureKind};
use crate::client::Refusal;
use crate::guest::Guest;
use crate::limits::Stop;

mod exchange;
mod fields;
mod request;
mod response;
mod serving;

pub use exchange::{Exchange, OutgoingBody};
pub use fields::Fields;
pub use request::{OutgoingRequest, RequestOptions};
pub use response::{FutureResponse, FutureTrailers, IncomingBody, IncomingResponse};
pub use serving::{IncomingRequest, OutgoingResponse, ResponseOutparam};

pub(in crate::component) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let stable = types::LinkOptions::default();
    types::add_to_linker::<Guest, HasSelf<Guest>>(linker, &stable, |guest| guest)?;
    outgoing_handler::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

impl Guest {
    /// Sends what was handed over, if its body is finished too.
    fn send_if_whole(&mut self, exchange: &Exchange) -> wasmtime::Result<()> {
        let Some(whole) = exchange.take_whole() else {
            return Ok(());
        };
        let answer = match whole {
            Err(code) => Err(code),
            Ok(request) => match send_or_read(&self.client, request) {
                Ok(begun) => Ok(self.response(begun)?),
                Err(Refusal::Failed(failure)) => Err(code(failure)),
                Err(Refusal::Stop(stop)) => return Err(stop.into()),
            },
        };
        exchange.answer(answer);
        Ok(())
    }

    fn response(&self, begun: Begun) -> wasmtime::Result<IncomingResponse> {
        let budget = self.wasi.meter.budget();
        let bytes = field_bytes(&begun.headers) as u64;
        Ok(IncomingResponse {
            status: begun.status,
            headers: begun.headers,
            body: Some(begun.body),
            _held: budget.reserve_memory(bytes).map_err(Stop::Limit)?,
        })
    }
}

/// What failed, as far as HTTP has a word for it.
pub(super) fn code(failure: Failure) -> ErrorCode {
    match failure.kind {
        FailureKind::NotFound => ErrorCode::DestinationNotFound,
        FailureKind::Refused => ErrorCode::HttpRequestDenied,
        FailureKind::Unavailable => ErrorCode::DestinationUnavailable,
        FailureKind::TimedOut => ErrorCode::HttpResponseTimeout,
        FailureKind::BadRequest
        | FailureKind::Failed
        | FailureKind::Limit
        | FailureKind::TooDeep => ErrorCode::InternalError(Some(failure.message)),
    }
}

impl types::Host for Guest {
    /// Why the body of a response broke off; what is wrong with a body that is written, its
    /// `finish` tells.
    fn http_error_code(
        &mut self,
        error: Resource<StreamError>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(match self.table.get(&error)? {
            StreamError::Http(code) => Some(code.clone()),
            StreamError::Errno(_) => None,
        })
    }
}

impl outgoing_handler::Host for Guest {
    fn handle(
        &mut self,
        request: Resource<OutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> wasmtime::Result<Result<Resource<FutureResponse>, ErrorCode>> {
        let request = self.table.delete(request)?;
        let options = match options {
            Some(options) => self.table.delete(options)?,
            None => RequestOptions::default(),
        };
        let exchange = request.exchange();
        match request.with_options(&options) {
            Ok(request) => exchange.hand_over(request),
            Err(code) => return Ok(Err(code)),
        }
        self.send_if_whole(&exchange)?;
        self.hand(FutureResponse::of(exchange)).map(Ok)
    }
}
