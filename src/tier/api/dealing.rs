//! What an API has to do with its Nodes: they come and go, take work, send receipts.

use std::time::Duration;

use bytes::Bytes;

use crate::machine::{LinkId, Machine};
use crate::mongrel2::{Request, http};
use crate::socket::{self, later};
use crate::transceiver::{self, ServerId, Target};
use crate::zmtp::Message;

use super::super::wire::{self, Note};
use super::config::NODE_MARK;
use super::event::{Event, NodeId, Place};
use super::ledger::Entry;
use super::machine::{Api, Stage};
use super::nodes::Node;

impl Api {
    pub(super) fn take_notices(&mut self) {
        // Where the application takes nothing, Nodes that come and go must not fill the memory: then
        // the socket accepts no more.
        while self.events.len() / 2 < self.config.limits.events_max.max(1) {
            let Some(notice) = self.work.pop_notice(&mut self.io) else { break };
            self.work_notice(notice);
        }
        while let Some(notice) = self.news.core.pop_notice(&mut self.io) {
            if let socket::Event::Subscribed { link, .. } = notice {
                self.news.repeat(link);
            } else {
                self.notice(Place::Announcements, notice);
            }
        }
        while let Some(notice) = self.receipts.pop_notice(&mut self.io) {
            if let socket::Event::Down { link, .. } = notice {
                self.vouching.forget(link);
            }
            self.notice(Place::Receipts, notice);
        }
        // A receipt may bring an event; there is no hurry while the application takes none.
        while self.has_place() {
            let Some(event) = self.receipts.next_message(&mut self.io) else { break };
            if let socket::Event::Message { link, message } = event {
                let answer = self.receipt(link, message.first().bytes());
                // A Node that has left meanwhile gets no answer.
                let _ = self.receipts.send(Message::from(answer), &mut self.io);
            }
        }
        let announcements = self.news.take_missed();
        if announcements > 0 {
            self.missed(announcements);
        }
    }

    fn missed(&mut self, more: u64) {
        match self.events.back_mut() {
            Some(Event::Missed { announcements }) => *announcements += more,
            _ => self.events.push_back(Event::Missed { announcements: more }),
        }
    }

    /// Whether there is room for events that peers cause.
    pub(super) fn has_place(&self) -> bool {
        self.events.len() < self.config.limits.events_max.max(1)
    }

    fn work_notice(&mut self, notice: socket::Event) {
        match notice {
            socket::Event::Up { link, .. } => {
                let sends_receipts = self.work.peer_property(link, NODE_MARK).is_some();
                let number = self.io.rng.next_u64();
                let max = self.config.limits.ledger_max;
                let node = self.nodes.add(link, number, sends_receipts, max);
                if sends_receipts {
                    self.work.send_to(link, Note::Welcome { link: number }.encode().into());
                }
                self.waiting.join(link, number);
                tracing::debug!(?node, sends_receipts, "a node is up");
                self.events.push_back(Event::NodeUp { node, sends_receipts });
            }
            socket::Event::Down { link, reason, .. } => {
                self.waiting.leave(link);
                let Some(node) = self.nodes.remove(link) else { return };
                let (id, unfinished) = (node.id, node.ledger.len());
                tracing::debug!(node = ?id, %reason, unfinished, "a node is down");
                self.events.push_back(Event::NodeDown { node: id, reason, unfinished });
                if node.sends_receipts && self.stage == Stage::Running {
                    let patience = self.config.patience.max(Duration::from_millis(1));
                    let until = later(self.io.now(), patience);
                    self.nodes.await_receipts(node, until);
                } else {
                    self.is_lost(node);
                }
            }
            other @ (socket::Event::Listening { .. }
            | socket::Event::ListenFailed { .. }
            | socket::Event::ConnectFailed { .. }
            | socket::Event::Message { .. }
            | socket::Event::Oversized { .. }
            | socket::Event::Subscribed { .. }
            | socket::Event::Cancelled { .. }
            | socket::Event::Proven { .. }
            | socket::Event::Room
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. }
            | socket::Event::Stopped { .. }) => self.notice(Place::Work, other),
        }
    }

    fn notice(&mut self, place: Place, notice: socket::Event) {
        match notice {
            socket::Event::Listening { bound, .. } => {
                self.events.push_back(Event::Listening { place, endpoint: bound });
            }
            socket::Event::ListenFailed { endpoint, cause } => {
                self.events.push_back(Event::ListenFailed { place, endpoint, cause });
            }
            socket::Event::Stopped { .. } => self.socket_has_stopped(),
            socket::Event::Up { .. }
            | socket::Event::Down { .. }
            | socket::Event::ConnectFailed { .. }
            | socket::Event::Message { .. }
            | socket::Event::Oversized { .. }
            | socket::Event::Subscribed { .. }
            | socket::Event::Cancelled { .. }
            | socket::Event::Proven { .. }
            | socket::Event::Room
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. } => {}
        }
    }

    /// A Node sends no more receipts.
    pub(super) fn is_lost(&mut self, node: Node) {
        let Node { id, sends_receipts: is_certain, ledger, .. } = node;
        let entries: Vec<_> = ledger.into_entries().collect();
        if is_certain {
            self.answer_for_nodes(&entries);
        }
        let unfinished = entries.iter().map(|entry| entry.target).collect();
        self.events.push_back(Event::NodeLost { node: id, unfinished, is_certain });
    }

    /// What a message to the socket for receipts is answered.
    fn receipt(&mut self, from: LinkId, raw: Bytes) -> Bytes {
        let note = Request::parse(raw).ok().and_then(|request| Note::read(&request));
        if let Some(Note::Ask { sender, epoch, life, up }) = &note {
            let living = self.news.living(sender, *epoch, *life);
            // That it is over may be among the events that nobody has taken.
            return match living.filter(|id| self.transceiver.is_current(*id, *life)) {
                Some(id) => self.vouch((from, id), *life, *up),
                None => Bytes::from_static(b"ERROR that life is over, or was never known"),
            };
        }
        if let Some(Note::Taken { link, count }) = note {
            if let Some(node) = self.nodes.by_number(link) {
                node.taken = count.max(node.taken);
            }
            return Bytes::from_static(b"RECEIVED");
        }
        let Some(Note::Receipt { link, done, failed }) = note else {
            return Bytes::from_static(b"ERROR not understood: this socket takes receipts");
        };
        let Some(node) = self.nodes.by_number(link) else {
            return Bytes::from_static(b"ERROR that link is not known, or is given up");
        };
        let id = node.id;
        node.ledger.strike(&done);
        let failed = node.ledger.strike(&failed);
        if !failed.is_empty() {
            self.answer_for_nodes(&failed);
            let targets = failed.iter().map(|entry| entry.target).collect();
            self.events.push_back(Event::Unserved { node: id, targets });
        }
        Bytes::from_static(b"RECEIVED")
    }

    /// Answers whether a life that is not known to be over goes on.
    fn vouch(&mut self, key: (LinkId, ServerId), life: u32, up: u32) -> Bytes {
        let next = self.transceiver.next_proof(key.1);
        let proof = self.vouching.ask(key, (life, up), next);
        if self.transceiver.vouch(self.io.now(), key.1, life, proof) {
            self.vouching.is_answered(key);
            Bytes::from_static(b"RECEIVED")
        } else {
            // Who is at the other end of its links is not proven yet.
            Bytes::from_static(wire::WAIT)
        }
    }

    /// Answers what no Node will, if it is configured so.
    fn answer_for_nodes(&mut self, entries: &[Entry]) {
        if !self.config.answer_lost {
            return;
        }
        let body = http::refusal(503, "");
        for entry in entries.iter().filter(|entry| entry.is_http) {
            let (target, body) = (entry.target, body.clone());
            let command = transceiver::Command::Reply { target, body, close: true };
            // Its browser may be gone; and the application is told in any case.
            if let Err(refused) = self.transceiver.submit(self.io.now(), command) {
                tracing::debug!(%target, %refused, "no answer in place of a node's");
            }
        }
    }

    /// Gives each Node that has nothing under way what it may take at once, one request of each in
    /// turn. Whether anything was given.
    pub(super) fn hand_over(&mut self) -> bool {
        let (count_max, octets_max) = {
            let limits = &self.config.limits;
            (limits.window_max.max(1), limits.window_bytes_max.max(1))
        };
        let mut open = self.nodes.turns();
        open.retain(|link| self.work.is_up(*link) && self.work.queued(*link).0 == 0);
        let mut has_given = false;
        while let Some(link) = open.pop_front() {
            let (count, octets) = self.work.queued(link);
            if count >= count_max || octets >= octets_max {
                continue;
            }
            let Some(work) = self.waiting.take(link) else { continue };
            let (target, is_http) = (work.target, work.is_http);
            let Some(node) = self.nodes.get_mut(link) else { continue };
            if node.sends_receipts && node.lives.get(&target.server) != Some(&target.life) {
                node.lives.insert(target.server, target.life);
                if let Some(note) = self.news.life(target.server, target.life) {
                    self.work.send_to(link, note.into());
                }
            }
            let was_given = self.work.send_to(link, work.raw.into());
            debug_assert!(was_given, "a node that is up refused a request");
            let unwatched = node.ledger.add(Entry { target, is_http });
            if let Some(entry) = unwatched.filter(|_| node.sends_receipts) {
                let id = node.id;
                self.unwatched(id, entry.target);
            }
            self.nodes.had_turn(link);
            open.push_back(link);
            has_given = true;
        }
        if self.stage == Stage::Parting {
            for link in self.nodes.mark() {
                self.work.send_to(link, Note::Mark.encode().into());
            }
        }
        has_given
    }

    fn unwatched(&mut self, id: NodeId, target: Target) {
        match self.events.back_mut() {
            Some(Event::Unwatched { node, targets }) if *node == id => targets.push(target),
            _ => self.events.push_back(Event::Unwatched { node: id, targets: vec![target] }),
        }
    }
}
