use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ureq::{Agent, RequestExt, http};
use wb_dock::cap::{Failure, Net, Principal, Request, Response, Timeouts};
use wb_policy::{Cap, Origin};
use zeroize::Zeroizing;

use crate::egress::Egress;
use crate::fill::Fill;
use crate::stream::{self, Deadline};
use crate::tls::Tls;

pub(crate) mod body;
mod outgoing;
mod redact;
mod transport;

use outgoing::{Outgoing, Sent};
use redact::Redaction;

/// HTTP/1.1 as far as an [`Egress`] policy permits, with verified TLS.
///
/// Every hop of a redirect is judged like the first request: by the grant's allow-list, then by
/// each address its name has. Connections go to the addresses that were judged. No proxy is used.
///
/// Denied or capped by default: methods other than `GET`, `HEAD`, `POST`, `PUT`, `PATCH`,
/// `DELETE` and `OPTIONS`; header fields that frame a message or name a host; a redirect from
/// `https` to `http`; more than 64 header fields or 32 KiB of them; a response's head of more
/// than 64 KiB; sizes and times as in [`HttpLimits`].
///
/// `gzip` is asked for and undone; the guest does not see it.
///
/// # Examples
///
/// ```
/// use wb_dock::cap::{FailureKind, Net, Principal, Request, Timeouts};
/// use wb_dock::{Grant, Session};
/// use wb_policy::{Budget, Cap, CapSet, Profile, Trust};
/// use wb_services::{Egress, HttpClient, Tls};
///
/// let client = HttpClient::new(Egress::public(), Tls::system());
/// let profile = Profile::network();
/// let grant = Grant::decide(CapSet::of(Cap::Net), Trust::FirstParty, &profile, None)?;
/// let session = Session::default();
/// let who = Principal::new(&session, "fetch", &grant, Budget::new("fetch", grant.limits()));
/// let request = Request {
///     method: "GET".into(),
///     url: "http://169.254.169.254/latest/meta-data/".into(),
///     headers: Vec::new(),
///     body: Default::default(),
///     timeouts: Timeouts::default(),
///     redirects: 0,
/// };
/// assert_eq!(client.send(&who, request).unwrap_err().kind, FailureKind::Refused);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HttpClient {
    agent: Agent,
    fill: Option<Arc<dyn Fill>>,
    limits: HttpLimits,
}

/// What one request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpLimits {
    /// From the first look-up to the last byte of the body, redirects included, when neither the
    /// request nor the time the run has left is less.
    pub time: Duration,
    /// Bytes of a request's body.
    pub request_body: usize,
    /// Bytes of a response's body, after decoding.
    pub response_body: u64,
    /// Redirects, when the request asks for no fewer.
    pub redirects: u8,
}

impl Default for HttpLimits {
    /// 30 s, 16 MiB each way, 10 redirects.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            request_body: 16 << 20,
            response_body: 16 << 20,
            redirects: 10,
        }
    }
}

/// By which permission a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The guest's `net`; reading also by its `browse`, which `wasi:http` may rest on alone.
    Net,
    /// The guest's `browse`.
    Browse,
    /// The host's own: a place that the deployer configured.
    Host,
}

impl Reach {
    fn check(self, who: &Principal<'_>, method: &str, origin: &Origin) -> Result<(), Failure> {
        let (caps, scopes) = (who.grant().caps(), who.grant().scopes());
        let reads = matches!(method, "GET" | "HEAD");
        let browse = caps.contains(Cap::Browse) && reads && scopes.browse.permits(origin);
        let permitted = match self {
            Self::Net if caps.contains(Cap::Net) => scopes.net.permits(origin),
            Self::Net | Self::Browse => browse,
            Self::Host => true,
        };
        permitted.then_some(()).ok_or_else(|| {
            Failure::refused(format!("`{origin}` is not within the reach of the grant"))
        })
    }
}

impl HttpClient {
    /// A client for where `egress` permits, within the default limits and without secrets.
    pub fn new(egress: Egress, tls: Tls) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(64 << 10)
            // Servers close idle connections on their own; most wait longer than this.
            .max_idle_age(Duration::from_secs(4))
            .build();
        Self {
            agent: Agent::with_parts(config, transport::Dial(tls), transport::Guard(egress)),
            fill: None,
            limits: HttpLimits::default(),
        }
    }

    /// Fills `{{secret:NAME}}` in header fields and bodies.
    #[must_use]
    pub fn secrets(mut self, fill: Arc<dyn Fill>) -> Self {
        self.fill = Some(fill);
        self
    }

    /// The same client within other limits.
    #[must_use]
    pub fn limits(mut self, limits: HttpLimits) -> Self {
        self.limits = limits;
        self
    }

    pub(crate) const fn limits_of(&self) -> HttpLimits {
        self.limits
    }

    /// Sends `request` and follows its redirects. `keys` are values the host has put in itself;
    /// responses are cleared of them as of secrets.
    pub(crate) fn exchange(
        &self,
        who: &Principal<'_>,
        request: Request,
        reach: Reach,
        keys: Vec<Zeroizing<Vec<u8>>>,
    ) -> Result<Response, Failure> {
        let timeouts = request.timeouts;
        let asked = timeouts.total.unwrap_or(self.limits.time);
        let deadline = Deadline::after(asked.min(self.limits.time).min(who.time_left()));
        let most = request.redirects.min(self.limits.redirects);
        let follow = most > 0;
        let mut left = most;
        let mut secrets = keys;
        let mut outgoing = Outgoing::read(request, self.limits.request_body)?;
        loop {
            reach.check(who, outgoing.method(), outgoing.target().origin())?;
            // What the host sends for itself may quote a guest, whose templates mean nothing there.
            let fill = self.fill.as_deref().filter(|_| reach == Reach::Net);
            let mut sent = match reach {
                Reach::Host => outgoing.verbatim(),
                Reach::Net | Reach::Browse => outgoing.fill(who, fill)?,
            };
            secrets.append(&mut sent.secrets);
            who.charge_egress(sent.size())?;
            let response = self.run(&outgoing, sent, deadline, timeouts)?;
            let location = redirect(&response).filter(|_| follow);
            let Some(location) = location else {
                return body::receive(
                    &outgoing,
                    response,
                    Redaction::new(secrets),
                    self.limits.response_body,
                    timeouts.between_bytes,
                );
            };
            if left == 0 {
                return Err(Failure::failed(format!(
                    "`{}` redirects again after {most} redirects",
                    outgoing.target().origin()
                )));
            }
            left -= 1;
            outgoing = outgoing.follow(response.status().as_u16(), &location)?;
        }
    }

    fn run(
        &self,
        outgoing: &Outgoing,
        sent: Sent,
        deadline: Deadline,
        timeouts: Timeouts,
    ) -> Result<http::Response<ureq::Body>, Failure> {
        let place = outgoing.target().origin().to_string();
        let left = deadline.left();
        if left.is_zero() {
            return Err(stream::failure(&place, &io::ErrorKind::TimedOut.into()));
        }
        let (head, body) = sent.into_parts()?;
        let result = match body {
            Some(body) => http::Request::from_parts(head, body.bytes())
                .with_agent(&self.agent)
                .configure()
                .timeout_global(Some(left))
                .timeout_connect(timeouts.connect)
                .timeout_recv_response(timeouts.first_byte)
                .run(),
            None => http::Request::from_parts(head, ())
                .with_agent(&self.agent)
                .configure()
                .timeout_global(Some(left))
                .timeout_connect(timeouts.connect)
                .timeout_recv_response(timeouts.first_byte)
                .run(),
        };
        result.map_err(|error| failure(&place, error))
    }
}

impl Net for HttpClient {
    fn send(&self, who: &Principal<'_>, request: Request) -> Result<Response, Failure> {
        self.exchange(who, request, Reach::Net, Vec::new())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("fills_secrets", &self.fill.is_some())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Where a response says to go instead.
fn redirect(response: &http::Response<ureq::Body>) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(http::header::LOCATION)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// An error of the client, in our words.
fn failure(place: &str, error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Other(inner) => match inner.downcast::<Failure>() {
            Ok(own) => *own,
            Err(_) => Failure::failed(format!("`{place}` cannot be reached")),
        },
        ureq::Error::Timeout(_) => stream::failure(place, &io::ErrorKind::TimedOut.into()),
        ureq::Error::Io(error) => stream::failure(place, &error),
        ureq::Error::LargeResponseHeader(_, most) => Failure::limit(format!(
            "`{place}` answers with a head of more than {most} bytes"
        )),
        ureq::Error::Protocol(error) => {
            Failure::failed(format!("what `{place}` answers is not HTTP: {error}"))
        }
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
            Failure::bad_request(format!("the request to `{place}` cannot be written"))
        }
        _ => Failure::failed(format!("`{place}` cannot be talked to")),
    }
}

#[cfg(test)]
mod components;
#[cfg(test)]
mod tests;
