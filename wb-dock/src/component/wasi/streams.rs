use wasmtime::component::Resource;
use wb_policy::Resource as Limited;

use super::StreamFail;
use super::bindings::wasi::http::types::ErrorCode;
use super::bindings::wasi::io::{error, streams};
use super::clocks::Pollable;
use super::http::{Exchange, code};
use crate::cap::net::Incoming;
use crate::client::Refusal;
use crate::fs::NodeRef;
use crate::guest::Guest;
use crate::wasi::Errno;

/// Bytes moved by one call at most; a guest that wants more asks again.
pub(super) const PIECE: u64 = 1 << 20;

/// What a guest reads from.
#[derive(Debug)]
pub enum InputStream {
    Stdin,
    /// A file from this offset on.
    File {
        node: NodeRef,
        offset: u64,
    },
    /// The rest of the body of a response.
    Body(Incoming),
}

/// What a guest writes to.
#[derive(Debug)]
pub enum OutputStream {
    Stdout,
    Stderr,
    /// A file from this offset on, or at its end.
    File {
        node: NodeRef,
        offset: Option<u64>,
    },
    /// The body of a request.
    Body(Exchange),
}

/// Why a stream failed.
#[derive(Clone, Debug)]
pub enum StreamError {
    Errno(Errno),
    Http(ErrorCode),
}

type Stream<T> = Result<T, StreamFail>;

impl Guest {
    fn read_stream(&mut self, stream: &Resource<InputStream>, len: u64) -> Stream<Vec<u8>> {
        let len = len.min(PIECE) as usize;
        match self.table.get_mut(stream)? {
            InputStream::Stdin => {
                if len == 0 {
                    return Ok(Vec::new());
                }
                let mut bytes = vec![0; len];
                let read = self.wasi.stdin.read(&mut bytes)?;
                self.wasi.meter.check_time()?;
                if read == 0 {
                    return Err(StreamFail::Closed);
                }
                bytes.truncate(read);
                Ok(bytes)
            }
            InputStream::File { node, offset } => {
                let content = self.wasi.fs.content(*node)?;
                let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                let rest = content.get(start..).unwrap_or_default();
                if rest.is_empty() && len > 0 {
                    return Err(StreamFail::Closed);
                }
                let bytes = rest[..rest.len().min(len)].to_vec();
                *offset += bytes.len() as u64;
                Ok(bytes)
            }
            InputStream::Body(rest) => {
                let mut bytes = vec![0; len];
                let read = match rest.read(&self.client, &mut bytes) {
                    Ok(0) if len > 0 => return Err(StreamFail::Closed),
                    Ok(read) => read,
                    Err(Refusal::Failed(failure)) => return Err(StreamFail::Http(code(failure))),
                    Err(Refusal::Stop(stop)) => return Err(stop.into()),
                };
                bytes.truncate(read);
                Ok(bytes)
            }
        }
    }

    fn write_stream(&mut self, stream: &Resource<OutputStream>, bytes: &[u8]) -> Stream<()> {
        let wasi = &mut self.wasi;
        match self.table.get_mut(stream)? {
            OutputStream::File { node, offset } => {
                let end = wasi.fs.content(*node)?.len() as u64;
                let now = wasi.clock.wall();
                wasi.fs.write(*node, offset.unwrap_or(end), bytes, now)?;
                if let Some(offset) = offset {
                    *offset += bytes.len() as u64;
                }
                Ok(())
            }
            OutputStream::Body(exchange) => exchange.write(bytes, wasi.meter.budget()),
            target => {
                wasi.meter.charge(Limited::Output, bytes.len() as u64)?;
                let output = match target {
                    OutputStream::Stdout => &mut wasi.stdout,
                    _ => &mut wasi.stderr,
                };
                let written = output.write(bytes).map_err(StreamFail::from);
                match written {
                    Err(StreamFail::Failed(Errno::Pipe)) => Err(StreamFail::Closed),
                    written => written,
                }
            }
        }
    }

    fn write_zeroes_to(&mut self, stream: &Resource<OutputStream>, len: u64) -> Stream<()> {
        if len > PIECE {
            let error = wasmtime::format_err!("more is written than was permitted");
            return Err(StreamFail::Stop(error));
        }
        self.write_stream(stream, &vec![0; len as usize])
    }

    fn splice_streams(
        &mut self,
        to: &Resource<OutputStream>,
        from: &Resource<InputStream>,
        len: u64,
    ) -> Stream<u64> {
        let bytes = self.read_stream(from, len)?;
        self.write_stream(to, &bytes)?;
        Ok(bytes.len() as u64)
    }

    fn release_stream(&mut self, node: NodeRef) {
        self.wasi.fs.release(node);
    }
}

impl error::Host for Guest {}

impl error::HostError for Guest {
    fn to_debug_string(&mut self, error: Resource<StreamError>) -> wasmtime::Result<String> {
        Ok(match self.table.get(&error)? {
            StreamError::Errno(errno) => format!("{errno:?}"),
            StreamError::Http(code) => format!("{code:?}"),
        })
    }

    fn drop(&mut self, error: Resource<StreamError>) -> wasmtime::Result<()> {
        self.table.delete(error)?;
        Ok(())
    }
}

impl streams::Host for Guest {
    fn convert_stream_error(&mut self, fail: StreamFail) -> wasmtime::Result<streams::StreamError> {
        match fail {
            StreamFail::Closed => Ok(streams::StreamError::Closed),
            StreamFail::Failed(errno) => {
                let error = self.hand(StreamError::Errno(errno))?;
                Ok(streams::StreamError::LastOperationFailed(error))
            }
            StreamFail::Http(code) => {
                let error = self.hand(StreamError::Http(code))?;
                Ok(streams::StreamError::LastOperationFailed(error))
            }
            StreamFail::Stop(stop) => Err(stop),
        }
    }
}

impl streams::HostInputStream for Guest {
    fn read(&mut self, stream: Resource<InputStream>, len: u64) -> Stream<Vec<u8>> {
        self.read_stream(&stream, len)
    }

    fn blocking_read(&mut self, stream: Resource<InputStream>, len: u64) -> Stream<Vec<u8>> {
        self.read_stream(&stream, len)
    }

    fn skip(&mut self, stream: Resource<InputStream>, len: u64) -> Stream<u64> {
        Ok(self.read_stream(&stream, len)?.len() as u64)
    }

    fn blocking_skip(&mut self, stream: Resource<InputStream>, len: u64) -> Stream<u64> {
        Ok(self.read_stream(&stream, len)?.len() as u64)
    }

    fn subscribe(&mut self, _: Resource<InputStream>) -> wasmtime::Result<Resource<Pollable>> {
        self.hand(Pollable::Ready)
    }

    fn drop(&mut self, stream: Resource<InputStream>) -> wasmtime::Result<()> {
        if let InputStream::File { node, .. } = self.table.delete(stream)? {
            self.release_stream(node);
        }
        Ok(())
    }
}

impl streams::HostOutputStream for Guest {
    fn check_write(&mut self, stream: Resource<OutputStream>) -> Stream<u64> {
        self.table.get(&stream)?;
        Ok(PIECE)
    }

    fn write(&mut self, stream: Resource<OutputStream>, bytes: Vec<u8>) -> Stream<()> {
        self.write_stream(&stream, &bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<OutputStream>,
        bytes: Vec<u8>,
    ) -> Stream<()> {
        self.write_stream(&stream, &bytes)
    }

    fn flush(&mut self, _: Resource<OutputStream>) -> Stream<()> {
        Ok(())
    }

    fn blocking_flush(&mut self, _: Resource<OutputStream>) -> Stream<()> {
        Ok(())
    }

    fn subscribe(&mut self, _: Resource<OutputStream>) -> wasmtime::Result<Resource<Pollable>> {
        self.hand(Pollable::Ready)
    }

    fn write_zeroes(&mut self, stream: Resource<OutputStream>, len: u64) -> Stream<()> {
        self.write_zeroes_to(&stream, len)
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<OutputStream>,
        len: u64,
    ) -> Stream<()> {
        self.write_zeroes_to(&stream, len)
    }

    fn splice(
        &mut self,
        to: Resource<OutputStream>,
        from: Resource<InputStream>,
        len: u64,
    ) -> Stream<u64> {
        self.splice_streams(&to, &from, len)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<OutputStream>,
        from: Resource<InputStream>,
        len: u64,
    ) -> Stream<u64> {
        self.splice_streams(&to, &from, len)
    }

    fn drop(&mut self, stream: Resource<OutputStream>) -> wasmtime::Result<()> {
        if let OutputStream::File { node, .. } = self.table.delete(stream)? {
            self.release_stream(node);
        }
        Ok(())
    }
}
