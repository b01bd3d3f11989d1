//! A listener, and the accepts that wait for it.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, ready};

use mongrel2_transceiver::{Endpoint, LinkId};

use super::connect::{self, Working};
use super::contract::Runtime;
use crate::bind::{Bound, SocketFile};

/// A listener.
pub(super) struct Listening<R: Runtime> {
    /// Held until the listener ends. Dropped before the socket, for without it somebody else could
    /// take the file for a stale one.
    file: Option<SocketFile>,
    socket: Listener<R>,
    /// The accepts under way, first come first served.
    wanted: VecDeque<LinkId>,
}

enum Listener<R: Runtime> {
    Binding(Working<Bound>),
    Bound(R::Listener),
}

impl<R: Runtime> Listening<R> {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let socket = Listener::Binding(connect::bind::<R>(endpoint));
        Self { file: None, socket, wanted: VecDeque::new() }
    }

    /// Goes on with binding, if that is under way: the port, once.
    pub(super) fn poll_bind(&mut self, context: &mut Context<'_>) -> Poll<io::Result<u16>> {
        let Listener::Binding(binding) = &mut self.socket else { return Poll::Pending };
        let bound = ready!(binding.as_mut().poll(context))?;
        // The file first: should the socket not be taken, it goes with the listener.
        self.file = bound.file;
        self.socket = Listener::Bound(R::listen(bound.socket)?);
        Poll::Ready(Ok(bound.port))
    }

    pub(super) fn ask_accept(&mut self, link: LinkId) {
        self.wanted.push_back(link);
    }

    pub(super) fn give_up(&mut self, link: LinkId) {
        self.wanted.retain(|wanted| *wanted != link);
    }

    /// Goes on with the first accept under way, if there is one. A failure is the answer to one.
    pub(super) fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<(LinkId, io::Result<R::Stream>)> {
        let Listener::Bound(listener) = &mut self.socket else { return Poll::Pending };
        let Some(&link) = self.wanted.front() else { return Poll::Pending };
        let accepted = ready!(R::poll_accept(listener, context));
        self.wanted.pop_front();
        Poll::Ready((link, accepted))
    }

    /// Ends the listener; returns the accepts that end with it.
    pub(super) fn close(self) -> VecDeque<LinkId> {
        self.wanted
    }
}
