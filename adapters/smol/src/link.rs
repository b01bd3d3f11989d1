//! One open stream, and the read and the write that wait for it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll, ready};

use async_io::Async;
use bytes::Bytes;
use mongrel2_transceiver::Segments;
use mongrel2_transceiver_adapter::octets::{self, ReadBlock};

/// A non-blocking stream of either kind.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(Async<TcpStream>),
    Unix(Async<UnixStream>),
}

impl Stream {
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
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => Read::read(&mut stream.get_ref(), room),
            Self::Unix(stream) => Read::read(&mut stream.get_ref(), room),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[io::IoSlice::new(data)])
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => Write::write_vectored(&mut stream.get_ref(), slices),
            Self::Unix(stream) => Write::write_vectored(&mut stream.get_ref(), slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct Open {
    stream: Stream,
    /// The `max` of the read under way.
    read: Option<usize>,
    /// What is left of the write under way.
    write: Option<Segments>,
    /// Whether the stream was empty when last seen, so that readiness comes before the next try.
    is_empty: bool,
    /// The same for writing.
    is_full: bool,
}

impl Open {
    /// A stream that may be ready: finding out costs less than being told.
    pub(crate) fn new(stream: Stream) -> Self {
        if let Stream::Tcp(tcp) = &stream {
            if let Err(error) = tcp.get_ref().set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY was not set");
            }
        }
        Self { stream, read: None, write: None, is_empty: false, is_full: false }
    }

    pub(crate) const fn ask_read(&mut self, max: usize) {
        self.read = Some(max);
    }

    /// A machine asks for one write at a time: octets of two must not mix.
    pub(crate) fn ask_write(&mut self, data: Segments) {
        match self.write {
            None => self.write = Some(data),
            Some(_) => tracing::debug!("a second write at a time was not performed"),
        }
    }

    /// Goes on with the read under way, if there is one. No octets: the end.
    ///
    /// A read that was given less than it asked for has emptied the stream, which saves the call
    /// that would say `WouldBlock`. Should more have come meanwhile, or the end, then the stream is
    /// ready as soon as it is waited for.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        block: &mut ReadBlock,
    ) -> Poll<io::Result<Bytes>> {
        let Some(max) = self.read else { return Poll::Pending };
        loop {
            if self.is_empty {
                ready!(self.stream.poll_readable(context))?;
            }
            match block.read(&mut self.stream, max) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_empty = true,
                Err(error) => return Poll::Ready(Err(error)),
                Ok((data, was_short)) => {
                    self.is_empty = was_short;
                    if !data.is_empty() {
                        self.read = None;
                    }
                    return Poll::Ready(Ok(data));
                }
            }
        }
    }

    /// Goes on with the write under way, if there is one.
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(data) = &mut self.write else { return Poll::Pending };
        loop {
            if self.is_full {
                ready!(self.stream.poll_writable(context))?;
            }
            match octets::write(&mut self.stream, data) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_full = true,
                Err(error) => return Poll::Ready(Err(error)),
                Ok(()) => {
                    (self.write, self.is_full) = (None, false);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// How many operations are under way.
    pub(crate) const fn waiting(&self) -> usize {
        self.read.is_some() as usize + self.write.is_some() as usize
    }

    /// Ends the stream so that what was written still reaches the peer.
    pub(crate) fn close(mut self, block: &mut ReadBlock) {
        block.discard(&mut self.stream);
    }
}
