//! Which of the six patterns a socket speaks, and the state that this takes.

use crate::zmtp::SocketType;

use super::reqrep::{Replier, Requester};
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

    /// Whether messages wait for an endpoint rather than for a link.
    pub(super) const fn has_outlets(&self) -> bool {
        matches!(self, Self::Push | Self::Req(_))
    }
}
