//! Deliveries to one server: every reply passes here, where it is counted, bounded, held back while
//! its connection has been sent enough, and accounted for.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::introduction::Proof;
use crate::mongrel2::{ConnId, Sender, TARGETS_MAX, encode_extended_head, encode_head};
use crate::planted::{Bug, is_planted};
use crate::socket::{HighWater, later};
use crate::zmtp::{Frame, Message};

use super::delivery::{Delivery, Form, HEAD_WEIGHT, Origin, Recipients};
use super::lanes::{Bounds, Lanes};
use super::owed::Owed;
use super::places::Places;
use super::sessions::{Sessions, State};
use super::ticket::Ticket;
use super::window::{End, Mark, Window};

mod hearing;
mod steering;

/// What waits for one server's reply link, and what is under way on it.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: VecDeque<Delivery>,
    /// What waits for its connection to read what it has been sent.
    lanes: Lanes,
    under_way: VecDeque<Ticket>,
    /// A text that is to prove the way to the server. One alone, so it needs no limit.
    proof: Option<Bytes>,
    /// What waits for the link, and is under way on it.
    marks: HighWater,
    /// What of that, and of the lanes, is our own, which is never refused.
    own: HighWater,
    places: Places,
    owed: Owed,
    /// WebSockets to be asked whether they have read what they were sent, before anything else is.
    asks: BTreeSet<ConnId>,
    /// Connections to be kept alive, before anything else is said.
    alive: BTreeSet<ConnId>,
    mark: Mark,
    /// Connections that were sent a part of something, and cannot be sent the rest.
    broken: BTreeSet<ConnId>,
    /// Requests whose answers are written, or lost.
    answered: Vec<u64>,
    /// The application's messages that are written, one for each recipient.
    delivered: u64,
    /// Where heads are encoded, so that not each needs an allocation.
    scratch: BytesMut,
}

impl Outbox {
    pub(crate) fn new(messages_max: usize, octets_max: usize, per_target: Bounds) -> Self {
        Self {
            waiting: VecDeque::new(),
            lanes: Lanes::new(messages_max, octets_max, per_target),
            under_way: VecDeque::new(),
            proof: None,
            marks: HighWater::new(messages_max, octets_max),
            own: HighWater::new(messages_max.max(OWN_MESSAGES_MAX), octets_max.max(OWN_OCTETS_MAX)),
            places: Places::default(),
            owed: Owed::default(),
            asks: BTreeSet::new(),
            alive: BTreeSet::new(),
            mark: Mark::FIRST,
            broken: BTreeSet::new(),
            answered: Vec::new(),
            delivered: 0,
            scratch: BytesMut::new(),
        }
    }

    /// Whether the application may put in so many more deliveries, with so many octets together.
    pub(crate) fn admits(&mut self, deliveries: usize, octets: usize) -> bool {
        let weight = octets.saturating_add(deliveries * HEAD_WEIGHT);
        self.marks.admits(deliveries, weight) && self.lanes.admits(deliveries, weight)
    }

    /// Whether it may put in so many more for one connection.
    pub(crate) fn admits_to(&mut self, to: ConnId, deliveries: usize, octets: usize) -> bool {
        let weight = octets.saturating_add(deliveries * HEAD_WEIGHT);
        self.lanes.admits_to(to, deliveries, weight)
    }

    /// Whether too much of our own waits. It comes from answering browsers, so no more of what they
    /// say must be read.
    pub(crate) const fn is_flooded(&self) -> bool {
        self.own.is_exceeded()
    }

    /// Whether it refused something and has room again; says so once.
    pub(crate) fn reopened(&mut self) -> bool {
        if is_planted(Bug::RoomUntold) {
            return false;
        }
        // Both are asked, so that neither tells of it a second time.
        self.marks.reopened() | self.lanes.reopened()
    }

    /// A connection that refused something and has room again.
    pub(crate) fn next_reopened(&mut self) -> Option<ConnId> {
        self.lanes.next_reopened()
    }

    /// Whether there is room for the answers to more requests. What waits for slow clients does not
    /// count: the proof that they have read is among those requests.
    pub(crate) fn is_half_empty(&self) -> bool {
        self.marks.is_half_empty()
    }

    /// Whether somebody waits for an answer over HTTP.
    pub(crate) fn owes_answers(&self) -> bool {
        !self.owed.is_empty()
    }

    /// A request of this connection is answered by somebody else.
    pub(crate) fn is_passed_on(&mut self, by: ConnId) {
        self.owed.answered(by);
    }

    /// How many of the application's messages were written, one for each of their recipients.
    pub(crate) const fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.marks.messages() == 0 && self.lanes.is_empty()
    }

    /// Takes a text that is to prove the way, in place of one that still waits. It goes before all
    /// that waits.
    pub(crate) fn prove(&mut self, text: Bytes) {
        self.proof = Some(text);
    }

    pub(crate) fn push(&mut self, delivery: Delivery) {
        if is_planted(Bug::LostReply) && delivery.told_of().count() == 1 && delivery.weight % 8 == 3
        {
            return;
        }
        match delivery.to {
            Recipients::One(to) if delivery.is_repeatable() => self.owed.forget(to),
            // What is for Mongrel2 itself says nothing to the browser.
            Recipients::One(_) if delivery.is_control() => {}
            Recipients::One(to) if delivery.origin == Origin::Application => self.owed.answered(to),
            Recipients::One(_) | Recipients::Many(_) => {}
        }
        self.count(&delivery);
        self.waiting.push_back(delivery);
    }

    /// Whether something waits for this connection because it has not read what it was sent before.
    pub(crate) fn holds(&self, conn_id: ConnId) -> bool {
        self.lanes.holds(conn_id)
    }

    fn push_first(&mut self, delivery: Delivery) {
        self.count(&delivery);
        self.waiting.push_front(delivery);
    }

    fn count(&mut self, delivery: &Delivery) {
        self.marks.put(delivery.parts, delivery.weight);
        if delivery.origin == Origin::Own {
            self.own.put(delivery.parts, delivery.weight);
        }
    }

    /// A delivery is neither waiting nor under way any more.
    fn release(&mut self, origin: Origin, parts: usize, weight: usize) {
        if is_planted(Bug::LeakedCount) && weight % 8 == 3 {
            return;
        }
        self.marks.remove(parts, weight);
        if origin == Origin::Own {
            self.own.remove(parts, weight);
        }
    }

    /// Takes the next delivery as a message; it is under way from then on.
    pub(crate) fn start_one(
        &mut self,
        sender: &Sender,
        sessions: &mut Sessions,
        now: Instant,
    ) -> Option<Message> {
        if let Some(text) = self.proof.take() {
            self.under_way.push_back(Ticket::UNCOUNTED);
            return Some(Message::from(Proof { sender: sender.clone(), text }.encode()));
        }
        if let Some(probe) = self.next_probe(sender, now) {
            return Some(probe);
        }
        loop {
            let next = if let Some(ping) = self.next_ask(sessions) {
                Some(ping)
            } else if let Some(keep_alive) = self.next_keep_alive() {
                Some(keep_alive)
            } else if let Some(held) = self.next_held(sessions, now) {
                Some(held)
            } else if let Some(delivery) = self.waiting.pop_front() {
                self.admit(delivery, sessions, now)
            } else if self.asks.is_empty() {
                return None;
            } else {
                None
            };
            if let Some(delivery) = next {
                return Some(self.start(delivery, sender, sessions, now));
            }
        }
    }

    /// A ping to those who are to be asked. The windows of others have changed meanwhile.
    fn next_ask(&mut self, sessions: &Sessions) -> Option<Delivery> {
        let mut to = Vec::new();
        while to.len() < TARGETS_MAX {
            let Some(conn_id) = self.asks.pop_first() else { break };
            let wants_ping = sessions.window(conn_id).is_some_and(Window::wants_ping);
            // Behind a close frame no ping makes sense; in front of one that waits it does.
            let is_open = sessions.state(conn_id) == Some(State::Open);
            let may_be_asked = is_open || self.lanes.holds(conn_id);
            if wants_ping && may_be_asked && !self.lanes.is_begun(conn_id) {
                to.push(conn_id);
            }
        }
        if to.is_empty() {
            return None;
        }
        self.mark = self.mark.next();
        let ping = Delivery::ping(to, self.mark);
        self.count(&ping);
        Some(ping)
    }

    /// The next of those that were held back, where its connection has a place for it.
    fn next_held(&mut self, sessions: &Sessions, now: Instant) -> Option<Delivery> {
        while let Some((to, octets, end)) = self.lanes.next_open() {
            let window = sessions.window(to);
            if let Some(portion) = self.places.portion(to, octets, end, window, now) {
                let delivery = self.lanes.take(portion)?;
                self.marks.put(delivery.parts, delivery.weight);
                if delivery.is_pong {
                    self.own.put(delivery.parts, delivery.weight);
                }
                return Some(delivery);
            }
            self.lanes.shut_first();
            self.look_again(to, end == End::HangUp, sessions, now);
        }
        None
    }

    /// Lets a delivery pass as far as its connections have places, and holds the rest back.
    fn admit(&mut self, delivery: Delivery, sessions: &Sessions, now: Instant) -> Option<Delivery> {
        if delivery.is_control() {
            return Some(delivery);
        }
        let octets = delivery.body.len();
        let end = End::of(octets, delivery.is_own_close());
        let to = delivery.to.as_slice();
        if to.len() > 1 && self.lanes.is_empty() && self.places.all_admit(to, end, sessions) {
            return Some(delivery);
        }
        let mut passes = |to: &ConnId| {
            let window = sessions.window(*to);
            !self.lanes.holds(*to)
                && self.places.portion(*to, octets, end, window, now) == Some(octets)
        };
        let (pass, held): (Vec<_>, Vec<_>) = match &delivery.to {
            Recipients::One(to) if passes(to) => return Some(delivery),
            Recipients::One(to) => {
                let to = *to;
                self.release(delivery.origin, delivery.parts, delivery.weight);
                self.hold(to, delivery, sessions, now);
                return None;
            }
            Recipients::Many(to) => to.iter().partition(|to| passes(to)),
        };
        if held.is_empty() {
            return Some(delivery);
        }
        self.release(delivery.origin, delivery.parts, delivery.weight);
        for to in held {
            let alone = delivery.clone_to(Recipients::One(to));
            self.hold(to, alone, sessions, now);
        }
        (!pass.is_empty()).then(|| {
            let rest = delivery.clone_to(Recipients::Many(pass));
            self.count(&rest);
            rest
        })
    }

    fn hold(&mut self, to: ConnId, delivery: Delivery, sessions: &Sessions, now: Instant) {
        // One pong for each lane needs no bound.
        if delivery.origin == Origin::Own && !delivery.is_pong {
            self.own.put(delivery.parts, delivery.weight);
        }
        let is_hang_up = delivery.is_hang_up();
        self.lanes.hold(to, delivery, self.places.together_max(to));
        if self.places.has_credits(to) {
            // It may be too large to go whole, and nothing else make way for it.
            self.lanes.open(to);
        }
        self.look_again(to, is_hang_up, sessions, now);
    }

    /// Sees to it that a lane is looked at again, though its client may never prove anything.
    fn look_again(&mut self, to: ConnId, is_hang_up: bool, sessions: &Sessions, now: Instant) {
        let window = sessions.window(to);
        if !is_hang_up && window.is_some_and(Window::wants_ping) {
            // The ping, or its pong, was lost with a link.
            self.asks.insert(to);
        }
        if self.lanes.has_date(to) {
            return;
        }
        if !self.is_proving(to, sessions) {
            self.lanes.look_at(to, self.places.next(to, now));
        } else if is_hang_up {
            self.lanes.look_at(to, later(now, GIVE_UP));
        }
    }

    /// Whether something else than the time proves what this connection reads.
    fn is_proving(&self, to: ConnId, sessions: &Sessions) -> bool {
        sessions.window(to).is_some() || self.places.has_credits(to)
    }

    fn start(
        &mut self,
        mut delivery: Delivery,
        sender: &Sender,
        sessions: &mut Sessions,
        now: Instant,
    ) -> Message {
        delivery.pack(&mut sessions.compression);
        let to_ask = if delivery.is_control() {
            Vec::new()
        } else {
            self.places.take(&delivery, sessions, now)
        };
        if let ([only], [_]) = (&to_ask[..], delivery.to.as_slice()) {
            // What is for a module waits since before the connection was a WebSocket, and stays one.
            if delivery.body.len() <= APPEND_MAX && delivery.form == Form::Plain {
                self.mark = self.mark.next();
                delivery.append_ping(self.mark);
                sessions.window_mut(*only).into_iter().for_each(|window| window.asked(self.mark));
            }
        }
        self.asks.extend(to_ask);
        let encode = if delivery.form == Form::Plain { encode_head } else { encode_extended_head };
        encode(sender, delivery.to.as_slice(), &mut self.scratch);
        let head = self.scratch.split().freeze();
        let message = Message::from(Frame::with_head(head, delivery.body.clone()));
        self.under_way.push_back(Ticket::new(delivery));
        message
    }

    /// Whether so much more has room for one connection; notes no refusal.
    pub(crate) fn has_room(&self, to: ConnId, deliveries: usize, octets: usize) -> bool {
        let weight = octets.saturating_add(deliveries * HEAD_WEIGHT);
        self.lanes.has_room(to, deliveries, weight)
    }

    /// Gives up the oldest of the application's messages that waits for a WebSocket to read what it was
    /// sent before. Whether there was one.
    pub(crate) fn drop_oldest(&mut self, to: ConnId) -> bool {
        self.lanes.drop_oldest(to)
    }

    /// Gives up what waits for a connection, but for its end: whom to report.
    pub(crate) fn drop_all(&mut self, to: ConnId) -> Vec<ConnId> {
        self.lose_lane(to, Remains::End)
    }

    /// Whether a connection was sent a part of something, and waits for the rest.
    pub(crate) fn is_begun(&self, to: ConnId) -> bool {
        self.lanes.is_begun(to)
    }

    /// A connection that was sent a part of something and can never be sent the rest. Its end waits
    /// already.
    pub(crate) fn next_broken(&mut self) -> Option<ConnId> {
        self.broken.pop_first()
    }

    /// A connection has ended: whom to report for what waited for it.
    pub(crate) fn gone(&mut self, to: ConnId) -> Vec<ConnId> {
        self.places.forget(to);
        self.owed.forget(to);
        self.alive.remove(&to);
        if self.lanes.holds(to) { self.lose_lane(to, Remains::Nothing) } else { Vec::new() }
    }

    /// Does what the time asks for: whom to report for what their clients did not get to read.
    pub(crate) fn do_what_is_due(&mut self, sessions: &Sessions, now: Instant) -> Vec<ConnId> {
        let mut lost = Vec::new();
        while let Some(to) = self.lanes.pop_due(now) {
            if self.is_proving(to, sessions) {
                // It did not read in time; a close frame may still go, if there is a place for it.
                let has_place = sessions.window(to).is_some_and(|window| window.admits(End::Close));
                let remains = if has_place { Remains::Farewell } else { Remains::End };
                lost.extend(self.lose_lane(to, remains));
            } else {
                self.lanes.open(to);
            }
        }
        lost
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.lanes.next_due()
    }

    /// Gives up what waits for connections that were ended, but for that: whom to report.
    pub(crate) fn give_up(&mut self, ended: &[ConnId]) -> Vec<ConnId> {
        let held: Vec<_> = ended.iter().filter(|to| self.lanes.holds(**to)).collect();
        let mut lost: Vec<_> =
            held.into_iter().flat_map(|to| self.lose_lane(*to, Remains::End)).collect();
        if !ended.is_empty() {
            lost.extend(self.drop_said(ended));
        }
        lost
    }

    /// Gives up what waits for one connection, but for what is to remain.
    fn lose_lane(&mut self, to: ConnId, remains: Remains) -> Vec<ConnId> {
        let mut lost = Vec::new();
        let is_begun = self.lanes.is_begun(to);
        if remains != Remains::Nothing && is_begun {
            lost.extend(self.break_off(to));
        }
        let mut kept = Vec::new();
        for delivery in self.lanes.take_all_of(to) {
            self.answered.extend(&delivery.answers);
            if delivery.origin == Origin::Own {
                self.own.remove(delivery.parts, delivery.weight);
            }
            let is_kept = match remains {
                Remains::Nothing => false,
                Remains::End => delivery.is_hang_up(),
                Remains::Farewell => delivery.is_hang_up() || delivery.is_own_close() && !is_begun,
            };
            if is_kept {
                kept.push(delivery);
            } else {
                lost.extend(delivery.told_of());
            }
        }
        kept.into_iter().rev().for_each(|delivery| self.push_first(delivery));
        lost
    }

    /// Gives up all that waits for its connections to read: whom to report. Their ends remain.
    pub(crate) fn lose_lanes(&mut self) -> Vec<ConnId> {
        let held: Vec<_> = self.lanes.connections().collect();
        held.into_iter().flat_map(|to| self.lose_lane(to, Remains::End)).collect()
    }

    /// The requests whose answers were written, or lost, since the last call.
    pub(crate) fn take_answered(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.answered)
    }

    /// So many of those under way are written.
    pub(crate) fn sent(&mut self, messages: usize) {
        for _ in 0..messages {
            let Some(mut ticket) = self.under_way.pop_front() else { break };
            self.delivered += ticket.told_of().count() as u64;
            self.answered.extend(ticket.take_answers());
            self.release(ticket.origin(), ticket.parts(), ticket.weight());
        }
    }

    /// The link is lost, with what was under way: whom the application's deliveries were for. The
    /// ends of connections wait again.
    pub(crate) fn lose_under_way(&mut self, sessions: &mut Sessions) -> Vec<ConnId> {
        let mut lost = Vec::new();
        let mut again = VecDeque::new();
        while let Some(mut ticket) = self.under_way.pop_front() {
            self.answered.extend(ticket.take_answers());
            let (origin, parts, weight) = (ticket.origin(), ticket.parts(), ticket.weight());
            self.broken.extend(ticket.breaks());
            match ticket {
                Ticket::End(delivery) => again.push_back(delivery),
                Ticket::Body { .. } => {
                    self.release(origin, parts, weight);
                    lost.extend(ticket.told_of());
                }
            }
        }
        again.append(&mut self.waiting);
        self.waiting = again;
        lost.extend(self.lose_what_is_broken());
        self.ask_again(sessions);
        lost
    }

    /// What was sent in parts, of which some may be lost: no browser could make sense of the rest.
    fn lose_what_is_broken(&mut self) -> Vec<ConnId> {
        self.broken.extend(self.lanes.begun());
        let mut lost = Vec::new();
        for to in self.broken.clone() {
            if !self.lanes.is_begun(to) {
                lost.extend(self.break_off(to));
            }
            lost.extend(self.drop_all(to));
        }
        lost
    }

    /// Ends a connection in the midst of something: whatever came next would be taken for the rest of
    /// it. Whom to report for what was to come.
    fn break_off(&mut self, to: ConnId) -> Vec<ConnId> {
        let lost = self.drop_waiting(to);
        self.push_first(Delivery::hang_up(to, Origin::Own));
        lost
    }

    /// Asks these WebSockets whether they have read what they were sent.
    pub(crate) fn ask(&mut self, to: Vec<ConnId>) {
        self.asks.extend(to);
    }

    /// Pings or pongs may be lost: asks those anew for whom something waits.
    pub(crate) fn ask_again(&mut self, sessions: &mut Sessions) {
        sessions.lost_link();
        self.places.lost_link();
        let credited: Vec<_> =
            self.lanes.connections().filter(|to| self.places.has_credits(*to)).collect();
        credited.into_iter().for_each(|to| self.lanes.open(to));
        self.asks.extend(self.lanes.connections());
    }

    /// Nothing of this can be delivered any more: whom the application's deliveries were for.
    pub(crate) fn lose_all(&mut self, sessions: &mut Sessions) -> Vec<ConnId> {
        let mut lost = self.lose_under_way(sessions);
        lost.extend(self.lose_waiting());
        self.places.clear_all();
        self.owed.clear();
        self.asks.clear();
        self.broken.clear();
        self.alive.clear();
        self.lanes.forget_reopened();
        lost
    }

    /// What waits cannot be delivered any more: whom the application's deliveries were for.
    pub(crate) fn lose_waiting(&mut self) -> Vec<ConnId> {
        if is_planted(Bug::StaleReplies) {
            return Vec::new();
        }
        self.proof = None;
        let mut lost = self.lose_lanes();
        while let Some(delivery) = self.waiting.pop_front() {
            self.answered.extend(&delivery.answers);
            self.release(delivery.origin, delivery.parts, delivery.weight);
            lost.extend(delivery.told_of());
        }
        lost
    }
}

/// What is not given up with the rest of what waits for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remains {
    Nothing,
    /// That it is ended.
    End,
    /// Our close frame, too.
    Farewell,
}

/// How much of our own may wait at least, whatever the application may put in: answers to the
/// handshakes and pings that one server's buffers may hold in front of a PONG.
const OWN_MESSAGES_MAX: usize = 1 << 16;
const OWN_OCTETS_MAX: usize = 16 << 20;

/// Up to how many octets a body is copied, so that a ping goes in the same message.
const APPEND_MAX: usize = 4 << 10;

/// How long a WebSocket that is to end may take to read what it was sent before.
const GIVE_UP: Duration = Duration::from_secs(5);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests;
