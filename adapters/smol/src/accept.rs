//! Listening sockets, and the accepts that wait for them.

use std::collections::VecDeque;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::task::{Context, Poll, ready};

use async_io::Async;
use mongrel2_transceiver::{Endpoint, LinkId};
use mongrel2_transceiver_adapter::bind::{Bound, Socket, SocketFile};

use crate::connect::{self, Working};
use crate::link::Stream;

/// A listener.
pub(crate) struct Listening {
    /// Held until the listener ends. Dropped before the socket, for without it somebody else could
    /// take the file for a stale one.
    file: Option<SocketFile>,
    socket: Listener,
    /// The accepts under way, first come first served.
    wanted: VecDeque<LinkId>,
    /// Whether nobody was there when last seen, so that readiness comes before the next try.
    is_empty: bool,
}

enum Listener {
    Binding(Working<Bound>),
    Tcp(Async<TcpListener>),
    Unix(Async<UnixListener>),
}

impl Listening {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        let socket = Listener::Binding(connect::bind(endpoint));
        Self { file: None, socket, wanted: VecDeque::new(), is_empty: false }
    }

    /// Goes on with binding, if that is under way: the port, once.
    pub(crate) fn poll_bind(&mut self, context: &mut Context<'_>) -> Poll<io::Result<u16>> {
        let Listener::Binding(binding) = &mut self.socket else { return Poll::Pending };
        let bound = ready!(binding.as_mut().poll(context))?;
        self.socket = match bound.socket {
            Socket::Tcp(socket) => Listener::Tcp(Async::new_nonblocking(socket)?),
            Socket::Unix(socket) => Listener::Unix(Async::new_nonblocking(socket)?),
        };
        self.file = bound.file;
        Poll::Ready(Ok(bound.port))
    }

    pub(crate) fn ask_accept(&mut self, link: LinkId) {
        self.wanted.push_back(link);
    }

    pub(crate) fn give_up(&mut self, link: LinkId) {
        self.wanted.retain(|wanted| *wanted != link);
    }

    /// Goes on with the first accept under way, if there is one.
    ///
    /// A failure (no more descriptors, say) is the answer to one accept, and the listener counts as
    /// ready: so it is for the machine to say when to try again.
    pub(crate) fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<(LinkId, io::Result<Stream>)> {
        let Some(&link) = self.wanted.front() else { return Poll::Pending };
        let accepted = ready!(self.poll_stream(context));
        self.wanted.pop_front();
        Poll::Ready((link, accepted))
    }

    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        loop {
            if self.is_empty {
                ready!(self.poll_readable(context))?;
                self.is_empty = false;
            }
            let accepted = match &self.socket {
                Listener::Binding(_) => return Poll::Pending,
                Listener::Tcp(socket) => accept_tcp(socket.get_ref()),
                Listener::Unix(socket) => accept_unix(socket.get_ref()),
            };
            match accepted {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_empty = true,
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.socket {
            Listener::Binding(_) => Poll::Pending,
            Listener::Tcp(socket) => socket.poll_readable(context),
            Listener::Unix(socket) => socket.poll_readable(context),
        }
    }

    /// Ends the listener; returns the accepts that end with it.
    pub(crate) fn close(self) -> VecDeque<LinkId> {
        self.wanted
    }
}

fn accept_tcp(socket: &TcpListener) -> io::Result<Stream> {
    let (stream, _) = socket.accept()?;
    Async::new(stream).map(Stream::Tcp)
}

fn accept_unix(socket: &UnixListener) -> io::Result<Stream> {
    let (stream, _) = socket.accept()?;
    Async::new(stream).map(Stream::Unix)
}
