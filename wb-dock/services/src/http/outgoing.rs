use bytes::Bytes;
use ureq::http;
use wb_dock::cap::{Failure, Principal, Request};
use zeroize::Zeroizing;

use crate::egress::Target;
use crate::fill::Fill;

/// A request that may be sent: its target canonical, its fields checked.
#[derive(Debug)]
pub(super) struct Outgoing {
    method: http::Method,
    target: Target,
    headers: Vec<(String, Bytes)>,
    body: Bytes,
}

/// Methods that guests may use.
const METHODS: [http::Method; 7] = [
    http::Method::GET,
    http::Method::HEAD,
    http::Method::POST,
    http::Method::PUT,
    http::Method::PATCH,
    http::Method::DELETE,
    http::Method::OPTIONS,
];

/// Header fields that frame the message, name its target or speak to a proxy: the host's.
const RESERVED: [&str; 12] = [
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Header fields that are meant for one origin only.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "cookie2"];

const MOST_HEADERS: usize = 64;
const HEADER_BYTES: usize = 32 << 10;

/// What stands for a secret until a request leaves.
const TEMPLATE: &[u8] = b"{{secret:";

impl Outgoing {
    /// Checks `request`, of whose body at most `most` bytes are sent.
    pub(super) fn read(request: Request, most: usize) -> Result<Self, Failure> {
        let method = METHODS
            .iter()
            .find(|method| method.as_str() == request.method)
            .ok_or_else(|| {
                let shown: String = request.method.escape_debug().take(32).collect();
                Failure::bad_request(format!(
                    "the method `{shown}` is not sent; GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS are"
                ))
            })?;
        if request.body.len() > most {
            return Err(Failure::limit(format!(
                "the body has {} bytes; at most {most} are sent",
                request.body.len()
            )));
        }
        if request.url.contains("{{secret:") {
            return Err(Failure::bad_request(
                "secrets are filled in header fields and bodies, not in URLs, which are logged",
            ));
        }
        Ok(Self {
            method: method.clone(),
            target: Target::parse(&request.url)?,
            headers: check_headers(request.headers, request.body.len())?,
            body: request.body,
        })
    }

    pub(super) fn method(&self) -> &str {
        self.method.as_str()
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Whether a response to it has no body, whatever its head says.
    pub(super) fn is_head(&self) -> bool {
        self.method == http::Method::HEAD
    }

    /// The request that follows a redirect with `status` to `location` (RFC 9110, 15.4).
    pub(super) fn follow(mut self, status: u16, location: &str) -> Result<Self, Failure> {
        let target = self
            .target
            .join(location)
            .map_err(|failure| elsewhere(&failure))?;
        let from = std::mem::replace(&mut self.target, target);
        if from.is_https() && !self.target.is_https() {
            return Err(Failure::refused(format!(
                "`{}` redirects from https to http, which is not followed",
                from.origin()
            )));
        }
        let becomes_get = match status {
            303 => self.method != http::Method::HEAD,
            301 | 302 => self.method == http::Method::POST,
            _ => false,
        };
        if becomes_get {
            self.method = http::Method::GET;
            self.body = Bytes::new();
            self.headers
                .retain(|(name, _)| !name.starts_with("content-"));
        }
        if from.origin() != self.target.origin() {
            if is_template(&self.body) {
                return Err(Failure::refused(format!(
                    "`{}` redirects a body with a secret to `{}`, which is not followed",
                    from.origin(),
                    self.target.origin()
                )));
            }
            self.headers.retain(|(name, value)| {
                !CREDENTIALS.contains(&name.as_str()) && !is_template(value)
            });
        }
        Ok(self)
    }

    /// The request as it is sent, with its secrets in place.
    pub(super) fn fill(
        &self,
        who: &Principal<'_>,
        fill: Option<&dyn Fill>,
    ) -> Result<Sent, Failure> {
        let mut secrets = Vec::new();
        let put = |text: &Bytes| -> Result<Text, Failure> {
            if !is_template(text) {
                return Ok(Text::Plain(text.clone()));
            }
            let fill = fill.ok_or_else(|| Failure::unavailable("this host keeps no secrets"))?;
            let mut filled = fill.fill(who, self.target.origin(), text)?;
            secrets.append(&mut filled.values);
            Ok(Text::Secret(filled.text))
        };
        let mut sent = self.assemble(put)?;
        sent.secrets = secrets;
        Ok(sent)
    }

    /// The request as it is sent when it holds no templates.
    pub(super) fn verbatim(&self) -> Sent {
        let put = |text: &Bytes| Ok::<_, std::convert::Infallible>(Text::Plain(text.clone()));
        match self.assemble(put) {
            Ok(sent) => sent,
        }
    }

    fn assemble<E>(&self, mut put: impl FnMut(&Bytes) -> Result<Text, E>) -> Result<Sent, E> {
        let mut headers = Vec::with_capacity(self.headers.len() + 3);
        for (name, value) in &self.headers {
            headers.push((name.clone(), put(value)?));
        }
        let has = |wanted: &str| self.headers.iter().any(|(name, _)| name == wanted);
        // A part of an encoded body could not be decoded.
        let encoding = if has("range") { "identity" } else { "gzip" };
        let ours = [
            ("user-agent", concat!("wb/", env!("CARGO_PKG_VERSION"))),
            ("accept", "*/*"),
            ("accept-encoding", encoding),
        ];
        for (name, value) in ours {
            if !has(name) {
                let value = Bytes::from_static(value.as_bytes());
                headers.push((name.to_owned(), Text::Plain(value)));
            }
        }
        Ok(Sent {
            method: self.method.clone(),
            url: self.target.url().to_string(),
            headers,
            body: put(&self.body)?,
            secrets: Vec::new(),
        })
    }
}

/// A request with everything in place.
pub(super) struct Sent {
    method: http::Method,
    url: String,
    headers: Vec<(String, Text)>,
    body: Text,
    /// The secrets in it.
    pub(super) secrets: Vec<Zeroizing<Vec<u8>>>,
}

impl Sent {
    /// Bytes on the wire: the request line, the fields with `Host` and `Content-Length`, the body.
    pub(super) fn size(&self) -> u64 {
        let fields = self.headers.iter();
        let fields: usize = fields
            .map(|(name, value)| name.len() + value.bytes().len() + 4)
            .sum();
        let line = self.method.as_str().len() + self.url.len() + " HTTP/1.1\r\n".len();
        let framing = "Host: \r\nContent-Length: 00000000\r\n\r\n".len();
        (line + fields + framing + self.body.bytes().len()) as u64
    }

    /// The head and, where there is one, the body.
    pub(super) fn into_parts(self) -> Result<(http::request::Parts, Option<Text>), Failure> {
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(&self.url);
        for (name, value) in &self.headers {
            let mut checked = http::HeaderValue::from_bytes(value.bytes()).map_err(|_| {
                Failure::bad_request(format!("the header field `{name}` has control characters"))
            })?;
            checked.set_sensitive(matches!(value, Text::Secret(_)));
            request = request.header(name, checked);
        }
        let (head, ()) = request
            .body(())
            .map_err(|_| Failure::bad_request("the request cannot be written as HTTP"))?
            .into_parts();
        let carries = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        let body = (carries || !self.body.bytes().is_empty()).then_some(self.body);
        Ok((head, body))
    }
}

/// Something sent, wiped afterwards when there is a secret in it.
pub(super) enum Text {
    Plain(Bytes),
    Secret(Zeroizing<Vec<u8>>),
}

impl Text {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Secret(bytes) => bytes,
        }
    }
}

fn is_template(text: &[u8]) -> bool {
    memchr::memmem::find(text, TEMPLATE).is_some()
}

fn check_headers(
    headers: Vec<(String, Bytes)>,
    body: usize,
) -> Result<Vec<(String, Bytes)>, Failure> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    if headers.len() > MOST_HEADERS || bytes > HEADER_BYTES {
        return Err(Failure::limit(format!(
            "{} header fields of {bytes} bytes; at most {MOST_HEADERS} of {HEADER_BYTES} are sent",
            headers.len()
        )));
    }
    let mut checked = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let shown = || name.escape_debug().take(64).collect::<String>();
        let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            Failure::bad_request(format!("`{}` is no name of a header field", shown()))
        })?;
        if http::HeaderValue::from_bytes(&value).is_err() {
            return Err(Failure::bad_request(format!(
                "the header field `{name}` has control characters"
            )));
        }
        match name.as_str() {
            reserved if RESERVED.contains(&reserved) => {
                return Err(Failure::bad_request(format!(
                    "the header field `{name}` is the host's to write"
                )));
            }
            // The host writes it; here it can only be right or wrong. A template changes the
            // length, and nobody but the host knows by how much.
            "content-length" => {
                if value != body.to_string().as_bytes() {
                    return Err(Failure::bad_request(format!(
                        "`content-length` does not say {body}, the bytes of the body"
                    )));
                }
            }
            // The host undoes what it asks for.
            "accept-encoding" => {}
            _ => checked.push((name.as_str().to_owned(), value)),
        }
    }
    Ok(checked)
}

/// A location that cannot be followed is the server's fault, not the guest's.
fn elsewhere(failure: &Failure) -> Failure {
    Failure::failed(format!(
        "a redirect cannot be followed: {}",
        failure.message
    ))
}
