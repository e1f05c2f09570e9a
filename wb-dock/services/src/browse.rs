use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use wb_dock::cap::{Browse, Failure, Page, Principal, Request, Response, Timeouts};

use crate::http::body::failure_of;
use crate::http::{HttpClient, HttpLimits, Reach};
use crate::stream::Deadline;

mod charset;
mod html;

/// Reads pages through an [`HttpClient`].
///
/// HTML becomes its title, its text and its links; plain text, JSON and XML pass as text; what is
/// anything else is [`FailureKind::Failed`](wb_dock::cap::FailureKind::Failed). Pages have at
/// most 4 MiB and 20 s, a title 4 KiB, and 10,000 links. The encoding is found as the WHATWG HTML
/// Standard has it. Nothing is run and nothing else is loaded.
#[derive(Clone, Debug)]
pub struct HttpBrowse {
    client: HttpClient,
    time: Duration,
}

impl HttpBrowse {
    /// Pages as far as `client` reaches, within its limits if they are tighter.
    pub fn new(client: HttpClient) -> Self {
        let own = client.limits_of();
        let time = own.time.min(Duration::from_secs(20));
        let limits = HttpLimits {
            time,
            response_body: own.response_body.min(4 << 20),
            ..own
        };
        Self {
            client: client.limits(limits),
            time,
        }
    }
}

impl Browse for HttpBrowse {
    fn fetch(&self, who: &Principal<'_>, url: &str) -> Result<Page, Failure> {
        let deadline = Deadline::after(self.time.min(who.time_left()));
        let accept = "text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.5";
        let request = Request {
            method: "GET".into(),
            url: url.to_owned(),
            headers: vec![("accept".into(), Bytes::from_static(accept.as_bytes()))],
            body: Bytes::new(),
            timeouts: Timeouts::default(),
            redirects: u8::MAX,
        };
        let mut response = self
            .client
            .exchange(who, request, Reach::Browse, Vec::new())?;
        let mut body = Vec::new();
        response
            .body
            .read_to_end(&mut body)
            .map_err(|error| failure_of(&error))?;
        let kind = Kind::of(&response, &body)?;
        let text = charset::decode(&body, content_type(&response), kind == Kind::Html);
        let page = Page {
            url: response.url,
            status: response.status,
            ..Page::default()
        };
        match kind {
            Kind::Html => html::read(&text, page, deadline),
            Kind::Text => Ok(Page {
                text: text.into_owned(),
                ..page
            }),
        }
    }
}

/// How a body is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    Text,
}

impl Kind {
    fn of(response: &Response, body: &[u8]) -> Result<Self, Failure> {
        let essence = content_type(response).split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/html" | "application/xhtml+xml" => Ok(Self::Html),
            "application/json" | "application/xml" | "application/javascript" => Ok(Self::Text),
            text if text.starts_with("text/") => Ok(Self::Text),
            suffixed if suffixed.ends_with("+json") || suffixed.ends_with("+xml") => Ok(Self::Text),
            "" if body.trim_ascii_start().starts_with(b"<") => Ok(Self::Html),
            "" if std::str::from_utf8(body).is_ok() => Ok(Self::Text),
            other => {
                let shown: String = other.escape_debug().take(64).collect();
                Err(Failure::failed(format!(
                    "`{}` is `{shown}`; a page is HTML or text",
                    response.url
                )))
            }
        }
    }
}

fn content_type(response: &Response) -> &str {
    let header = response
        .headers
        .iter()
        .find(|(name, _)| name == "content-type");
    header.map_or("", |(_, value)| {
        std::str::from_utf8(value).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests;
