//! Deliveries to one server: every reply passes here, where it is counted, bounded and accounted for.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::mongrel2::{ConnId, Sender, encode_head};
use crate::socket::HighWater;
use crate::zmtp::{Frame, Message};

/// What waits for one server's reply link, and what is under way on it.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Delivery>,
    under_way: VecDeque<Ticket>,
    marks: HighWater,
    /// Where heads are encoded, so that not each needs an allocation.
    scratch: BytesMut,
}

/// One message to the server.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) to: Recipients,
    /// What the browsers get; empty to close their connections.
    pub(super) body: Bytes,
    pub(super) origin: Origin,
}

/// Whom a delivery is for: 1 to [`TARGETS_MAX`](crate::mongrel2::TARGETS_MAX) connections.
#[derive(Clone, Debug)]
pub(super) enum Recipients {
    One(ConnId),
    Many(Vec<ConnId>),
}

/// Whose wish a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The application's: its loss is reported.
    Application,
    /// Our own: pings, pongs, handshakes and closes, whose loss shows in what becomes of the session.
    Own,
}

/// What is kept of a delivery while it is under way.
#[derive(Debug)]
struct Ticket {
    /// Who has to be reported if it is lost.
    to: Option<Recipients>,
    weight: usize,
}

impl Outbox {
    pub(super) fn new(messages_max: usize, octets_max: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
            marks: HighWater::new(messages_max, octets_max),
            scratch: BytesMut::new(),
        }
    }

    /// Whether the application may put in so much more.
    pub(super) fn admits(&mut self, messages: usize, octets: usize) -> bool {
        self.marks.admits(messages, octets)
    }

    /// Whether it refused something and has room again; says so once.
    pub(super) fn reopened(&mut self) -> bool {
        self.marks.reopened()
    }

    pub(super) fn is_half_empty(&self) -> bool {
        self.marks.is_half_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.marks.messages() == 0
    }

    pub(super) fn push(&mut self, delivery: Delivery) {
        self.marks.add(delivery.weight());
        self.waiting.push_back(delivery);
    }

    /// Takes the next delivery as a message; it is under way from then on.
    pub(super) fn start_one(&mut self, sender: &Sender) -> Option<Message> {
        let delivery = self.waiting.pop_front()?;
        let weight = delivery.weight();
        encode_head(sender, delivery.to.as_slice(), &mut self.scratch);
        let head = self.scratch.split().freeze();
        let to = (delivery.origin == Origin::Application).then_some(delivery.to);
        self.under_way.push_back(Ticket { to, weight });
        Some(Message::from(Frame::with_head(head, delivery.body)))
    }

    /// So many of those under way are written.
    pub(super) fn sent(&mut self, messages: usize) {
        for ticket in self.under_way.drain(..messages.min(self.under_way.len())) {
            self.marks.remove(1, ticket.weight);
        }
    }

    /// The link is lost, with what was under way: whom the application's deliveries were for.
    pub(super) fn lose_under_way(&mut self) -> Vec<ConnId> {
        let mut lost = Vec::new();
        for ticket in self.under_way.drain(..) {
            self.marks.remove(1, ticket.weight);
            lost.extend(ticket.to.iter().flat_map(Recipients::as_slice));
        }
        lost
    }

    /// Nothing of this can be delivered any more: whom the application's deliveries were for.
    pub(super) fn lose_all(&mut self) -> Vec<ConnId> {
        let mut lost = self.lose_under_way();
        lost.extend(self.lose_waiting());
        lost
    }

    /// What waits cannot be delivered any more: whom the application's deliveries were for.
    pub(super) fn lose_waiting(&mut self) -> Vec<ConnId> {
        let mut lost = Vec::new();
        for delivery in self.waiting.drain(..) {
            self.marks.remove(1, delivery.weight());
            if delivery.origin == Origin::Application {
                lost.extend(delivery.to.as_slice());
            }
        }
        lost
    }
}

impl Delivery {
    pub(super) const fn to_one(to: ConnId, body: Bytes, origin: Origin) -> Self {
        Self { to: Recipients::One(to), body, origin }
    }

    /// Closes a connection, behind all that was sent before.
    pub(super) const fn hang_up(to: ConnId) -> Self {
        Self::to_one(to, Bytes::new(), Origin::Own)
    }

    /// What it counts against the limits, in octets. The body of a broadcast is shared by its
    /// deliveries, but counts for each: the kernel gets it as often.
    fn weight(&self) -> usize {
        self.body.len() + HEAD_WEIGHT + size_of_val(self.to.as_slice())
    }
}

impl Recipients {
    pub(super) fn as_slice(&self) -> &[ConnId] {
        match self {
            Self::One(to) => std::slice::from_ref(to),
            Self::Many(to) => to,
        }
    }
}

/// About what the head and the bookkeeping of a delivery take, in octets.
const HEAD_WEIGHT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        Sender::new("me").unwrap()
    }

    fn delivery(to: i64, origin: Origin) -> Delivery {
        Delivery::to_one(ConnId(to), Bytes::from_static(b"hi"), origin)
    }

    #[test]
    fn messages_are_what_mongrel2_reads() {
        let mut outbox = Outbox::new(10, 10_000);
        outbox.push(delivery(7, Origin::Application));
        outbox.push(Delivery::hang_up(ConnId(7)));
        let to = Recipients::Many([1, 22, 333].map(ConnId).to_vec());
        outbox.push(Delivery { to, body: Bytes::from_static(b"x"), origin: Origin::Own });
        for expected in ["me 1:7, hi", "me 1:7, ", "me 8:1 22 333, x"] {
            let message = outbox.start_one(&sender()).unwrap();
            assert_eq!(message.first().bytes(), expected.as_bytes());
        }
        assert!(outbox.start_one(&sender()).is_none());
    }

    #[test]
    fn losses_name_the_application_s_deliveries_alone() {
        let mut outbox = Outbox::new(10, 10_000);
        for (to, origin) in
            [(1, Origin::Application), (2, Origin::Own), (3, Origin::Application), (4, Origin::Own)]
        {
            outbox.push(delivery(to, origin));
        }
        outbox.start_one(&sender());
        outbox.start_one(&sender());
        outbox.sent(1);
        assert_eq!(outbox.lose_under_way(), []);
        assert_eq!(outbox.lose_all(), [ConnId(3)]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_is_under_way_counts_until_it_is_sent() {
        let mut outbox = Outbox::new(1, 10_000);
        outbox.push(delivery(1, Origin::Application));
        outbox.start_one(&sender());
        assert!(!outbox.admits(1, 1));
        outbox.sent(5);
        assert!(outbox.reopened() && outbox.admits(1, 1));
    }
}
