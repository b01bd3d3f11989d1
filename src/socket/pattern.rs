//! Which of the six patterns a socket speaks, and the state that this takes.

use crate::machine::LinkId;
use crate::zmtp::{Frame, Message, SocketType};

use super::event::Event;
use super::names::Outlet;
use super::subscriptions::Subscriptions;

#[derive(Debug)]
pub(super) enum Pattern {
    Push,
    Pull,
    Pub {
        /// Messages that slow subscribers missed and nobody was told of yet.
        dropped: u64,
    },
    Sub {
        /// What we subscribed to.
        topics: Subscriptions,
    },
    Req(Requester),
    Rep(Replier),
}

impl Pattern {
    pub(super) fn new(socket_type: SocketType) -> Self {
        match socket_type {
            SocketType::Push => Self::Push,
            SocketType::Pull => Self::Pull,
            SocketType::Pub => Self::Pub { dropped: 0 },
            SocketType::Sub => Self::Sub { topics: Subscriptions::default() },
            SocketType::Req => Self::Req(Requester::default()),
            SocketType::Rep => Self::Rep(Replier::default()),
        }
    }

    /// Whether what arrives is only ever commands and subscriptions, taken in at once whatever else
    /// waits.
    pub(super) const fn is_eager(&self) -> bool {
        matches!(self, Self::Push | Self::Pub { .. })
    }

    /// Whether messages were dropped that nobody was told of yet.
    pub(super) const fn has_dropped(&self) -> bool {
        matches!(self, Self::Pub { dropped: 1.. })
    }

    pub(super) const fn is_rep(&self) -> bool {
        matches!(self, Self::Rep(_))
    }

    /// Whether messages wait for an endpoint rather than for a link.
    pub(super) const fn has_outlets(&self) -> bool {
        matches!(self, Self::Push | Self::Req(_))
    }
}

/// What a REQ socket waits for.
#[derive(Debug, Default)]
pub(super) struct Requester {
    /// Who was given the request that has no reply yet.
    pub(super) asked: Option<Outlet>,
}

/// What a REP socket owes.
#[derive(Debug, Default)]
pub(super) struct Replier {
    /// Who asked last, and the frames that stand before the reply to it.
    pub(super) owed: Option<(LinkId, Vec<Frame>)>,
}

impl Replier {
    pub(super) const fn is_idle(&self) -> bool {
        self.owed.is_none()
    }

    /// Splits a request from its envelope: all frames up to and including the first empty one. What
    /// has no empty frame, or nothing behind it, is dropped.
    pub(super) fn take(&mut self, link: LinkId, message: Message) -> Option<Event> {
        let mut envelope: Vec<Frame> = message.into_frames().collect();
        let delimiter = envelope.iter().position(Frame::is_empty)?;
        let request = Message::from_frames(envelope.split_off(delimiter + 1))?;
        self.owed = Some((link, envelope));
        Some(Event::Message { link, message: request })
    }
}
