//! Listening sockets, and the accepts that wait for them.

use std::collections::VecDeque;
use std::io;

use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use mongrel2_transceiver::LinkId;
use mongrel2_transceiver_adapter::bind::{Bound, Socket, SocketFile};

use crate::link::Stream;

/// A listener. Readiness is told once, when it begins, so it is kept here.
#[derive(Debug)]
pub(crate) struct Listening {
    /// Names the socket in readiness.
    pub(crate) token: Token,
    /// Held until the listener ends. Dropped before the socket, for without it somebody else could
    /// take the file for a stale one.
    file: Option<SocketFile>,
    /// `None` while it is being bound.
    socket: Option<Listener>,
    /// The accepts under way, first come first served.
    wanted: VecDeque<LinkId>,
    is_ready: bool,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listening {
    pub(crate) const fn new(token: Token) -> Self {
        Self { token, file: None, socket: None, wanted: VecDeque::new(), is_ready: true }
    }

    /// Goes on with a bound socket.
    pub(crate) fn start(&mut self, bound: Bound, registry: &Registry) -> io::Result<()> {
        let mut socket = match bound.socket {
            Socket::Tcp(socket) => Listener::Tcp(TcpListener::from_std(socket)),
            Socket::Unix(socket) => Listener::Unix(UnixListener::from_std(socket)),
        };
        let source: &mut dyn Source = match &mut socket {
            Listener::Tcp(socket) => socket,
            Listener::Unix(socket) => socket,
        };
        registry.register(source, self.token, Interest::READABLE)?;
        (self.file, self.socket) = (bound.file, Some(socket));
        Ok(())
    }

    pub(crate) fn ask_accept(&mut self, link: LinkId) {
        self.wanted.push_back(link);
    }

    pub(crate) fn give_up(&mut self, link: LinkId) {
        self.wanted.retain(|wanted| *wanted != link);
    }

    pub(crate) const fn notice(&mut self) {
        self.is_ready = true;
    }

    /// Goes on with the first accept under way. `None`: there is none, or all wait.
    ///
    /// A failure (no more descriptors, say) is the answer to one accept, and the listener stays
    /// ready: so it is for the machine to say when to try again.
    pub(crate) fn try_accept(&mut self) -> Option<(LinkId, io::Result<Stream>)> {
        let link = *self.wanted.front().filter(|_| self.is_ready)?;
        let accepted = match self.socket.as_ref()? {
            Listener::Tcp(socket) => socket.accept().map(|(stream, _)| Stream::Tcp(stream)),
            Listener::Unix(socket) => socket.accept().map(|(stream, _)| Stream::Unix(stream)),
        };
        if matches!(&accepted, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.is_ready = false;
            return None;
        }
        self.wanted.pop_front();
        Some((link, accepted))
    }

    /// Ends the listener; returns the accepts that end with it.
    pub(crate) fn close(self) -> VecDeque<LinkId> {
        self.wanted
    }
}
