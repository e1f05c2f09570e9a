use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use wb_dock::cap::Failure;

mod address;
mod network;
mod resolver;
mod target;

pub use network::{Network, NetworkError};
pub use resolver::{Resolver, SystemResolver};
pub(crate) use target::Target;

/// Which addresses guests may reach: those of the public internet, and what the deployer adds.
///
/// Denied by default are loopback, private, link-local (cloud metadata among them), shared
/// (CGNAT) and unique-local addresses, the unspecified address, multicast, broadcast, and what is
/// reserved for documentation and benchmarks, in IPv4 and IPv6. IPv4 addresses inside IPv6 ones
/// are judged as what they lead to, or denied.
///
/// A name is resolved once, each of its addresses is judged, and connections go to these very
/// addresses: a second answer of the resolver is never asked for.
///
/// # Examples
///
/// ```
/// use wb_services::Egress;
///
/// let egress = Egress::public();
/// assert!(egress.permits("example.org", "93.184.215.14".parse().unwrap()));
/// assert!(!egress.permits("example.org", "::ffff:169.254.169.254".parse().unwrap()));
///
/// let egress = egress.allow("10.2.0.0/16".parse().unwrap());
/// assert!(egress.permits("db.example.org", "10.2.0.7".parse().unwrap()));
/// assert!(!egress.permits("db.example.org", "10.3.0.7".parse().unwrap()));
/// ```
#[derive(Clone)]
pub struct Egress {
    resolver: Arc<dyn Resolver>,
    allowed: Vec<Network>,
    allowed_hosts: Vec<String>,
    denied: Vec<Network>,
}

impl Egress {
    /// The public internet, names resolved by the operating system.
    pub fn public() -> Self {
        Self {
            resolver: Arc::new(SystemResolver::default()),
            allowed: Vec::new(),
            allowed_hosts: Vec::new(),
            denied: Vec::new(),
        }
    }

    /// Asks `resolver` for the addresses of names.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Permits `network` although it is not public.
    #[must_use]
    pub fn allow(mut self, network: Network) -> Self {
        self.allowed.push(network);
        self
    }

    /// Permits the host called `host` wherever its name leads: the deployer answers for its
    /// entries in the name service.
    #[must_use]
    pub fn allow_host(mut self, host: &str) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.allowed_hosts.push(host.to_ascii_lowercase());
        self
    }

    /// Denies `network` whatever else permits it.
    #[must_use]
    pub fn deny(mut self, network: Network) -> Self {
        self.denied.push(network);
        self
    }

    /// Whether a guest may connect to `address` when it asked for `host`.
    pub fn permits(&self, host: &str, address: IpAddr) -> bool {
        self.judge(host, address).is_ok()
    }

    /// The addresses to connect to for `host`, every one of them permitted.
    ///
    /// `host` is a name in canonical form or an address, without brackets.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Refused`](wb_dock::cap::FailureKind::Refused) when any of its addresses is
    /// out of reach, and what [`Resolver::resolve`] fails with.
    pub fn resolve(
        &self,
        host: &str,
        port: u16,
        within: Duration,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(host, within)?,
        };
        if addresses.is_empty() {
            return Err(Failure::failed(format!("`{host}` has no address")));
        }
        let mut checked: Vec<SocketAddr> = Vec::with_capacity(addresses.len());
        for address in addresses {
            self.judge(host, address).map_err(|range| {
                Failure::refused(format!("`{host}` is out of reach: it leads to {range}"))
            })?;
            // Mapped addresses are IPv4 to the kernel; say so before it does.
            let address = SocketAddr::new(address.to_canonical(), port);
            if !checked.contains(&address) {
                checked.push(address);
            }
        }
        Ok(checked)
    }

    /// What speaks against `address`, in words.
    fn judge(&self, host: &str, address: IpAddr) -> Result<(), &'static str> {
        let place = address::destination(address);
        let listed = |list: &[Network], address| list.iter().any(|of| of.contains(address));
        if listed(&self.denied, address) || listed(&self.denied, place) {
            return Err("an address that the deployer denies");
        }
        // Not by the outer address: all of IPv6 is not meant to hold loopback in IPv6 clothes.
        let allowed = listed(&self.allowed, place);
        if allowed || self.allowed_hosts.iter().any(|allowed| allowed == host) {
            return Ok(());
        }
        address::special(place).map_or(Ok(()), Err)
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::public()
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("allowed", &self.allowed)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("denied", &self.denied)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
