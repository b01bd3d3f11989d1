//! One open stream, and the read and the write that wait for it.

use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll};

use bytes::Bytes;
use mongrel2_transceiver::Segments;

use super::contract::Stream;
use crate::octets::{self, ReadBlock};

/// An open stream.
pub(super) struct Open<S> {
    stream: S,
    /// The `max` of the read under way.
    read: Option<usize>,
    /// What is left of the write under way.
    write: Option<Segments>,
}

impl<S: Stream> Open<S> {
    pub(super) fn new(stream: S) -> Self {
        if let Err(error) = stream.set_nodelay() {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        Self { stream, read: None, write: None }
    }

    pub(super) const fn ask_read(&mut self, max: usize) {
        self.read = Some(max);
    }

    /// A machine asks for one write at a time: octets of two must not mix.
    pub(super) fn ask_write(&mut self, data: Segments) {
        match self.write {
            None => self.write = Some(data),
            Some(_) => tracing::debug!("a second write at a time was not performed"),
        }
    }

    /// Goes on with the read under way, if there is one. No octets: the end.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        block: &mut ReadBlock,
    ) -> Poll<io::Result<Bytes>> {
        let Some(max) = self.read else { return Poll::Pending };
        let read = block.read(&mut Polled { stream: &mut self.stream, context }, max);
        if matches!(&read, Ok((data, _)) if !data.is_empty()) {
            self.read = None;
        }
        pending_if_blocked(read.map(|(data, _)| data))
    }

    /// Goes on with the write under way, if there is one.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(data) = &mut self.write else { return Poll::Pending };
        let written = octets::write(&mut Polled { stream: &mut self.stream, context }, data);
        if written.is_ok() {
            self.write = None;
        }
        pending_if_blocked(written)
    }

    /// Tells the peer that nothing more is written. Where that fails, a read finds out why.
    pub(super) fn finish(&mut self) {
        if let Err(error) = self.stream.finish() {
            tracing::debug!(%error, "the stream was not finished");
        }
    }

    /// How many operations are under way.
    pub(super) const fn waiting(&self) -> usize {
        self.read.is_some() as usize + self.write.is_some() as usize
    }

    /// Ends the stream so that what was written still reaches the peer.
    pub(super) fn close(self, block: &mut ReadBlock) {
        self.stream.close(block);
    }
}

/// A stream within a poll. That it is pending counts as [`io::ErrorKind::WouldBlock`], the word for
/// it that [`octets`] knows.
struct Polled<'a, 'b, S> {
    stream: &'a mut S,
    context: &'a mut Context<'b>,
}

impl<S: Stream> Read for Polled<'_, '_, S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        blocked_if_pending(self.stream.poll_read(self.context, room))
    }
}

impl<S: Stream> Write for Polled<'_, '_, S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(data)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        blocked_if_pending(self.stream.poll_write(self.context, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn blocked_if_pending<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn pending_if_blocked<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}
