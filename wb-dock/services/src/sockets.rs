use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use wb_dock::cap::{Connection, Datagrams, Failure, Principal, Sockets};

use crate::egress::{Egress, Target};
use crate::stream::{self, Deadline, Stream, Tcp};
use crate::tls::Tls;

/// TCP, UDP and TLS by the operating system, as far as an [`Egress`] policy permits.
///
/// A call returns by the time the run has left, with
/// [`FailureKind::TimedOut`](wb_dock::cap::FailureKind::TimedOut) if need be. What is sent is charged to the
/// run's egress before it is sent. One call receives at most 1 MiB.
#[derive(Clone, Debug)]
pub struct OsSockets {
    egress: Egress,
    tls: Tls,
}

/// Bytes that one call receives at most.
const LARGEST_READ: usize = 1 << 20;

/// Bytes of the largest UDP message over IPv4 (RFC 768).
const LARGEST_DATAGRAM: usize = 65_507;

impl OsSockets {
    /// Sockets to where `egress` permits.
    pub fn new(egress: Egress, tls: Tls) -> Self {
        Self { egress, tls }
    }

    fn resolve(&self, target: &Target, within: Duration) -> Result<Vec<SocketAddr>, Failure> {
        let origin = target.origin();
        self.egress.resolve(origin.host(), origin.port(), within)
    }

    fn connect(&self, who: &Principal<'_>, target: &Target) -> Result<Tcp, Failure> {
        let deadline = Deadline::after(who.time_left());
        let addresses = self.resolve(target, deadline.left())?;
        Tcp::connect(&addresses, deadline).map_err(|error| failure(target, &error))
    }
}

impl Sockets for OsSockets {
    fn tcp(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        let target = Target::of_socket(host, port)?;
        let stream = Stream::Plain(self.connect(who, &target)?);
        Ok(Box::new(Open { stream, target }))
    }

    fn tls(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure> {
        let target = Target::of_socket(host, port)?;
        let tcp = self.connect(who, &target)?;
        let stream = Stream::secure(tcp, &self.tls, target.origin().host())
            .map_err(|error| failure(&target, &error))?;
        Ok(Box::new(Open { stream, target }))
    }

    fn udp(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Datagrams>, Failure> {
        let target = Target::of_socket(host, port)?;
        let addresses = self.resolve(&target, who.time_left())?;
        // The first that has a route; a UDP socket learns nothing more from connecting.
        let socket = addresses.iter().find_map(|address| open_udp(*address).ok());
        let socket = socket.ok_or_else(|| failure(&target, &io::ErrorKind::NotFound.into()))?;
        Ok(Box::new(Peer { socket, target }))
    }
}

fn open_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    // Connected, it takes messages from nobody else.
    socket.connect(address)?;
    Ok(socket)
}

struct Open {
    stream: Stream,
    target: Target,
}

impl Connection for Open {
    fn send(&mut self, who: &Principal<'_>, data: &[u8]) -> Result<(), Failure> {
        who.charge_egress(data.len() as u64)?;
        self.stream
            .tcp()
            .set_deadline(Deadline::after(who.time_left()));
        self.stream
            .write_all(data)
            .and_then(|()| self.stream.flush())
            .map_err(|error| failure(&self.target, &error))
    }

    fn receive(&mut self, who: &Principal<'_>, most: usize) -> Result<Bytes, Failure> {
        if most == 0 {
            return Err(Failure::bad_request(
                "asked for 0 bytes; at least 1 is received",
            ));
        }
        self.stream
            .tcp()
            .set_deadline(Deadline::after(who.time_left()));
        let mut buffer = vec![0; most.min(LARGEST_READ)];
        let received = self.stream.read(&mut buffer);
        let received = received.map_err(|error| failure(&self.target, &error))?;
        buffer.truncate(received);
        // A short message must not keep a large buffer alive.
        buffer.shrink_to_fit();
        Ok(buffer.into())
    }
}

struct Peer {
    socket: UdpSocket,
    target: Target,
}

impl Peer {
    /// The time that is left as the operating system takes it.
    fn timeout(&self, who: &Principal<'_>) -> Result<Option<Duration>, Failure> {
        match who.time_left() {
            Duration::ZERO => Err(failure(&self.target, &io::ErrorKind::TimedOut.into())),
            Duration::MAX => Ok(None),
            left => Ok(Some(left)),
        }
    }
}

impl Datagrams for Peer {
    fn send(&mut self, who: &Principal<'_>, message: &[u8]) -> Result<(), Failure> {
        if message.len() > LARGEST_DATAGRAM {
            return Err(Failure::limit(format!(
                "a message of {} bytes; at most {LARGEST_DATAGRAM} are sent",
                message.len()
            )));
        }
        let timeout = self.timeout(who)?;
        who.charge_egress(message.len() as u64)?;
        self.socket
            .set_write_timeout(timeout)
            .and_then(|()| self.socket.send(message))
            .map(drop)
            .map_err(|error| failure(&self.target, &error))
    }

    fn receive(&mut self, who: &Principal<'_>) -> Result<Bytes, Failure> {
        let timeout = self.timeout(who)?;
        let mut buffer = vec![0; 1 << 16];
        let received = self
            .socket
            .set_read_timeout(timeout)
            .and_then(|()| self.socket.recv(&mut buffer))
            .map_err(|error| failure(&self.target, &error))?;
        Ok(Bytes::copy_from_slice(&buffer[..received]))
    }
}

fn failure(target: &Target, error: &io::Error) -> Failure {
    stream::failure(&target.authority(), error)
}

#[cfg(test)]
mod tests;
