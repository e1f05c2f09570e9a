//! Connections that end by a deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use wb_dock::cap::Failure;

use crate::tls::Tls;

/// When something must be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// `left` from now; never, if that is further than clocks go.
    pub(crate) fn after(left: Duration) -> Self {
        Self(Instant::now().checked_add(left))
    }

    /// What is left, which may be nothing.
    pub(crate) fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |end| {
            end.saturating_duration_since(Instant::now())
        })
    }

    /// What is left as the operating system takes it; an error once it is over.
    fn timeout(self) -> io::Result<Option<Duration>> {
        match self.0 {
            None => Ok(None),
            Some(_) => match self.left() {
                Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
                left => Ok(Some(left)),
            },
        }
    }
}

/// A TCP connection whose every read and write ends by the deadline, however slowly the other
/// end sends or takes.
#[derive(Debug)]
pub(crate) struct Tcp {
    socket: TcpStream,
    deadline: Deadline,
}

impl Tcp {
    /// Connects to the first of `addresses` that answers. Each attempt gets half of the time
    /// that is left, the last one all of it.
    pub(crate) fn connect(addresses: &[SocketAddr], deadline: Deadline) -> io::Result<Self> {
        let mut failed = io::ErrorKind::NotFound.into();
        for (at, address) in addresses.iter().enumerate() {
            let left = deadline.timeout()?;
            let last = at + 1 == addresses.len();
            let attempt = left.map(|left| if last { left } else { left / 2 });
            let connected = match attempt {
                None => TcpStream::connect(address),
                Some(attempt) => TcpStream::connect_timeout(address, attempt.max(SHORTEST)),
            };
            match connected {
                Ok(socket) => {
                    socket.set_nodelay(true)?;
                    return Ok(Self { socket, deadline });
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    pub(crate) fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// Whether the connection is open and silent, so that another request may use it.
    pub(crate) fn is_idle(&self) -> bool {
        let peek = || {
            self.socket.set_nonblocking(true)?;
            let peeked = self.socket.peek(&mut [0]);
            self.socket.set_nonblocking(false)?;
            peeked
        };
        matches!(peek(), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// The operating system refuses to wait for no time at all.
const SHORTEST: Duration = Duration::from_millis(1);

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.deadline.timeout()?)?;
        self.socket.read(buffer).map_err(timed_out)
    }
}

impl Write for Tcp {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.deadline.timeout()?)?;
        self.socket.write(data).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sockets say `WouldBlock` on Unix when their time is over.
pub(crate) fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// A connection, with TLS or without.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Tcp),
    Tls(Box<StreamOwned<ClientConnection, Tcp>>),
}

impl Stream {
    /// Speaks TLS on `tcp`; the certificate must be `host`'s.
    pub(crate) fn secure(mut tcp: Tcp, tls: &Tls, host: &str) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let mut session = tls.session(name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut tcp)?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(session, tcp))))
    }

    pub(crate) fn tcp(&mut self) -> &mut Tcp {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &mut tls.sock,
        }
    }

    pub(crate) const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = || match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        };
        retry(read)
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(data),
            Self::Tls(tls) => tls.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// Signals interrupt system calls without meaning anything to a guest.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// What went wrong on the way to `place`, in words that say nothing about this host.
pub(crate) fn failure(place: &str, error: &io::Error) -> Failure {
    let inner = error.get_ref();
    if let Some(failure) = inner.and_then(|inner| inner.downcast_ref::<Failure>()) {
        return failure.clone();
    }
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Failure::failed(format!("no secure connection to `{place}`: {error}"));
    }
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<crate::TlsError>()) {
        return Failure::unavailable(error.to_string());
    }
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            Failure::timed_out(format!("`{place}` took too long"))
        }
        io::ErrorKind::ConnectionRefused => {
            Failure::failed(format!("`{place}` accepts no connection"))
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => {
            Failure::failed(format!("`{place}` closed the connection early"))
        }
        _ => Failure::failed(format!("`{place}` cannot be reached")),
    }
}
