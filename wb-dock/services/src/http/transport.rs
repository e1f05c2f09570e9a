//! What `ureq` connects with: addresses that the policy permits, and our own TLS.

use std::cell::Cell;
use std::fmt;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use crate::egress::Egress;
use crate::stream::{Deadline, Stream, Tcp};
use crate::tls::Tls;

/// Resolves names under the policy; what it gives is what is connected to.
#[derive(Debug)]
pub(super) struct Guard(pub(super) Egress);

/// Most addresses of a name that are tried, the size of what `ureq` passes on.
const MOST_ADDRESSES: usize = 16;

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let authority = uri.authority().ok_or(Error::HostNotFound)?;
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let default = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = authority.port_u16().unwrap_or(default);
        let addresses = self
            .0
            .resolve(host, port, *timeout.after)
            .map_err(|failure| Error::Other(Box::new(failure)))?;
        let mut resolved = self.empty();
        for address in addresses.into_iter().take(MOST_ADDRESSES) {
            resolved.push(address);
        }
        Ok(resolved)
    }
}

/// Opens the connections.
#[derive(Debug)]
pub(super) struct Dial(pub(super) Tls);

impl Connector<()> for Dial {
    type Out = Wire;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Wire>, Error> {
        let addresses: Vec<SocketAddr> = details.addrs.iter().copied().collect();
        let tcp = Tcp::connect(&addresses, Deadline::after(*details.timeout.after))?;
        let stream = if details.needs_tls() {
            let host = details.uri.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']');
            Stream::secure(tcp, &self.0, host)?
        } else {
            Stream::Plain(tcp)
        };
        Ok(Some(Wire {
            stream,
            buffers: LazyBuffers::new(
                details.config.input_buffer_size(),
                details.config.output_buffer_size(),
            ),
        }))
    }
}

thread_local! {
    /// How long a connection may be silent while this thread reads a body.
    static EACH: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// Reads a body where no read of its connection may take longer than `each`. The client knows
/// a limit on every read, the head included, and one on the whole body, but none like this;
/// whoever reads a body is on the thread that its connection is read on.
pub(super) fn each_within<T>(each: Option<Duration>, read: impl FnOnce() -> T) -> T {
    let outer = EACH.replace(each);
    let result = read();
    EACH.set(outer);
    result
}

/// A connection with the buffers that `ureq` works on.
pub(super) struct Wire {
    stream: Stream,
    buffers: LazyBuffers,
}

impl Wire {
    fn within(&mut self, left: Duration) {
        let left = EACH.get().map_or(left, |each| left.min(each));
        self.stream.tcp().set_deadline(Deadline::after(left));
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.within(*timeout.after);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output)?;
        self.stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.within(*timeout.after);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.tcp().is_idle()
    }

    fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("tls", &self.stream.is_tls())
            .finish_non_exhaustive()
    }
}
