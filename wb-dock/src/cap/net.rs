use std::fmt;
use std::io::Read;
use std::time::Duration;

use bytes::Bytes;

use super::{Failure, Principal};

/// Sends HTTP requests.
///
/// The grant's allow-list has permitted the origin before a request gets here. The
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

/// A request, as the guest wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method in capitals, for example `POST`.
    pub method: String,
    /// An absolute `http` or `https` URL.
    pub url: String,
    /// Header fields in order; names in lower case.
    pub headers: Vec<(String, Bytes)>,
    /// The body, at most 16 MiB.
    pub body: Bytes,
    /// How long it may take; the run's own time left holds as well.
    pub timeout: Option<Duration>,
    /// How many redirects to follow.
    pub redirects: u8,
}

/// What the server answered. The body is read as it comes.
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
