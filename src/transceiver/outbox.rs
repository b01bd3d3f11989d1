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
    /// What of it is our own, which is never refused.
    own: HighWater,
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
enum Ticket {
    /// It ends connections. To do so twice does no harm, so it is sent again if it is lost.
    HangUp(Delivery),
    /// It has octets for browsers, and must not reach them twice.
    Body {
        /// Who has to be reported if it is lost.
        to: Option<Recipients>,
        weight: usize,
    },
}

impl Outbox {
    pub(super) fn new(messages_max: usize, octets_max: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
            marks: HighWater::new(messages_max, octets_max),
            own: HighWater::new(messages_max.max(OWN_MESSAGES_MAX), octets_max.max(OWN_OCTETS_MAX)),
            scratch: BytesMut::new(),
        }
    }

    /// Whether the application may put in so many more deliveries, with so many octets together.
    pub(super) fn admits(&mut self, deliveries: usize, octets: usize) -> bool {
        self.marks.admits(deliveries, octets.saturating_add(deliveries * HEAD_WEIGHT))
    }

    /// Whether too much of our own waits. It comes from answering browsers, so no more of what they
    /// say must be read.
    pub(super) const fn is_flooded(&self) -> bool {
        self.own.is_exceeded()
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
        let weight = delivery.weight();
        self.marks.add(weight);
        if delivery.origin == Origin::Own {
            self.own.add(weight);
        }
        self.waiting.push_back(delivery);
    }

    /// A delivery is neither waiting nor under way any more.
    fn release(&mut self, origin: Origin, weight: usize) {
        self.marks.remove(1, weight);
        if origin == Origin::Own {
            self.own.remove(1, weight);
        }
    }

    /// Takes the next delivery as a message; it is under way from then on.
    pub(super) fn start_one(&mut self, sender: &Sender) -> Option<Message> {
        let delivery = self.waiting.pop_front()?;
        let weight = delivery.weight();
        encode_head(sender, delivery.to.as_slice(), &mut self.scratch);
        let head = self.scratch.split().freeze();
        let message = Message::from(Frame::with_head(head, delivery.body.clone()));
        self.under_way.push_back(if delivery.body.is_empty() {
            Ticket::HangUp(delivery)
        } else {
            let to = (delivery.origin == Origin::Application).then_some(delivery.to);
            Ticket::Body { to, weight }
        });
        Some(message)
    }

    /// So many of those under way are written.
    pub(super) fn sent(&mut self, messages: usize) {
        for _ in 0..messages {
            let Some(ticket) = self.under_way.pop_front() else { break };
            self.release(ticket.origin(), ticket.weight());
        }
    }

    /// The link is lost, with what was under way: whom the application's deliveries were for. The
    /// ends of connections wait again.
    pub(super) fn lose_under_way(&mut self) -> Vec<ConnId> {
        let mut lost = Vec::new();
        let mut again = VecDeque::new();
        while let Some(ticket) = self.under_way.pop_front() {
            let origin = ticket.origin();
            match ticket {
                Ticket::HangUp(delivery) => again.push_back(delivery),
                Ticket::Body { to, weight } => {
                    self.release(origin, weight);
                    lost.extend(to.iter().flat_map(Recipients::as_slice));
                }
            }
        }
        again.append(&mut self.waiting);
        self.waiting = again;
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
        while let Some(delivery) = self.waiting.pop_front() {
            self.release(delivery.origin, delivery.weight());
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

    /// Ends a connection, behind all that was sent before.
    pub(super) const fn hang_up(to: ConnId, origin: Origin) -> Self {
        Self::to_one(to, Bytes::new(), origin)
    }

    /// What it counts against the limits, in octets. The body of a broadcast is shared by its
    /// deliveries, but counts for each: the kernel gets it as often.
    fn weight(&self) -> usize {
        self.body.len() + HEAD_WEIGHT + size_of_val(self.to.as_slice())
    }
}

impl Ticket {
    const fn origin(&self) -> Origin {
        match self {
            Self::HangUp(delivery) => delivery.origin,
            Self::Body { to: Some(_), .. } => Origin::Application,
            Self::Body { to: None, .. } => Origin::Own,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::HangUp(delivery) => delivery.weight(),
            Self::Body { weight, .. } => *weight,
        }
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

/// How much of our own may wait at least, whatever the application may put in: answers to the
/// handshakes and pings that one server's buffers may hold in front of a PONG.
const OWN_MESSAGES_MAX: usize = 1 << 16;
const OWN_OCTETS_MAX: usize = 16 << 20;

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
        outbox.push(Delivery::hang_up(ConnId(7), Origin::Own));
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
    fn a_lost_end_of_a_connection_waits_again_before_the_others() {
        let mut outbox = Outbox::new(10, 10_000);
        outbox.push(delivery(1, Origin::Application));
        outbox.push(Delivery::hang_up(ConnId(1), Origin::Own));
        outbox.push(Delivery::hang_up(ConnId(2), Origin::Application));
        outbox.push(delivery(3, Origin::Own));
        (0..3).for_each(|_| drop(outbox.start_one(&sender())));
        assert_eq!(outbox.lose_under_way(), [ConnId(1)]);
        let mut next = || outbox.start_one(&sender()).unwrap().first().bytes();
        assert_eq!([next(), next(), next()], ["me 1:1, ", "me 1:2, ", "me 1:3, hi"]);
        assert_eq!(outbox.lose_all(), [ConnId(2)]);
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
