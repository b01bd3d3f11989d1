//! What an adapter for an async runtime provides.

use std::future::Future;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use std::time::Instant;

use crate::address::Address;
use crate::bind::Socket;
use crate::octets::ReadBlock;

/// One async runtime: its sockets, its threads for blocking work, and, as a value, a timer of its.
///
/// All functions that poll leave the waker of the context where it is woken once going on makes
/// sense, as with [`Future::poll`]. Waking it too often does no harm.
pub trait Runtime: Sized + Unpin + 'static {
    /// An open stream of either kind.
    type Stream: Stream;
    /// A listening socket of either kind.
    type Listener: Unpin;

    /// Opens a stream to one address. To drop the future is to give it up.
    fn connect(address: Address) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Does `work`, which may block, where that disturbs nobody. Once begun it may go on after the
    /// future is dropped.
    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send;

    /// Registers a socket that is bound and non-blocking.
    ///
    /// # Errors
    /// What the operating system or the runtime says.
    fn listen(socket: Socket) -> io::Result<Self::Listener>;

    /// Accepts one stream. A failure (no more descriptors, say) must not wait for readiness the next
    /// time: it is for the machine to say when to try again.
    fn poll_accept(
        listener: &mut Self::Listener,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Self::Stream>>;

    /// Waits until `deadline`, in place of whatever was waited for before.
    fn poll_deadline(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()>;
}

/// An open, non-blocking stream, one of a [`Runtime`].
///
/// Implementations remember when the stream was found empty or full, so that a call to the operating
/// system is made only where there is hope.
pub trait Stream: Sized + Unpin {
    /// Switches Nagle's algorithm off, where there is one.
    ///
    /// # Errors
    /// What the operating system says.
    fn set_nodelay(&self) -> io::Result<()>;

    /// Reads once into `room`, which is not empty. Zero octets are the end.
    fn poll_read(&mut self, context: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes once from `slices`.
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Ends our half of the stream: nothing more is written.
    ///
    /// # Errors
    /// What the operating system says.
    fn finish(&mut self) -> io::Result<()>;

    /// Ends the stream after [`ReadBlock::discard`] on the bare socket, so that what was written
    /// still reaches the peer.
    fn close(self, block: &mut ReadBlock);
}
