//! One open stream, and the read and the write that wait for it.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use bytes::Bytes;
use mio::event::{Event, Source};
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use mongrel2_transceiver::Segments;
use mongrel2_transceiver_adapter::octets::{self, ReadBlock};

/// A non-blocking stream of either kind.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let source: &mut dyn Source = match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        };
        registry.register(source, token, Interest::READABLE | Interest::WRITABLE)
    }

    fn finish(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(room),
            Self::Unix(stream) => stream.read(room),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[io::IoSlice::new(data)])
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(slices),
            Self::Unix(stream) => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open stream. Readiness is told once, when it begins, so it is kept here until it is used up.
#[derive(Debug)]
pub(crate) struct Open {
    stream: Stream,
    /// The `max` of the read under way.
    read: Option<usize>,
    /// What is left of the write under way.
    write: Option<Segments>,
    is_readable: bool,
    is_writable: bool,
    /// Whether the end or an error lies behind the octets to be read.
    is_ending: bool,
}

impl Open {
    /// A stream that may be ready: finding out costs no more than being told.
    pub(crate) fn new(stream: Stream) -> Self {
        if let Stream::Tcp(tcp) = &stream {
            if let Err(error) = tcp.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY was not set");
            }
        }
        Self {
            stream,
            read: None,
            write: None,
            is_readable: true,
            is_writable: true,
            is_ending: false,
        }
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

    pub(crate) fn notice(&mut self, event: &Event) {
        self.is_ending |= event.is_read_closed() || event.is_error();
        self.is_readable |= event.is_readable() || self.is_ending;
        self.is_writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Goes on with the read under way. `None`: there is none, or it waits. No octets: the end.
    ///
    /// A read that was given less than it asked for has emptied the stream, and whatever comes later
    /// is told (epoll(7), question 9; the same holds for kqueue). That saves the call that would say
    /// `WouldBlock`. But an end that was told already is not told again, hence `is_ending`.
    pub(crate) fn try_read(&mut self, block: &mut ReadBlock) -> Option<io::Result<Bytes>> {
        let max = self.read.filter(|_| self.is_readable)?;
        match block.read(&mut self.stream, max) {
            Ok((data, was_short)) => {
                self.is_readable = !was_short || self.is_ending;
                if !data.is_empty() {
                    self.read = None;
                }
                Some(Ok(data))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_readable = false;
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Goes on with the write under way. `None`: there is none, or it waits.
    pub(crate) fn try_write(&mut self) -> Option<io::Result<()>> {
        let data = self.write.as_mut().filter(|_| self.is_writable)?;
        match octets::write(&mut self.stream, data) {
            Ok(()) => {
                self.write = None;
                Some(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_writable = false;
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Tells the peer that nothing more is written. Where that fails, a read finds out why.
    pub(crate) fn finish(&self) {
        if let Err(error) = self.stream.finish() {
            tracing::debug!(%error, "the stream was not finished");
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
