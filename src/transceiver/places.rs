//! Which connections have places left in Mongrel2, as far as anything proves it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::mongrel2::ConnId;
use crate::socket::later;

use super::bucket::{Bucket, Moment, Word};
use super::delivery::{Delivery, Form};
use super::progress::Progress;
use super::sessions::{Near, Sessions};
use super::window::{End, Window};

/// The places of one server's connections. Those of WebSockets are counted in the table of sessions,
/// unless the server counts octets itself.
#[derive(Debug)]
pub(super) struct Places {
    /// What other connections were sent of late.
    buckets: BTreeMap<ConnId, Bucket>,
    /// How far the server may be.
    progress: Progress,
    /// From how many on it is looked for some that are empty.
    buckets_max: usize,
    /// Connections of a server with `download.flow_control`: it says what it has written.
    credits: BTreeMap<ConnId, Credits>,
}

/// Octets that may wait for a connection, and that do.
#[derive(Clone, Copy, Debug)]
struct Credits {
    max: u64,
    waiting: u64,
}

impl Credits {
    /// What of a delivery may wait beside what waits already. What could never wait whole goes in
    /// parts, and not in crumbs.
    fn portion(self, octets: usize) -> Option<usize> {
        let room = self.max.saturating_sub(self.waiting);
        if octets as u64 <= room {
            return Some(octets);
        }
        let is_worth_it = octets as u64 > self.max && room >= self.max.div_ceil(2);
        usize::try_from(room).ok().filter(|_| is_worth_it)
    }
}

impl Default for Places {
    fn default() -> Self {
        Self {
            buckets: BTreeMap::new(),
            progress: Progress::default(),
            buckets_max: BUCKETS_MIN,
            credits: BTreeMap::new(),
        }
    }
}

impl Places {
    /// How many octets of a delivery that has so many may go to this connection now: all of them, or
    /// some where all of them could never wait there at once. `None` where there is no place for it. Of a
    /// session, its `window` counts.
    pub(super) fn portion(
        &mut self,
        to: ConnId,
        octets: usize,
        end: End,
        window: Option<Window>,
        now: Instant,
    ) -> Option<usize> {
        if let Some(credits) = self.credits_of(to) {
            return credits.portion(octets);
        }
        let has_place = if let Some(window) = window {
            window.admits(end)
        } else {
            self.buckets.get_mut(&to).is_none_or(|bucket| {
                bucket.drain(now);
                bucket.admits(end)
            })
        };
        has_place.then_some(octets)
    }

    /// Whether these are sessions that have a place each, and nothing else decides: what is so of nearly
    /// all that is for many, and soon found out.
    pub(super) fn all_admit(&self, to: &[ConnId], end: End, sessions: &Sessions) -> bool {
        let mut near = Near::default();
        let mut admits = |to: &ConnId| {
            sessions.window_near(*to, &mut near).is_some_and(|window| window.admits(end))
        };
        self.credits.is_empty() && to.iter().all(&mut admits)
    }

    /// When a connection that is no WebSocket has the next one; never now.
    pub(super) fn next(&self, to: ConnId, now: Instant) -> Instant {
        let next = self.buckets.get(&to).map_or(now, Bucket::next);
        next.max(later(now, Duration::from_millis(1)))
    }

    /// Takes a place for a delivery of each of its connections: which of them are to be asked whether
    /// they read.
    pub(super) fn take(
        &mut self,
        delivery: &Delivery,
        sessions: &mut Sessions,
        now: Instant,
    ) -> Vec<ConnId> {
        let mut to_ask = Vec::new();
        let mut near = Near::default();
        let (has_credits, is_last) = (!self.credits.is_empty(), delivery.is_last());
        for to in delivery.to.as_slice() {
            if has_credits && self.spend(*to, delivery) {
                continue;
            }
            let Some(window) = sessions.window_near_mut(*to, &mut near) else {
                let moment = self.progress.at(now);
                self.bucket(*to, moment).sent(moment);
                continue;
            };
            window.sent();
            if let Some(mark) = delivery.mark {
                window.asked(mark);
            } else if window.wants_ping() && !is_last {
                to_ask.push(*to);
            }
        }
        to_ask
    }

    fn bucket(&mut self, to: ConnId, now: Moment) -> &mut Bucket {
        if self.buckets.len() >= self.buckets_max {
            self.buckets.retain(|_, bucket| !bucket.drain(now.time) || bucket.is_apart());
            // The oldest connections of those: not all ends are told of.
            let mut surplus = self.buckets.len().saturating_sub(BUCKETS_MAX);
            self.buckets.retain(|_, bucket| {
                let goes = surplus > 0 && bucket.drain(now.time);
                surplus -= usize::from(goes);
                !goes
            });
            self.buckets_max = self.buckets.len() * 2 + BUCKETS_MIN;
        }
        self.buckets.entry(to).or_insert_with(|| Bucket::new(now))
    }

    fn credits_of(&self, to: ConnId) -> Option<Credits> {
        // Few servers count octets.
        if self.credits.is_empty() { None } else { self.credits.get(&to).copied() }
    }

    /// Counts a delivery against the credits of a connection, if it has any.
    fn spend(&mut self, to: ConnId, delivery: &Delivery) -> bool {
        let Some(credits) = self.credits.get_mut(&to) else { return false };
        if delivery.is_hang_up() {
            self.credits.remove(&to);
        } else if delivery.form != Form::Extended {
            // What a module writes is not in the delivery.
            credits.waiting += delivery.body.len() as u64;
        }
        true
    }

    /// The server says how many octets may wait for a connection. The first word counts: a WebSocket
    /// repeats it with every message. No octets at all would mean that nothing can be said.
    pub(crate) fn grant(&mut self, to: ConnId, octets: u64) {
        if octets == 0 {
            return;
        }
        self.credits.entry(to).or_insert(Credits { max: octets, waiting: 0 });
        if self.credits.len() > CREDITS_MAX {
            // The oldest connection: not all ends are told of.
            self.credits.pop_first();
        }
    }

    /// The server has written so many octets. Whether there is room that was not there before.
    pub(crate) fn written(&mut self, to: ConnId, octets: u64) -> bool {
        let Some(credits) = self.credits.get_mut(&to) else { return false };
        credits.waiting = credits.waiting.saturating_sub(octets);
        true
    }

    pub(crate) fn has_credits(&self, to: ConnId) -> bool {
        self.credits_of(to).is_some()
    }

    /// Octets that may go to this connection in one delivery that is put together.
    pub(super) fn together_max(&self, to: ConnId) -> usize {
        if self.buckets.get(&to).is_some_and(Bucket::is_apart) {
            return 0;
        }
        let max = self.credits_of(to).map_or(u64::MAX, |credits| credits.max);
        usize::try_from(max).unwrap_or(usize::MAX)
    }

    /// A link is lost, and perhaps the word of what was written with it: nobody will tell of that any
    /// more. All counts as written, for else a connection could wait for ever; one whose browser has not
    /// read by then may be sent more than its server holds.
    pub(crate) fn lost_link(&mut self) {
        self.credits.values_mut().for_each(|credits| credits.waiting = 0);
        self.progress.lost_link();
    }

    /// The server tells of a connection that it is gone, or anything else.
    pub(crate) fn told_of(&mut self, of: ConnId, is_gone: bool) {
        self.progress.told_of(of, is_gone);
    }

    /// All that was received is taken in.
    pub(crate) const fn taken_all(&mut self) {
        self.progress.taken_all();
    }

    /// A request has come over HTTP; whether replies still wait for that connection.
    pub(crate) fn asked(&mut self, by: ConnId, waits: bool, now: Instant) {
        if self.credits_of(by).is_some() {
            return;
        }
        let moment = self.progress.at(now);
        if self.bucket(by, moment).asked(waits, moment) == Word::Open {
            self.progress.wants_turn();
        }
    }

    /// A message has come by a JSON or XML socket.
    pub(crate) fn asked_apart(&mut self, by: ConnId, now: Instant) {
        let moment = self.progress.at(now);
        self.bucket(by, moment).asked_apart();
    }

    /// Whom to say something to so that the server tells of another connection, if that is wanted.
    pub(crate) fn next_probe(&mut self, now: Instant) -> Option<ConnId> {
        self.progress.next_probe(now)
    }

    /// Whether it is told of a connection that there never was, because somebody has probed it.
    pub(crate) const fn is_probe(&self, conn_id: ConnId) -> bool {
        self.progress.is_probe(conn_id)
    }

    /// A connection is gone.
    pub(super) fn forget(&mut self, of: ConnId) {
        self.buckets.remove(&of);
        self.credits.remove(&of);
    }

    /// All connections are gone.
    pub(super) fn clear_all(&mut self) {
        *self = Self::default();
    }
}

/// How many connections with credits are remembered.
const CREDITS_MAX: usize = 1 << 20;

/// How many connections are remembered because their replies are not put together.
const BUCKETS_MAX: usize = 1 << 16;

/// How many buckets nobody looks at to find empty ones.
const BUCKETS_MIN: usize = 64;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use bytes::Bytes;

    use super::super::bucket::PAUSE;
    use super::super::delivery::Origin;
    use super::*;

    #[test]
    fn places_of_the_past_leave_nothing_behind() {
        let (mut places, start) = (Places::default(), Instant::now());
        let mut sessions = Sessions::default();
        for id in 0..10_000 {
            let now = start + PAUSE / 10 * u32::try_from(id).unwrap();
            let reply = Delivery::to_one(ConnId(id), Bytes::from_static(b"x"), Origin::Own);
            assert!(places.take(&reply, &mut sessions, now).is_empty());
            assert!(places.buckets.len() <= 200, "{}", places.buckets.len());
        }
    }

    #[test]
    fn connections_whose_ends_are_never_told_are_forgotten_some_day() {
        let (mut places, now) = (Places::default(), Instant::now());
        let ids = || (0..).map(ConnId);
        ids().take(BUCKETS_MAX * 5).for_each(|by| places.asked_apart(by, now));
        assert!(places.buckets.len() <= BUCKETS_MAX * 3, "{}", places.buckets.len());
        let newest = ConnId(BUCKETS_MAX as i64 * 5 - 1);
        assert_eq!((places.together_max(newest), places.together_max(ConnId(0))), (0, usize::MAX));
        ids().take(CREDITS_MAX + 2).for_each(|to| places.grant(to, 5));
        assert_eq!((places.credits.len(), places.has_credits(ConnId(1))), (CREDITS_MAX, false));
    }

    #[test]
    fn a_server_that_grants_nothing_counts_nothing() {
        let mut places = Places::default();
        places.grant(ConnId(1), 0);
        assert!(!places.has_credits(ConnId(1)) && !places.written(ConnId(1), 5));
    }
}
