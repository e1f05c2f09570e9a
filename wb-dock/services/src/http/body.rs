//! What comes back: decoded, capped, and cleared of secrets.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use ureq::http;
use wb_dock::cap::{Failure, Response};

use super::outgoing::Outgoing;
use super::redact::Redaction;
use super::transport;

/// Header fields between two machines, which the guest is not one of.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The response to `outgoing`, of whose body at most `most` bytes are given, each piece within
/// `between` of the one before.
pub(super) fn receive(
    outgoing: &Outgoing,
    response: http::Response<ureq::Body>,
    redaction: Redaction,
    most: u64,
    between: Option<Duration>,
) -> Result<Response, Failure> {
    let place = outgoing.target().origin().to_string();
    let (head, body) = response.into_parts();
    let has_body = !outgoing.is_head() && !matches!(head.status.as_u16(), 204 | 304);
    let encoding = head.headers.get(http::header::CONTENT_ENCODING);
    let encoding = encoding.map_or(&b"identity"[..], |value| value.as_bytes());
    let gzip = has_body
        && (encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"x-gzip"));
    let plain = !has_body || gzip || encoding.eq_ignore_ascii_case(b"identity");
    if !plain && !redaction.is_empty() {
        return Err(Failure::failed(format!(
            "`{place}` answers in an encoding it was not asked for, in which secrets cannot be found"
        )));
    }
    // Said beforehand, it need not be read; what is not said is counted.
    let length = head.headers.get(http::header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if has_body && !gzip && length.is_some_and(|length| length > most) {
        return Err(too_large(&place, most));
    }
    let mut headers = Vec::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        let undone = gzip && matches!(name.as_str(), "content-encoding" | "content-length");
        if undone || HOP_BY_HOP.contains(&name.as_str()) {
            continue;
        }
        let mut value = value.as_bytes().to_vec();
        redaction.apply(&mut value);
        headers.push((name.as_str().to_owned(), Bytes::from(value)));
    }
    let raw = body.into_reader();
    let decoded: Box<dyn Read + Send> = if gzip {
        Box::new(MultiGzDecoder::new(raw))
    } else {
        Box::new(raw)
    };
    let mut url = outgoing.target().url().to_string().into_bytes();
    redaction.apply(&mut url);
    Ok(Response {
        status: head.status.as_u16(),
        url: String::from_utf8_lossy(&url).into_owned(),
        headers,
        body: Box::new(redaction.reader(Capped {
            inner: decoded,
            left: most,
            most,
            between,
            place,
        })),
    })
}

/// Fails when there is more than it may give, rather than passing off a part as the whole.
struct Capped {
    inner: Box<dyn Read + Send>,
    left: u64,
    most: u64,
    /// How long one read may take.
    between: Option<Duration>,
    place: String,
}

impl Read for Capped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return match self.read_inner(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    too_large(&self.place, self.most),
                )),
            };
        }
        let most = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.read_inner(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl Capped {
    /// Errors carry a [`Failure`], so that whoever reads can tell the guest.
    fn read_inner(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        transport::each_within(self.between, || self.inner.read(buffer)).map_err(|error| {
            let kind = error.kind();
            let failure = super::failure(&self.place, ureq::Error::from(error));
            match failure.kind {
                wb_dock::cap::FailureKind::TimedOut => {
                    io::Error::new(io::ErrorKind::TimedOut, failure)
                }
                _ => io::Error::new(kind, failure),
            }
        })
    }
}

fn too_large(place: &str, most: u64) -> Failure {
    Failure::limit(format!("`{place}` answers with more than {most} bytes"))
}

/// The failure that reading a body ended with.
pub(crate) fn failure_of(error: &io::Error) -> Failure {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Failure>())
    {
        Some(failure) => failure.clone(),
        None => Failure::failed("the body cannot be read"),
    }
}
