use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::Pattern;

/// Where a request or a connection goes: scheme, host and port, in canonical form.
///
/// The schemes are `https` and `http` of URLs, and `tcp`, `udp` and `tls` for
/// sockets, which have no port of their own and always name one.
///
/// Two spellings of one place are equal: case, a trailing dot and default
/// ports are gone. Spellings of IPv4 addresses that only some resolvers
/// understand (`0x7f.1`, `2130706433`, `127.1`) are refused rather than
/// guessed, since a guess here and another in the resolver would be a hole.
/// Which of them are addresses is as the WHATWG URL Standard has it; names beyond ASCII
/// are written in their `xn--` form.
///
/// # Examples
///
/// ```
/// use wb_policy::Origin;
///
/// let origin: Origin = "HTTPS://API.Example.org.:443/users?page=2".parse()?;
/// assert_eq!(origin.to_string(), "https://api.example.org");
/// assert_eq!(origin, "https://api.example.org".parse::<Origin>()?);
/// assert!("http://127.1/".parse::<Origin>().is_err());
/// # Ok::<(), wb_policy::HostError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// Where a TCP connection to `port` of `host` goes.
    ///
    /// # Errors
    ///
    /// [`HostError`] when `port` is 0, or `host` is neither an address nor a name: at most
    /// 253 bytes, in labels of 1 to 63 ASCII letters, digits, `-` or `_`.
    pub fn tcp(host: &str, port: u16) -> Result<Self, HostError> {
        Self::socket(Scheme::Tcp, host, port)
    }

    /// Where UDP datagrams to `port` of `host` go.
    ///
    /// # Errors
    ///
    /// As for [`tcp`](Self::tcp).
    pub fn udp(host: &str, port: u16) -> Result<Self, HostError> {
        Self::socket(Scheme::Udp, host, port)
    }

    /// Where a TLS connection to `port` of `host` goes.
    ///
    /// # Errors
    ///
    /// As for [`tcp`](Self::tcp).
    pub fn tls(host: &str, port: u16) -> Result<Self, HostError> {
        Self::socket(Scheme::Tls, host, port)
    }

    /// A host stands alone here, so an IPv6 address may do without brackets.
    fn socket(scheme: Scheme, host: &str, port: u16) -> Result<Self, HostError> {
        let error = |why| HostError::new(host, why);
        if port == 0 {
            return Err(error("the port must be 1 to 65535"));
        }
        let host = match host.parse::<Ipv6Addr>() {
            Ok(_) => canonical(&format!("[{host}]")),
            Err(_) => canonical(host),
        };
        Ok(Self {
            scheme,
            host: host.map_err(error)?,
            port,
        })
    }

    /// Whether it is an origin of the web: `http` or `https`.
    pub const fn is_web(&self) -> bool {
        matches!(self.scheme, Scheme::Http | Scheme::Https)
    }

    /// The scheme, for example `https`.
    pub const fn scheme(&self) -> &'static str {
        self.scheme.name()
    }

    /// The host in lower case; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where the URL left it out.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// Reads the origin out of a URL; what follows the authority is not looked at.
impl FromStr for Origin {
    type Err = HostError;

    fn from_str(url: &str) -> Result<Self, HostError> {
        let error = |why| HostError::new(url, why);
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| error("a URL begins with `https://` or `http://`"))?;
        let scheme = Scheme::read(scheme).ok_or_else(|| error(SCHEMES))?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = split_port(authority).map_err(error)?;
        let port = match port {
            None => scheme.port().ok_or_else(|| error(NO_PORT))?,
            Some(port) => read_port(port).ok_or_else(|| error("the port must be 1 to 65535"))?,
        };
        Ok(Self {
            scheme,
            host: canonical(host).map_err(error)?,
            port,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_origin(f, self.scheme, &self.host, Some(self.port))
    }
}

/// A set of origins: `[SCHEME://]HOST[:PORT]`.
///
/// Without a scheme it is `https`; without a port that of `https` or `http`, while
/// `tcp`, `udp` and `tls` always name theirs. The host may be `*` for all or
/// `*.example.org` for every name below `example.org` (not that name itself); the port
/// may be `*`. There is no path: a grant reaches all of a host or nothing of it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    scheme: Scheme,
    host: HostSet,
    port: Option<u16>,
}

impl Pattern for HostPattern {
    type Subject = Origin;

    fn permits(&self, origin: &Origin) -> bool {
        self.scheme == origin.scheme
            && self.port.is_none_or(|port| port == origin.port)
            && self.host.contains(&origin.host)
    }

    fn meet(&self, other: &Self) -> Option<Self> {
        let port = match (self.port, other.port) {
            (Some(a), Some(b)) if a != b => return None,
            (a, b) => a.or(b),
        };
        (self.scheme == other.scheme).then_some(())?;
        Some(Self {
            scheme: self.scheme,
            host: self.host.meet(&other.host)?,
            port,
        })
    }
}

impl FromStr for HostPattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let error = |why| HostError::new(text, why);
        let (scheme, authority) = match text.split_once("://") {
            None => (Scheme::Https, text),
            Some((scheme, rest)) => (Scheme::read(scheme).ok_or_else(|| error(SCHEMES))?, rest),
        };
        if authority.contains(['/', '?', '#']) {
            return Err(error("a pattern names hosts and has no path"));
        }
        let (host, port) = split_port(authority).map_err(error)?;
        let port = match port {
            None => Some(scheme.port().ok_or_else(|| error(NO_PORT))?),
            Some("*") => None,
            Some(port) => {
                Some(read_port(port).ok_or_else(|| error("the port must be 1 to 65535 or `*`"))?)
            }
        };
        let host = match host.strip_prefix("*.") {
            _ if host == "*" => HostSet::Any,
            None => HostSet::Name(canonical(host).map_err(error)?),
            Some(parent) => {
                let parent = canonical(parent).map_err(error)?;
                if is_address(&parent) {
                    return Err(error("an address has no names below it"));
                }
                HostSet::Below(parent)
            }
        };
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostSet::Any => write_origin(f, self.scheme, "*", self.port),
            HostSet::Name(name) => write_origin(f, self.scheme, name, self.port),
            HostSet::Below(parent) => {
                write_origin(f, self.scheme, &format!("*.{parent}"), self.port)
            }
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostError;

    fn try_from(text: String) -> Result<Self, HostError> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

/// A text that names no host, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is refused: {why}")]
pub struct HostError {
    text: String,
    why: &'static str,
}

impl HostError {
    fn new(text: &str, why: &'static str) -> Self {
        Self {
            text: text.chars().take(128).collect(),
            why,
        }
    }
}

const SCHEMES: &str = "the schemes are https, http, tcp, udp and tls";
const NO_PORT: &str = "tcp, udp and tls name their port";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scheme {
    Http,
    Https,
    Tcp,
    Udp,
    Tls,
}

impl Scheme {
    fn read(text: &str) -> Option<Self> {
        [Self::Http, Self::Https, Self::Tcp, Self::Udp, Self::Tls]
            .into_iter()
            .find(|scheme| text.eq_ignore_ascii_case(scheme.name()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Tls => "tls",
        }
    }

    /// The port where a URL leaves it out.
    const fn port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https => Some(443),
            Self::Tcp | Self::Udp | Self::Tls => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum HostSet {
    Any,
    Name(String),
    Below(String),
}

impl HostSet {
    fn contains(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Name(name) => name == host,
            Self::Below(parent) => is_below(host, parent),
        }
    }

    fn meet(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, set) | (set, Self::Any) => Some(set.clone()),
            (Self::Name(name), set) | (set, Self::Name(name)) => {
                set.contains(name).then(|| Self::Name(name.clone()))
            }
            (Self::Below(a), Self::Below(b)) if a == b || is_below(a, b) => Some(self.clone()),
            (Self::Below(a), Self::Below(b)) => is_below(b, a).then(|| other.clone()),
        }
    }
}

fn is_below(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent)
        .is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
}

fn write_origin(
    f: &mut fmt::Formatter<'_>,
    scheme: Scheme,
    host: &str,
    port: Option<u16>,
) -> fmt::Result {
    write!(f, "{}://", scheme.name())?;
    if host.contains(':') {
        write!(f, "[{host}]")?;
    } else {
        f.write_str(host)?;
    }
    match port {
        None => f.write_str(":*"),
        Some(port) if Some(port) == scheme.port() => Ok(()),
        Some(port) => write!(f, ":{port}"),
    }
}

/// The host and, after the colon, the port of `authority`.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if authority.contains('@') {
        return Err("names and passwords do not belong into a URL");
    }
    let colon = match authority.rfind(']') {
        Some(bracket) => authority[bracket..].find(':').map(|at| bracket + at),
        None => authority.find(':'),
    };
    Ok(match colon {
        None => (authority, None),
        Some(at) => (&authority[..at], Some(&authority[at + 1..])),
    })
}

fn read_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

/// The one spelling of `host` that comparisons use.
fn canonical(host: &str) -> Result<String, &'static str> {
    if let Some(bracketed) = host.strip_prefix('[') {
        let address = bracketed
            .strip_suffix(']')
            .and_then(|address| address.parse::<Ipv6Addr>().ok())
            .ok_or("brackets hold an IPv6 address")?;
        // An IPv4 address in IPv6 clothes is the same place.
        return Ok(match address.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => address.to_string(),
        });
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if host.is_empty() || host.len() > 253 {
        return Err("a host has 1 to 253 characters");
    }
    if !host.is_ascii() {
        return Err("write the host in its `xn--` form");
    }
    for label in host.split('.') {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if label.is_empty() || label.len() > 63 || !label.bytes().all(plain) {
            return Err("a host is labels of 1 to 63 letters, digits, `-` or `_`");
        }
    }
    // What ends in a number is an address (as the WHATWG URL Standard has it),
    // and only the dotted quad is a spelling that everybody reads alike.
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err("an IPv4 address is four decimal numbers");
    }
    Ok(host)
}

fn is_address(host: &str) -> bool {
    host.contains(':') || host.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_place_are_equal() {
        let origin = |url: &str| url.parse::<Origin>().unwrap();
        assert_eq!(
            origin("HTTPS://API.Example.org.:443/a"),
            origin("https://api.example.org?b")
        );
        assert_eq!(
            origin("http://[::ffff:10.0.0.1]"),
            origin("http://10.0.0.1:80#c")
        );
        assert_eq!(
            origin("http://[0:0::1]:8080").to_string(),
            "http://[::1]:8080"
        );
    }

    #[test]
    fn spellings_that_hide_a_place_are_refused() {
        for url in [
            "https://2130706433",
            "https://0x7f000001",
            "https://127.1",
            "https://0177.0.0.1",
            "https://127.0.0.1.1",
            "https://a.0x7f",
            "https://user@example.org",
            "https://good.org\\@evil.org",
            "https://exa mple.org",
            "https://ex\u{e4}mple.org",
            "https://example.org:0",
            "https://example.org:+1",
            "https://example..org",
            "https://",
            "file:///etc/passwd",
            "tcp://example.org",
            "example.org",
        ] {
            assert!(url.parse::<Origin>().is_err(), "{url}");
        }
    }

    #[test]
    fn a_pattern_permits_what_it_says() {
        let permits = |pattern: &str, url: &str| {
            let pattern: HostPattern = pattern.parse().unwrap();
            pattern.permits(&url.parse().unwrap())
        };
        assert!(permits("example.org", "https://example.org/x"));
        assert!(!permits("example.org", "http://example.org"));
        assert!(!permits("example.org", "https://example.org:8443"));
        assert!(permits("example.org:*", "https://example.org:8443"));
        assert!(permits("*.example.org", "https://a.b.example.org"));
        assert!(!permits("*.example.org", "https://example.org"));
        assert!(!permits("*.example.org", "https://evilexample.org"));
        for pattern in [
            "*.127.0.0.1",
            "a*.org",
            "*.*",
            "https://a/b",
            "ftp://a",
            "tcp://a",
            ":80",
            "a:",
        ] {
            assert!(pattern.parse::<HostPattern>().is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_socket_goes_to_one_host_and_port() {
        let db: HostPattern = "tcp://db.example.org:5432".parse().unwrap();
        let permits = |origin: Result<Origin, HostError>| db.permits(&origin.unwrap());
        assert!(permits(Origin::tcp("DB.example.org.", 5432)));
        assert!(!permits(Origin::tcp("db.example.org", 5433)));
        assert!(!permits(Origin::tls("db.example.org", 5432)));
        assert!(!permits(Origin::udp("db.example.org", 5432)));
        assert_eq!(
            Origin::tcp("::ffff:10.0.0.1", 1),
            Origin::tcp("10.0.0.1", 1)
        );
        assert_eq!(
            Origin::udp("[::1]", 53).unwrap().to_string(),
            "udp://[::1]:53"
        );
        for host in ["", "a/b", "user@a", "a:1", "127.1", "a\0", "a\\b", "::1/a"] {
            assert!(Origin::tcp(host, 1).is_err(), "{host:?}");
        }
        assert!(Origin::tcp("a", 0).is_err());
    }

    #[test]
    fn patterns_print_as_they_read() {
        for text in [
            "https://*",
            "http://a.org:*",
            "https://*.a.org:8443",
            "https://[::1]",
            "tcp://*.a.org:5432",
            "udp://a.org:*",
            "tls://a.org:443",
        ] {
            assert_eq!(text.parse::<HostPattern>().unwrap().to_string(), text);
        }
    }
}
