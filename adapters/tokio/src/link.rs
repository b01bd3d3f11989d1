//! One open stream. What is known of its readiness, tokio remembers.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use mongrel2_transceiver_adapter::octets::ReadBlock;
use mongrel2_transceiver_adapter::runtime;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A stream of either kind.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl runtime::Stream for Stream {
    fn set_nodelay(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nodelay(true),
            Self::Unix(_) => Ok(()),
        }
    }

    /// tokio as well takes a short read for the sign that the stream is empty.
    fn poll_read(&mut self, context: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(room);
        let read = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, &mut room),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, &mut room),
        };
        read.map_ok(|()| room.filled().len())
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    /// tokio's own way never waits: it makes the call at once.
    fn finish(&mut self) -> io::Result<()> {
        let context = &mut Context::from_waker(Waker::noop());
        let finished = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        };
        match finished {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// tokio reads nothing from a stream of which it was told nothing, and there may be something
    /// all the same; so the stream is taken out of its hands.
    fn close(self, block: &mut ReadBlock) {
        let discarded = match self {
            Self::Tcp(stream) => stream.into_std().map(|mut stream| block.discard(&mut stream)),
            Self::Unix(stream) => stream.into_std().map(|mut stream| block.discard(&mut stream)),
        };
        if let Err(error) = discarded {
            tracing::debug!(%error, "unread octets may reset the stream");
        }
    }
}
