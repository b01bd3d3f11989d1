//! What a server tells, as far as it shows what was read; and how it is made to tell more.

use std::time::Instant;

use crate::mongrel2::{ConnId, Kind, Sender, encode_head};
use crate::zmtp::{Frame, Message};

use super::super::ticket::Ticket;
use super::Outbox;

impl Outbox {
    /// The server tells something of a connection. Whether that means anything: of one that it never had
    /// it tells because a handler has probed how far it is.
    pub(crate) fn told_of(&mut self, conn_id: ConnId, kind: Kind) -> bool {
        let is_gone = kind == Kind::Disconnect;
        self.places.told_of(conn_id, is_gone);
        !(is_gone && self.places.is_probe(conn_id))
    }

    /// All that was received is taken in.
    pub(crate) const fn taken_all(&mut self) {
        self.places.taken_all();
    }

    /// The end of a connection that there never was: the server says so when it has got to that.
    pub(super) fn next_probe(&mut self, sender: &Sender, now: Instant) -> Option<Message> {
        let to = self.places.next_probe(now)?;
        encode_head(sender, &[to], &mut self.scratch);
        self.under_way.push_back(Ticket::UNCOUNTED);
        Some(Message::from(Frame::from(self.scratch.split().freeze())))
    }

    /// A connection that is no WebSocket says something, which may prove that it has read what it was
    /// sent before.
    pub(crate) fn heard(&mut self, from: ConnId, kind: Kind, now: Instant) {
        if matches!(kind, Kind::Http | Kind::StreamFirst) {
            self.owed.asked(from);
        }
        if kind == Kind::Http {
            self.places.asked(from, self.lanes.holds(from), now);
        } else if matches!(kind, Kind::Json | Kind::Xml) {
            self.places.asked_apart(from, now);
        }
    }

    /// The server says how many octets may wait for a connection.
    pub(crate) fn grant(&mut self, to: ConnId, octets: u64) {
        self.places.grant(to, octets);
    }

    /// The server says that it has written so many octets to a connection.
    pub(crate) fn written(&mut self, to: ConnId, octets: u64) {
        if self.places.written(to, octets) {
            self.lanes.open(to);
        }
    }

    /// A connection has become a WebSocket: what waited for the time to pass waits for pongs now.
    pub(crate) fn begins(&mut self, conn_id: ConnId) {
        self.lanes.forget_date(conn_id);
        self.lanes.open(conn_id);
    }

    /// A WebSocket has proved that it has read something.
    pub(crate) fn proven(&mut self, by: ConnId) {
        self.lanes.open(by);
    }
}
