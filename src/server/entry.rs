//! One handler of a server, and where it stands.

use std::time::Instant;

use bytes::Bytes;

use crate::machine::{Input, LinkId};
use crate::socket::io::Io;

use super::claims::Links;
use super::command::Refused;
use super::config::Handler;
use super::introducing::Introduction;
use super::parting::Parting;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) handler: Handler,
    /// Whether whoever opens a client is to have this handler.
    pub(super) is_wanted: bool,
    /// Whether the handler may know the server from before.
    pub(super) is_known: bool,
    pub(super) links: Links,
    pub(super) state: State,
    /// Whether it is to be introduced when the parting is over.
    pub(super) is_next: bool,
}

/// Where a handler stands, with the scope of its socket where there is one.
#[derive(Debug)]
pub(super) enum State {
    Apart,
    Introducing(u32, Box<Introduction>),
    Joined,
    Parting(u32, Box<Parting>),
}

impl Entry {
    pub(super) fn new(handler: Handler, is_wanted: bool) -> Self {
        let (links, state) = (Links::default(), State::Apart);
        Self { handler, is_wanted, is_known: false, links, state, is_next: false }
    }

    pub(super) fn check_connect(&self) -> Result<(), Refused> {
        match &self.state {
            State::Introducing(..) => Err(Refused::Busy),
            State::Parting(_, parting) if !parting.is_silent() || self.is_next => {
                Err(Refused::Busy)
            }
            State::Joined if self.links.reply.is_some() => Err(Refused::AlreadyConnected),
            State::Apart | State::Joined | State::Parting(..) => Ok(()),
        }
    }

    /// Whether whoever opens a client has to wait for this handler.
    pub(super) const fn is_lacking(&self) -> bool {
        match self.state {
            State::Introducing(..) => true,
            State::Joined => self.links.reply.is_none(),
            State::Apart | State::Parting(..) => self.is_wanted,
        }
    }

    pub(super) const fn is_parting(&self) -> bool {
        matches!(self.state, State::Parting(..))
    }

    /// The scope of its socket to the control socket.
    pub(super) const fn scope(&self) -> Option<u32> {
        match self.state {
            State::Introducing(scope, _) | State::Parting(scope, _) => Some(scope),
            State::Apart | State::Joined => None,
        }
    }

    pub(super) fn handle(&mut self, input: Input, io: &mut Io) {
        match &mut self.state {
            State::Introducing(_, introduction) => introduction.handle(input, io),
            State::Parting(_, parting) => parting.handle(input, io),
            State::Apart | State::Joined => {}
        }
    }

    /// A text to nobody has come by this link.
    pub(super) fn heard(&mut self, text: &Bytes, link: LinkId) {
        match &mut self.state {
            State::Introducing(_, introduction) => introduction.heard(text, link, &mut self.links),
            State::Parting(_, parting) => parting.heard(text),
            State::Apart | State::Joined => {}
        }
    }

    pub(super) fn flush(&mut self, io: &mut Io) {
        match &mut self.state {
            State::Introducing(_, introduction) => introduction.flush(io),
            State::Parting(_, parting) => parting.flush(io),
            State::Apart | State::Joined => {}
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Introducing(_, introduction) => introduction.next_deadline(),
            State::Parting(_, parting) => parting.next_deadline(),
            State::Apart | State::Joined => None,
        }
    }
}
