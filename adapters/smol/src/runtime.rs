//! The runtime: async-io's reactor and timer, and the threads of `blocking`.

use std::future::Future;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use async_io::{Async, Timer};
use mongrel2_transceiver_adapter::address::{self, Address};
use mongrel2_transceiver_adapter::bind::Socket;
use mongrel2_transceiver_adapter::runtime::Runtime;

use crate::link::Stream;

/// A timer of async-io.
pub(crate) struct Smol {
    timer: Timer,
    /// What the timer is set to.
    deadline: Option<Instant>,
}

impl Smol {
    pub(crate) fn new() -> Self {
        Self { timer: Timer::never(), deadline: None }
    }
}

impl Runtime for Smol {
    type Stream = Stream;
    type Listener = Listener;

    async fn connect(address: Address) -> io::Result<Stream> {
        match address {
            Address::Tcp(address) => {
                let stream = Async::<TcpStream>::connect(address).await?;
                let tcp = stream.get_ref();
                address::check_ends(tcp.local_addr()?, tcp.peer_addr()?)?;
                Ok(Stream::tcp(stream))
            }
            Address::Unix(path) => {
                Async::<UnixStream>::connect(address::with_nul(path)).await.map(Stream::unix)
            }
        }
    }

    async fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        blocking::unblock(work).await
    }

    fn listen(socket: Socket) -> io::Result<Listener> {
        let socket = match socket {
            Socket::Tcp(socket) => Listening::Tcp(Async::new_nonblocking(socket)?),
            Socket::Unix(socket) => Listening::Unix(Async::new_nonblocking(socket)?),
        };
        Ok(Listener { socket, is_empty: false })
    }

    fn poll_accept(listener: &mut Listener, context: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        loop {
            if listener.is_empty {
                ready!(listener.socket.poll_readable(context))?;
                listener.is_empty = false;
            }
            match listener.socket.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => listener.is_empty = true,
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_deadline(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        if self.deadline != Some(deadline) {
            self.deadline = Some(deadline);
            self.timer.set_at(deadline);
        }
        Pin::new(&mut self.timer).poll(context).map(drop)
    }
}

/// A listening socket.
pub(crate) struct Listener {
    socket: Listening,
    /// Whether nobody was there when last seen, so that readiness comes before the next try.
    is_empty: bool,
}

enum Listening {
    Tcp(Async<TcpListener>),
    Unix(Async<UnixListener>),
}

impl Listening {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(socket) => socket.poll_readable(context),
            Self::Unix(socket) => socket.poll_readable(context),
        }
    }

    fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(socket) => Async::new(socket.get_ref().accept()?.0).map(Stream::tcp),
            Self::Unix(socket) => Async::new(socket.get_ref().accept()?.0).map(Stream::unix),
        }
    }
}
