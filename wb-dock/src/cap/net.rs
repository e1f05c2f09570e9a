use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use wb_policy::{Cap, Origin};

use super::{Failure, Principal};
use crate::client::{Call, Client, Received, Refusal, check_size};
use crate::guest::Guest;
use crate::import::{Answer, answer};
use crate::limits::Meter;
use head::{HeadIn, HeadOut};

pub(crate) mod component;
mod head;

/// Sends HTTP requests.
///
/// The grant's allow-list has permitted the origin before a request gets here, and its
/// sizes are checked; the guest gets at most 16 MiB of the response's body. The
/// service denies addresses that no guest should reach, pins the address it
/// resolved, and asks [`Principal::grant`] again for each redirect.
pub trait Net: Send + Sync {
    /// Sends `request` and waits for the head of the response.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Refused`](super::FailureKind::Refused) for an origin or address out of reach,
    /// [`FailureKind::Limit`](super::FailureKind::Limit) for a spent egress budget,
    /// [`FailureKind::TimedOut`](super::FailureKind::TimedOut), and
    /// [`FailureKind::Failed`](super::FailureKind::Failed) when the server cannot be talked to.
    fn send(&self, who: &Principal<'_>, request: Request) -> Result<Response, Failure>;
}

/// A request, as the guest wrote it, with nothing in it that could end a line of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method: 1 to 32 capital letters, for example `POST`.
    pub method: String,
    /// An absolute `http` or `https` URL of at most 8 KiB.
    pub url: String,
    /// Header fields in order, at most 128 with 64 KiB together; names are tokens (RFC 9110,
    /// 5.6.2) in lower case.
    pub headers: Vec<(String, Bytes)>,
    /// The body, at most 16 MiB.
    pub body: Bytes,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// How many redirects to follow, at most 20, as in the Fetch standard.
    pub redirects: u8,
}

/// How long a request and its parts may take. What is not set takes as long as the service
/// allows; the run's own time left holds as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// From the look-up of the name to the last byte of the response.
    pub total: Option<Duration>,
    /// To open a connection, and to secure it.
    pub connect: Option<Duration>,
    /// From the end of the request to the head of the response.
    pub first_byte: Option<Duration>,
    /// From one piece of the response's body to the next.
    pub between_bytes: Option<Duration>,
}

impl Timeouts {
    /// A limit on the whole.
    pub const fn in_all(total: Option<Duration>) -> Self {
        Self {
            total,
            connect: None,
            first_byte: None,
            between_bytes: None,
        }
    }
}

/// What the server answered. The body is read as it comes: through `wasi:http` by later calls
/// of the guest, which may have 64 responses open at a time, else before the call returns.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Where the response came from, after redirects.
    pub url: String,
    /// Header fields in order; names in lower case.
    pub headers: Vec<(String, Bytes)>,
    /// The body; reading fails with [`std::io::ErrorKind::TimedOut`] at the request's time limit.
    pub body: Box<dyn Read + Send>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Longest URL, in bytes.
pub(crate) const MAX_URL: usize = 8 << 10;
/// Most header fields.
const MAX_FIELDS: usize = 128;
/// Names and values of the header fields together, in bytes.
const MAX_HEADERS: usize = 64 << 10;
/// Largest body, each way, in bytes.
pub(crate) const MAX_BODY: usize = 16 << 20;
/// Responses that a guest may be reading at a time: each is a connection of the host.
const MOST_OPEN: usize = 64;
/// Most redirects to follow, as in the Fetch standard.
const MAX_REDIRECTS: u8 = 20;

/// A response with its whole body.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: u16,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Bytes)>,
    pub(crate) body: Bytes,
}

impl Received for Response {
    fn bytes(&self) -> usize {
        field_bytes(&self.headers)
    }
}

pub(crate) fn send(client: &Client, request: Request) -> Result<Whole, Refusal> {
    let call = client.call(Cap::Net)?;
    let origin = check(&request)?;
    Call::in_reach(&call.scopes().net, &origin, format_args!("`{origin}`"))?;
    exchange(&call, request)
}

/// The same for `wasi:http`, which may rest on `browse` alone: that reads, and no more. The
/// body of the response is read as the guest asks for it.
pub(crate) fn send_or_read(client: &Client, request: Request) -> Result<Begun, Refusal> {
    let has_net = client.grant.caps().contains(Cap::Net);
    let cap = if has_net { Cap::Net } else { Cap::Browse };
    let call = client.call(cap)?;
    let origin = check(&request)?;
    if !has_net && !matches!(request.method.as_str(), "GET" | "HEAD") {
        let method = &request.method;
        let message = format!("`browse` sends no `{method}`, only `GET` and `HEAD`");
        return Err(Failure::refused(message).into());
    }
    let scopes = call.scopes();
    let scope = if has_net { &scopes.net } else { &scopes.browse };
    Call::in_reach(scope, &origin, format_args!("`{origin}`"))?;
    // One is the client's own.
    if Arc::strong_count(&client.responses) > MOST_OPEN {
        let message = format!("at most {MOST_OPEN} responses can be read at a time");
        return Err(Failure::limit(message).into());
    }
    let response = begin(&call, request)?;
    Ok(Begun {
        status: response.status,
        headers: response.headers,
        body: Incoming {
            body: response.body,
            cap,
            read: 0,
            _open: Arc::clone(&client.responses),
        },
    })
}

/// A response whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Bytes)>,
    pub(crate) body: Incoming,
}

/// The rest of a body.
pub(crate) struct Incoming {
    body: Box<dyn Read + Send>,
    /// What it came by.
    cap: Cap,
    /// Bytes so far.
    read: usize,
    _open: Arc<()>,
}

impl Incoming {
    /// Reads what has come, once something has: nothing at the end of the body.
    pub(crate) fn read(&mut self, client: &Client, into: &mut [u8]) -> Result<usize, Refusal> {
        client.check_granted(self.cap)?;
        let count = read_piece(&mut *self.body, &client.meter, into)?;
        let budget = client.meter.budget();
        budget.count_traffic(self.cap, 0, count as u64);
        self.read += count;
        check_body(self.read)?;
        Ok(count)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("cap", &self.cap)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

fn begin(call: &Call<'_>, request: Request) -> Result<Response, Refusal> {
    let net = call.service(|services| &services.net)?;
    let sent = request.url.len() + field_bytes(&request.headers) + request.body.len();
    call.ask(sent, |who| net.send(who, request))
}

fn exchange(call: &Call<'_>, request: Request) -> Result<Whole, Refusal> {
    let response = begin(call, request)?;
    let body = read_whole(call, response.body)?;
    call.count(0, body.len());
    Ok(Whole {
        status: response.status,
        url: response.url,
        headers: response.headers,
        body,
    })
}

/// The origin of a URL of the web. What a library might read otherwise than we do is
/// refused here.
pub(super) fn web_origin(url: &str) -> Result<Origin, Failure> {
    check_size("the URL", url.len(), MAX_URL)?;
    if url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(Failure::bad_request(
            "a URL has no spaces and no control characters",
        ));
    }
    let origin: Origin = url
        .parse()
        .map_err(|error: wb_policy::HostError| Failure::bad_request(error.to_string()))?;
    if !origin.is_web() {
        let scheme = origin.scheme();
        return Err(Failure::bad_request(format!(
            "a URL begins with `https://` or `http://`, not with `{scheme}://`"
        )));
    }
    Ok(origin)
}

/// Checks what a request is made of: nothing in it may end a line of HTTP.
fn check(request: &Request) -> Result<Origin, Failure> {
    let origin = web_origin(&request.url)?;
    let method = request.method.as_bytes();
    if method.is_empty() || method.len() > 32 || !method.iter().all(u8::is_ascii_uppercase) {
        return Err(Failure::bad_request(
            "the method is 1 to 32 capital letters",
        ));
    }
    if request.headers.len() > MAX_FIELDS {
        let found = request.headers.len();
        return Err(Failure::limit(format!(
            "the request has {found} header fields, at most {MAX_FIELDS} allowed"
        )));
    }
    check_size("the headers", field_bytes(&request.headers), MAX_HEADERS)?;
    for (name, value) in &request.headers {
        if !is_field_name(name) {
            let message = format!("`{}` is no name of a header field", name.escape_debug());
            return Err(Failure::bad_request(message));
        }
        if !is_field_value(value) {
            let message = format!("the value of `{name}` has a line break or a NUL in it");
            return Err(Failure::bad_request(message));
        }
    }
    check_size("the body", request.body.len(), MAX_BODY)?;
    if request.redirects > MAX_REDIRECTS {
        return Err(Failure::bad_request(format!(
            "at most {MAX_REDIRECTS} redirects can be followed"
        )));
    }
    Ok(origin)
}

/// A token (RFC 9110, 5.6.2), in lower case.
pub(crate) fn is_field_name(name: &str) -> bool {
    let of_token = |byte: &u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(byte)
    };
    !name.is_empty() && name.as_bytes().iter().all(of_token)
}

pub(crate) fn is_field_value(value: &[u8]) -> bool {
    !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

pub(crate) fn field_bytes(fields: &[(String, Bytes)]) -> usize {
    let sizes = fields.iter().map(|(name, value)| name.len() + value.len());
    sizes.sum()
}

/// Reads a body to its end.
fn read_whole(call: &Call<'_>, mut body: Box<dyn Read + Send>) -> Result<Bytes, Refusal> {
    let mut whole = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = read_piece(&mut *body, call.meter(), &mut piece)?;
        if count == 0 {
            return Ok(whole.into());
        }
        whole.extend_from_slice(&piece[..count]);
        check_body(whole.len())?;
    }
}

/// Reads what has come, and looks at the clock afterwards.
fn read_piece(body: &mut dyn Read, meter: &Meter, into: &mut [u8]) -> Result<usize, Refusal> {
    loop {
        let read = body.read(into);
        meter.check()?;
        match read {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(Failure::timed_out("the response took too long").into());
            }
            Err(error) => {
                // A service knows more than the operating system has words for.
                let told = error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<Failure>());
                let broke_off =
                    || Failure::failed(format!("the response broke off: {}", error.kind()));
                return Err(told.cloned().unwrap_or_else(broke_off).into());
            }
        }
    }
}

fn check_body(bytes: usize) -> Result<(), Failure> {
    if bytes <= MAX_BODY {
        return Ok(());
    }
    let message = format!("the response has more than {MAX_BODY} bytes");
    Err(Failure::limit(message))
}

/// The core module `wb:net`.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:net",
        "request",
        |mut caller: Caller<'_, Guest>, head: u32, head_len: u32, body: u32, body_len: u32| {
            answer(
                &mut caller,
                |memory| {
                    let head = HeadIn::read(memory.bytes((head, head_len))?)?;
                    Ok((head, memory.bytes((body, body_len))?))
                },
                |client, (head, body)| {
                    let whole = send(client, head.with_body(body))?;
                    let head = HeadOut::of(&whole).to_json();
                    let status = i32::from(whole.status);
                    Ok(Answer::of(status).and_values(whole.body, head))
                },
            )
        },
    )?;
    Ok(())
}
