//! Downloads: `https` only, bounded, every redirect checked again.

use std::io::Read as _;
use std::time::Duration;

use ureq::http::Uri;
use ureq::http::header::LOCATION;

use crate::error::{Error, ErrorKind};

/// Redirects that are followed before the server is thought to run in circles.
const REDIRECTS: usize = 8;

/// Time for the whole of one request, its body included.
const TOTAL: Duration = Duration::from_mins(10);

/// Time to reach the server.
const CONNECT: Duration = Duration::from_secs(20);

/// A client for downloads whose content is checked by digest afterwards.
///
/// The system's certificates are trusted and the proxies that the environment
/// names are used. Nothing is sent but the request line: no cookies, no
/// credentials, and a redirect to anything but `https` ends the download.
#[derive(Debug)]
pub struct Fetcher {
    agent: ureq::Agent,
    schemes: &'static [&'static str],
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetcher {
    /// The client that users get.
    pub fn new() -> Self {
        Self::with_schemes(&["https"])
    }

    /// A client that also speaks plain `http`, for a test's own server on this machine.
    #[cfg(test)]
    fn insecure() -> Self {
        Self::with_schemes(&["https", "http"])
    }

    fn with_schemes(schemes: &'static [&'static str]) -> Self {
        let tls = ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::PlatformVerifier)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            // Followed here, so that each target is checked.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(TOTAL))
            .user_agent(concat!("wbx/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.new_agent(),
            schemes,
        }
    }

    /// The body of `url`, which may have `limit` bytes at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fetch`] for another scheme than `https`, a refusal of the
    /// server, a lost connection or too many redirects;
    /// [`ErrorKind::TooLarge`] as soon as more than `limit` bytes arrive.
    pub fn get(&self, url: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let mut uri: Uri = url
            .parse()
            .map_err(|_| refused(url, "this is not a web address", false))?;
        for _ in 0..=REDIRECTS {
            self.check(&uri)?;
            let shown = shown(&uri);
            let response = self
                .agent
                .get(&uri)
                .call()
                .map_err(|error| failed(&shown, &error))?;
            let status = response.status();
            if status.is_redirection()
                && let Some(location) = response.headers().get(LOCATION)
            {
                let location = location.to_str().unwrap_or_default();
                uri = redirect(&uri, location)
                    .ok_or_else(|| refused(&shown, "it redirects to no web address", false))?;
                continue;
            }
            if !status.is_success() {
                let again = status.is_server_error() || status.as_u16() == 429;
                return Err(refused(&shown, &format!("the server says {status}"), again));
            }
            let mut body = Vec::new();
            response
                .into_body()
                .into_reader()
                .take(limit + 1)
                .read_to_end(&mut body)
                .map_err(|error| refused(&shown, &error.to_string(), true))?;
            if body.len() as u64 > limit {
                let (what, limit) = (format!("`{shown}`"), format!("{} MiB", limit >> 20));
                return Err(ErrorKind::TooLarge { what, limit }.into());
            }
            return Ok(body);
        }
        Err(refused(url, "it redirects in circles", false))
    }

    /// Refuses an address that is not to be asked.
    fn check(&self, uri: &Uri) -> Result<(), Error> {
        let scheme = uri.scheme_str().unwrap_or_default();
        if !self.schemes.contains(&scheme) {
            return Err(refused(&shown(uri), "expected an `https` address", false));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(refused(
                &shown(uri),
                "an address must not hold a password",
                false,
            ));
        }
        Ok(())
    }
}

/// The target of a redirect from `from`.
fn redirect(from: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with("//") {
        return format!("{}:{location}", from.scheme_str()?).parse().ok();
    }
    if location.contains("://") {
        return location.parse().ok();
    }
    let base = format!("{}://{}", from.scheme_str()?, from.authority()?);
    if location.starts_with('/') {
        return format!("{base}{location}").parse().ok();
    }
    let (dir, _) = from.path().rsplit_once('/')?;
    format!("{base}{dir}/{location}").parse().ok()
}

/// An address for a message: query and credentials may be secret.
fn shown(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let scheme = uri.scheme_str().unwrap_or_default();
    format!("{scheme}://{host}{}", uri.path())
}

fn refused(url: &str, reason: &str, retryable: bool) -> Error {
    let url = url.split(['?', '#']).next().unwrap_or(url).to_owned();
    let reason = reason.to_owned();
    ErrorKind::Fetch {
        url,
        reason,
        retryable,
    }
    .into()
}

fn failed(url: &str, error: &ureq::Error) -> Error {
    refused(url, &error.to_string(), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    /// Answers each request by what `answer` says for its path; gives the address.
    fn serve(answer: impl Fn(&str, &str) -> String + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let own = base.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(request)) = lines.next() else {
                    continue;
                };
                while lines
                    .next()
                    .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
                {}
                let path = request.split(' ').nth(1).unwrap();
                let _ = stream.write_all(answer(path, &own).as_bytes());
            }
        });
        base
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}")
    }

    fn to(location: &str) -> String {
        format!(
            "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        )
    }

    #[test]
    fn follows_redirects_and_stops_at_the_limit() {
        let base = serve(|path, base| match path {
            "/a" => to("b"),
            "/b" => to("/c"),
            "/c" => to(&format!("{base}/d?token=1")),
            "/d?token=1" => ok("found"),
            "/long" => ok(&"x".repeat(100)),
            "/circle" => to("/circle"),
            "/ftp" => to("ftp://example.org/x"),
            "/file" => to("file:///etc/passwd"),
            _ => "HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n".into(),
        });
        let fetcher = Fetcher::insecure();
        let get = |path: &str, limit| fetcher.get(&format!("{base}{path}"), limit);
        assert_eq!(get("/a", 5).unwrap(), b"found");
        assert_eq!(get("/long", 99).unwrap_err().code(), "host/too-large");
        assert!(
            get("/circle", 9)
                .unwrap_err()
                .to_string()
                .ends_with("in circles")
        );
        assert!(get("/ftp", 9).unwrap_err().to_string().contains("`https`"));
        assert!(
            get("/file", 9)
                .unwrap_err()
                .to_string()
                .ends_with("no web address")
        );
        let later = get("/busy?key=secret", 9).unwrap_err();
        assert!(later.retryable());
        assert!(!later.to_string().contains("secret"));
    }

    #[test]
    fn plain_http_and_passwords_are_refused_before_anything_is_sent() {
        let fetcher = Fetcher::new();
        let refused = |url: &str| fetcher.get(url, 9).unwrap_err().to_string();
        assert_eq!(
            refused("http://127.0.0.1:1/x"),
            "cannot fetch `http://127.0.0.1/x`: expected an `https` address"
        );
        assert!(refused("https://me:pw@127.0.0.1/x").contains("password"));
        assert!(!refused("https://me:pw@127.0.0.1/x").contains("pw"));
        assert!(refused("nonsense").contains("https"));
        assert!(refused("").contains("not a web address"));
    }
}
