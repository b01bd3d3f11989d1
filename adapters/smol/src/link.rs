//! One open stream, and what is known of its readiness.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll, ready};

use async_io::Async;
use mongrel2_transceiver_adapter::octets::ReadBlock;
use mongrel2_transceiver_adapter::runtime;

/// A non-blocking stream of either kind.
pub(crate) struct Stream {
    socket: Socket,
    /// Whether the stream was empty when last seen, so that readiness comes before the next try.
    is_empty: bool,
    /// The same for writing.
    is_full: bool,
}

enum Socket {
    Tcp(Async<TcpStream>),
    Unix(Async<UnixStream>),
}

impl Stream {
    pub(crate) const fn tcp(stream: Async<TcpStream>) -> Self {
        Self::new(Socket::Tcp(stream))
    }

    pub(crate) const fn unix(stream: Async<UnixStream>) -> Self {
        Self::new(Socket::Unix(stream))
    }

    /// A stream that may be ready: finding out costs less than being told.
    const fn new(socket: Socket) -> Self {
        Self { socket, is_empty: false, is_full: false }
    }
}

impl runtime::Stream for Stream {
    fn set_nodelay(&self) -> io::Result<()> {
        match &self.socket {
            Socket::Tcp(stream) => stream.get_ref().set_nodelay(true),
            Socket::Unix(_) => Ok(()),
        }
    }

    /// A read that was given less than it asked for has emptied the stream, which saves the call
    /// that would say `WouldBlock`. Should more have come meanwhile, or the end, then the stream is
    /// ready as soon as it is waited for.
    fn poll_read(&mut self, context: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            if self.is_empty {
                ready!(self.socket.poll_readable(context))?;
            }
            match self.socket.read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_empty = true,
                result => {
                    self.is_empty = matches!(result, Ok(count) if count < room.len());
                    return Poll::Ready(result);
                }
            }
        }
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.is_full {
                ready!(self.socket.poll_writable(context))?;
            }
            match self.socket.write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_full = true,
                result => {
                    self.is_full = false;
                    return Poll::Ready(result);
                }
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match &self.socket {
            Socket::Tcp(stream) => stream.get_ref().shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.get_ref().shutdown(Shutdown::Write),
        }
    }

    fn close(mut self, block: &mut ReadBlock) {
        block.discard(&mut self.socket);
    }
}

impl Socket {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_readable(context),
            Self::Unix(stream) => stream.poll_readable(context),
        }
    }

    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_writable(context),
            Self::Unix(stream) => stream.poll_writable(context),
        }
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.get_ref().write_vectored(slices),
            Self::Unix(stream) => stream.get_ref().write_vectored(slices),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.get_ref().read(room),
            Self::Unix(stream) => stream.get_ref().read(room),
        }
    }
}
