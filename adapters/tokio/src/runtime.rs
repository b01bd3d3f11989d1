//! The runtime: tokio's reactor, timer, and threads for blocking work.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use mongrel2_transceiver_adapter::address::{self, Address};
use mongrel2_transceiver_adapter::bind::Socket;
use mongrel2_transceiver_adapter::runtime::Runtime;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::time::Sleep;

use crate::link::Stream;

/// A timer of tokio.
pub(crate) struct Tokio {
    sleep: Pin<Box<Sleep>>,
}

impl Tokio {
    /// Fails where no runtime is at hand.
    pub(crate) fn new() -> io::Result<Self> {
        Handle::try_current().map_err(io::Error::other)?;
        let now = Instant::now().into();
        Ok(Self { sleep: Box::pin(tokio::time::sleep_until(now)) })
    }
}

impl Runtime for Tokio {
    type Stream = Stream;
    type Listener = Listener;

    async fn connect(address: Address) -> io::Result<Stream> {
        match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                address::check_ends(stream.local_addr()?, stream.peer_addr()?)?;
                Ok(Stream::Tcp(stream))
            }
            Address::Unix(path) => {
                UnixStream::connect(address::with_nul(path)).await.map(Stream::Unix)
            }
        }
    }

    async fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        tokio::task::spawn_blocking(work).await?
    }

    fn listen(socket: Socket) -> io::Result<Listener> {
        match socket {
            Socket::Tcp(socket) => TcpListener::from_std(socket).map(Listener::Tcp),
            Socket::Unix(socket) => UnixListener::from_std(socket).map(Listener::Unix),
        }
    }

    fn poll_accept(listener: &mut Listener, context: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        match listener {
            Listener::Tcp(socket) => {
                socket.poll_accept(context).map_ok(|(stream, _)| Stream::Tcp(stream))
            }
            Listener::Unix(socket) => {
                socket.poll_accept(context).map_ok(|(stream, _)| Stream::Unix(stream))
            }
        }
    }

    /// Where tokio's clock is ahead of the machine's, as in a test that moves it, this is ready again
    /// and again, until tokio's own budget for a task makes it yield.
    fn poll_deadline(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        let deadline = deadline.into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(context)
    }
}

/// A listening socket of either kind.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}
