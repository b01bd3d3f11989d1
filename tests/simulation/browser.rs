//! One browser, and what Mongrel2 holds for it.

use std::collections::VecDeque;

use mongrel2_transceiver::websocket::Decoded;

use super::codec::Codec;

#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) nature: Nature,
    pub(crate) is_open: bool,
    pub(crate) has_closed: bool,
    /// Whether the handler owes it the answer to a ping, and whether it has sent a close frame.
    pub(crate) awaits_pong: bool,
    pub(crate) was_closed: bool,
    pub(crate) codec: Codec,
    /// What its handshake offers.
    pub(crate) offer: Option<&'static str>,
    /// What Mongrel2 has for it and it has not read, delivery by delivery.
    pub(crate) queue: VecDeque<Vec<Decoded>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// HTTP requests.
    Plain,
    /// A WebSocket that keeps the rules.
    Lively,
    /// A lively one that reads only now and then.
    Slow,
    /// A WebSocket that never says anything again, nor reads.
    Silent,
    /// A WebSocket, or what claims to be one, that sends anything.
    Rude,
}

impl Nature {
    /// Whether it keeps RFC 6455, and is to be blamed for nothing.
    pub(crate) const fn is_lawful(self) -> bool {
        matches!(self, Self::Lively | Self::Slow)
    }

    /// Whether it reads at once what is there.
    pub(crate) const fn reads_at_once(self) -> bool {
        matches!(self, Self::Plain | Self::Lively | Self::Rude)
    }
}

impl Browser {
    pub(crate) fn new(nature: Nature, offer: Option<&'static str>) -> Self {
        Self {
            nature,
            is_open: false,
            has_closed: false,
            awaits_pong: false,
            was_closed: false,
            codec: Codec::new(),
            offer,
            queue: VecDeque::new(),
        }
    }

    /// Takes note of what the handler says.
    pub(crate) fn hears(&mut self, decoded: &Decoded) {
        match decoded {
            Decoded::Pong(_) => self.awaits_pong = false,
            Decoded::Close(_) => self.was_closed = true,
            Decoded::Message(_) | Decoded::Ping(_) => {}
        }
    }

    pub(crate) const fn can_chat(&self) -> bool {
        self.nature.is_lawful() && self.is_open && !self.has_closed
    }
}

/// How many replies Mongrel2 holds for one connection (seen on Mongrel2 1.12.2).
pub(crate) const QUEUE_MAX: usize = 16;
