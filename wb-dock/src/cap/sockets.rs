use bytes::Bytes;

use super::{Failure, Principal};
use crate::client::Received;

pub(crate) mod component;
pub(crate) mod stream;
pub(crate) mod udp;

pub(crate) use stream::{link_tcp, link_tls};
pub(crate) use udp::link as link_udp;

/// Connections below HTTP: TCP, UDP and TLS.
///
/// The service resolves a name once, refuses addresses that no guest should
/// reach, and connects to the very address it looked at. A run has at most 64
/// connections, sockets and answers of models open at a time.
pub trait Sockets: Send + Sync {
    /// Connects to a TCP port.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Refused`](super::FailureKind::Refused) for an address out of reach,
    /// [`FailureKind::TimedOut`](super::FailureKind::TimedOut),
    /// [`FailureKind::Failed`](super::FailureKind::Failed) when nobody answers.
    fn tcp(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure>;

    /// Connects to a TCP port and speaks TLS; the certificate must be `host`'s.
    ///
    /// # Errors
    ///
    /// As for [`Sockets::tcp`], and [`FailureKind::Failed`](super::FailureKind::Failed) for a
    /// certificate that does not hold.
    fn tls(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Connection>, Failure>;

    /// Opens a UDP socket that talks to one address.
    ///
    /// # Errors
    ///
    /// As for [`Sockets::tcp`].
    fn udp(
        &self,
        who: &Principal<'_>,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Datagrams>, Failure>;
}

/// A stream of bytes in each direction. Dropping it closes it.
pub trait Connection: Send {
    /// Sends all of `data`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) for a spent egress budget,
    /// [`FailureKind::TimedOut`](super::FailureKind::TimedOut),
    /// [`FailureKind::Failed`](super::FailureKind::Failed) when the other end is gone.
    fn send(&mut self, who: &Principal<'_>, data: &[u8]) -> Result<(), Failure>;

    /// Receives up to `most` bytes (1 MiB if the guest asks for more), at least one; none
    /// when the other end has closed.
    ///
    /// # Errors
    ///
    /// As for [`Connection::send`].
    fn receive(&mut self, who: &Principal<'_>, most: usize) -> Result<Bytes, Failure>;
}

/// Messages in each direction. Dropping it closes it.
pub trait Datagrams: Send {
    /// Sends one message of at most 65,507 bytes.
    ///
    /// # Errors
    ///
    /// As for [`Connection::send`].
    fn send(&mut self, who: &Principal<'_>, message: &[u8]) -> Result<(), Failure>;

    /// Receives one message; waits for it.
    ///
    /// # Errors
    ///
    /// As for [`Connection::send`].
    fn receive(&mut self, who: &Principal<'_>) -> Result<Bytes, Failure>;
}

impl Received for Box<dyn Connection> {
    fn bytes(&self) -> usize {
        0
    }
}

impl Received for Box<dyn Datagrams> {
    fn bytes(&self) -> usize {
        0
    }
}
