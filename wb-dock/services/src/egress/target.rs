use std::fmt;
use std::net::Ipv4Addr;

use url::Url;
use wb_dock::cap::Failure;
use wb_policy::Origin;

/// Bytes of the longest URL.
const LONGEST_URL: usize = 8 << 10;

/// Where a request goes, in the one spelling that is compared, resolved and sent.
///
/// The URL Standard of the WHATWG decides what a text means; spellings on which programs are
/// known to disagree are refused before that: backslashes, an empty authority, names and
/// passwords, blanks and control characters. What comes out must also be an [`Origin`], so that
/// an allow-list and the connection cannot see two different hosts.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    url: Url,
    origin: Origin,
}

impl Target {
    /// Reads an absolute `http` or `https` URL.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let refuse = |why: &str| refused(text, why);
        check_characters(text)?;
        let authority = ["http://", "https://"].iter().find_map(|scheme| {
            let (start, rest) = text.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        });
        let authority =
            authority.ok_or_else(|| refuse("it must begin with `https://` or `http://`"))?;
        if authority.starts_with('/') {
            return Err(refuse("its host is empty"));
        }
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(refuse("names and passwords do not belong into a URL"));
        }
        Self::of(text, Url::parse(text))
    }

    /// Where `location` leads from here: an absolute or relative reference.
    pub(crate) fn join(&self, location: &str) -> Result<Self, Failure> {
        check_characters(location)?;
        if Url::parse(location).is_ok() {
            return Self::parse(location);
        }
        if location.starts_with("///") {
            return Err(refused(location, "its host is empty"));
        }
        Self::of(location, self.url.join(location))
    }

    /// Reads what a socket connects to.
    pub(crate) fn of_socket(host: &str, port: u16) -> Result<Self, Failure> {
        if host.contains(['/', '?', '#', '@']) {
            return Err(refused(host, "it is no host"));
        }
        if host.contains(':') && !host.starts_with('[') {
            Self::parse(&format!("http://[{host}]:{port}"))
        } else {
            Self::parse(&format!("http://{host}:{port}"))
        }
    }

    fn of(text: &str, parsed: Result<Url, url::ParseError>) -> Result<Self, Failure> {
        let mut url = parsed.map_err(|error| refused(text, &error.to_string().to_lowercase()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                text,
                "names and passwords do not belong into a URL",
            ));
        }
        url.set_fragment(None);
        let absolute = url.host_str().and_then(|host| host.strip_suffix('.'));
        if let Some(host) = absolute.map(str::to_owned) {
            url.set_host(Some(&host))
                .map_err(|_| refused(text, "it has no host"))?;
        }
        let origin: Origin = url
            .as_str()
            .parse()
            .map_err(|error: wb_policy::HostError| Failure::bad_request(error.to_string()))?;
        // An IPv4-mapped address is the IPv4 address from here on.
        let host = origin.host();
        if url.host_str() != Some(host) && host.parse::<Ipv4Addr>().is_ok() {
            url.set_host(Some(host))
                .map_err(|_| refused(text, "it has no host"))?;
        }
        Ok(Self { url, origin })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Host and port, for what is no request.
    pub(crate) fn authority(&self) -> String {
        let (host, port) = (self.origin.host(), self.origin.port());
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.origin.scheme() == "https"
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.url)
    }
}

fn check_characters(text: &str) -> Result<(), Failure> {
    if text.len() > LONGEST_URL {
        return Err(Failure::bad_request(format!(
            "the URL has {} bytes; at most {LONGEST_URL} are sent",
            text.len()
        )));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(refused(text, "it has blanks or control characters"));
    }
    if text.contains('\\') {
        return Err(refused(text, "write a backslash as `%5C`"));
    }
    Ok(())
}

fn refused(text: &str, why: &str) -> Failure {
    let shown: String = text.escape_debug().take(128).collect();
    Failure::bad_request(format!("`{shown}` is no URL to request: {why}"))
}
