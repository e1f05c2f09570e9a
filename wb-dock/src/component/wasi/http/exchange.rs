use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::Resource;
use wb_policy::{Budget, MemoryReservation};

use super::super::StreamFail;
use super::super::bindings::wasi::http::types::{ErrorCode, HostOutgoingBody};
use super::super::streams::OutputStream;
use super::{Fields, IncomingResponse};
use crate::cap::net::{MAX_BODY, Request};
use crate::guest::Guest;
use crate::wasi::Errno;

/// A request that is being written, and what came of it: what the handles of its body, of
/// its stream and of its response have in common.
#[derive(Clone, Default)]
pub struct Exchange(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    body: Vec<u8>,
    held: Option<MemoryReservation>,
    /// How long the body is by `content-length`.
    declared: Option<u64>,
    /// Whether the body is finished, or why it never will be.
    end: Option<Result<(), ErrorCode>>,
    /// What was handed over and not yet sent; its body is in `body`.
    request: Option<Request>,
    answer: Answer,
}

#[derive(Default)]
enum Answer {
    #[default]
    Awaited,
    Here(Box<Result<IncomingResponse, ErrorCode>>),
    Taken,
}

impl Exchange {
    /// One whose body is to be written.
    pub(super) fn declaring(length: Option<u64>) -> Self {
        let exchange = Self::default();
        exchange.lock().declared = length;
        exchange
    }

    /// One without a body.
    pub(super) fn without_body() -> Self {
        let exchange = Self::default();
        exchange.lock().end = Some(Ok(()));
        exchange
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hand_over(&self, request: Request) {
        self.lock().request = Some(request);
    }

    /// The request, once handed over and finished; there is one only once.
    pub(super) fn take_whole(&self) -> Option<Result<Request, ErrorCode>> {
        let mut state = self.lock();
        let end = state.end.clone()?;
        let mut request = state.request.take()?;
        request.body = std::mem::take(&mut state.body).into();
        Some(end.map(|()| request))
    }

    pub(super) fn answer(&self, answer: Result<IncomingResponse, ErrorCode>) {
        let mut state = self.lock();
        state.answer = Answer::Here(Box::new(answer));
        state.held = None;
    }

    pub(in super::super) fn is_answered(&self) -> bool {
        !matches!(self.lock().answer, Answer::Awaited)
    }

    /// The answer: none when there is none yet, an error when it was taken before.
    pub(super) fn take_answer(&self) -> Option<Result<Result<IncomingResponse, ErrorCode>, ()>> {
        let answer = &mut self.lock().answer;
        match answer {
            Answer::Awaited => None,
            Answer::Taken => Some(Err(())),
            Answer::Here(_) => match std::mem::replace(answer, Answer::Taken) {
                Answer::Here(answer) => Some(Ok(*answer)),
                Answer::Awaited | Answer::Taken => None,
            },
        }
    }

    /// Appends to the body.
    pub(in super::super) fn write(&self, bytes: &[u8], budget: &Budget) -> Result<(), StreamFail> {
        let mut state = self.lock();
        if state.end.is_some() {
            return Err(StreamFail::Closed);
        }
        let size = (state.body.len() + bytes.len()) as u64;
        let most = state.declared.unwrap_or(u64::MAX).min(MAX_BODY as u64);
        if size > most {
            state.end = Some(Err(ErrorCode::HttpRequestBodySize(Some(size))));
            return Err(Errno::Fbig.into());
        }
        match &mut state.held {
            Some(held) => held.grow(bytes.len() as u64)?,
            None => state.held = Some(budget.reserve_memory(size)?),
        }
        state.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the body, unless something ended it before.
    fn end(&self, end: Result<(), ErrorCode>) -> Result<(), ErrorCode> {
        let mut state = self.lock();
        let found = state.body.len() as u64;
        let end = match (end, state.declared) {
            (Ok(()), Some(declared)) if declared != found => {
                Err(ErrorCode::HttpRequestBodySize(Some(found)))
            }
            (end, _) => end,
        };
        state.end.get_or_insert(end).clone()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// The body of a request, or of a response that nobody awaits.
#[derive(Debug)]
pub struct OutgoingBody {
    pub(super) exchange: Exchange,
    /// Whether its stream was given out.
    pub(super) is_written: bool,
}

impl HostOutgoingBody for Guest {
    fn write(
        &mut self,
        body: Resource<OutgoingBody>,
    ) -> wasmtime::Result<Result<Resource<OutputStream>, ()>> {
        let body = self.table.get_mut(&body)?;
        if std::mem::replace(&mut body.is_written, true) {
            return Ok(Err(()));
        }
        let stream = OutputStream::Body(body.exchange.clone());
        self.hand(stream).map(Ok)
    }

    fn finish(
        &mut self,
        body: Resource<OutgoingBody>,
        trailers: Option<Resource<Fields>>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let exchange = self.table.delete(body)?.exchange;
        let trailers = trailers.map(|trailers| self.table.delete(trailers));
        let end = match trailers.transpose()? {
            Some(trailers) if !trailers.is_empty() => {
                let why = "this host sends no trailers".to_owned();
                Err(ErrorCode::InternalError(Some(why)))
            }
            _ => Ok(()),
        };
        let end = exchange.end(end);
        self.send_if_whole(&exchange)?;
        Ok(end)
    }

    /// Without `finish` the body is not whole, and the request is not sent.
    fn drop(&mut self, body: Resource<OutgoingBody>) -> wasmtime::Result<()> {
        let exchange = self.table.delete(body)?.exchange;
        let _broken = exchange.end(Err(ErrorCode::HttpProtocolError));
        self.send_if_whole(&exchange)
    }
}
