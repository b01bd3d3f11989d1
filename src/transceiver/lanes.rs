//! What waits for single connections, because they have been sent as much as is safe for now.
//!
//! What follows in one lane is put together, so that however much waits goes in few deliveries once
//! there is room again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use crate::mongrel2::ConnId;
use crate::planted::{Bug, is_planted};
use crate::socket::HighWater;

use super::delivery::Delivery;
use super::held::Held;
use super::window::End;

#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: BTreeMap<ConnId, Lane>,
    /// Lanes that may have room, in turn.
    open: VecDeque<ConnId>,
    /// When to look at a lane whatever happens.
    due: BTreeSet<(Instant, ConnId)>,
    /// All of it together: above this, those are refused for whom something waits already.
    marks: HighWater,
    /// All of it together: above this, nothing is taken for anybody.
    most: HighWater,
    bounds: Bounds,
    /// Lanes that refused something and have room again.
    reopened: VecDeque<ConnId>,
}

/// How much may wait for one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) messages_max: usize,
    pub(crate) octets_max: usize,
}

#[derive(Debug)]
struct Lane {
    waiting: VecDeque<Held>,
    /// The answer to the last of the client's pings, before all that waits: those before need none
    /// (RFC 6455 5.5.3). One alone, so that it needs no limit.
    pong: Option<Delivery>,
    marks: HighWater,
    is_open: bool,
    due: Option<Instant>,
}

impl Lanes {
    /// There is always room for several connections that have as much as one may.
    pub(crate) fn new(messages_max: usize, octets_max: usize, bounds: Bounds) -> Self {
        let messages_max = messages_max.max(bounds.messages_max.saturating_mul(LANES_MIN));
        let octets_max = octets_max.max(bounds.octets_max.saturating_mul(LANES_MIN));
        let most = HighWater::new(messages_max.saturating_mul(2), octets_max.saturating_mul(2));
        Self {
            lanes: BTreeMap::new(),
            open: VecDeque::new(),
            due: BTreeSet::new(),
            marks: HighWater::new(messages_max, octets_max),
            most,
            bounds,
            reopened: VecDeque::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Whether something waits for this connection alone, which nothing may overtake.
    pub(crate) fn holds(&self, conn_id: ConnId) -> bool {
        // Most of the time nobody is slow.
        !self.lanes.is_empty() && self.lanes.contains_key(&conn_id)
    }

    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.lanes.keys().copied()
    }

    /// Whether so much more may be put in by the application, for all connections together.
    pub(crate) fn admits(&mut self, messages: usize, octets: usize) -> bool {
        self.most.admits(messages, octets)
    }

    /// Whether it refused something for want of room for all, and has room again; says so once.
    pub(crate) fn reopened(&mut self) -> bool {
        self.most.reopened()
    }

    /// Whether so much more may be put in by the application for one connection.
    pub(crate) fn admits_to(&mut self, conn_id: ConnId, messages: usize, octets: usize) -> bool {
        let Some(lane) = self.lanes.get_mut(&conn_id) else { return true };
        // The slow share what room there is for them, so that there is room for the others. Here no
        // room is kept shut until half is free: those who read soon must not wait for those who do not.
        let has_room = lane.marks.admits(messages, octets) && !self.marks.is_exceeded();
        if !has_room {
            lane.marks.refuse(messages, octets);
        }
        has_room
    }

    /// Whether so much more has room for one connection; notes no refusal.
    pub(crate) fn has_room(&self, conn_id: ConnId, messages: usize, octets: usize) -> bool {
        let Some(lane) = self.lanes.get(&conn_id) else { return true };
        lane.marks.fits(messages, octets) && !self.marks.is_exceeded()
    }

    /// Gives up the oldest of the application's messages that waits for this connection. Whether there
    /// was one.
    pub(crate) fn drop_oldest(&mut self, conn_id: ConnId) -> bool {
        let Some(lane) = self.lanes.get_mut(&conn_id) else { return false };
        let Some(position) = lane.waiting.iter().position(Held::can_drop) else { return false };
        let (weight, is_empty) = lane.waiting[position].drop_oldest();
        if is_empty {
            lane.waiting.remove(position);
        }
        for marks in [&mut lane.marks, &mut self.marks, &mut self.most] {
            marks.remove(1, weight);
        }
        if lane.is_empty() {
            self.remove(conn_id);
        }
        true
    }

    /// Whether a part of what is first for this connection has gone: nothing may come between.
    pub(crate) fn is_begun(&self, conn_id: ConnId) -> bool {
        !self.lanes.is_empty() && self.lanes.get(&conn_id).is_some_and(Lane::is_begun)
    }

    /// Those for whom that is so.
    pub(crate) fn begun(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.lanes.iter().filter(|(_, lane)| lane.is_begun()).map(|(conn_id, _)| *conn_id)
    }

    /// A connection that something was refused for, and that has room again.
    pub(crate) fn next_reopened(&mut self) -> Option<ConnId> {
        self.reopened.pop_front()
    }

    /// Puts a delivery behind the others; up to so many octets go together in one.
    pub(crate) fn hold(&mut self, conn_id: ConnId, delivery: Delivery, together_max: usize) {
        let Bounds { messages_max, octets_max } = self.bounds;
        let lane = self.lanes.entry(conn_id).or_insert_with(|| Lane {
            waiting: VecDeque::new(),
            pong: None,
            marks: HighWater::new(messages_max, octets_max),
            is_open: false,
            due: None,
        });
        if delivery.is_pong {
            lane.pong = Some(delivery);
            return;
        }
        self.marks.add(delivery.weight);
        self.most.add(delivery.weight);
        lane.marks.add(delivery.weight);
        match lane.waiting.back_mut() {
            Some(last) if last.takes(&delivery, together_max) => last.put(delivery),
            Some(_) if is_planted(Bug::Overtaking) => lane.waiting.push_front(Held::new(delivery)),
            _ => lane.waiting.push_back(Held::new(delivery)),
        }
    }

    /// There may be room for what waits for this connection.
    pub(crate) fn open(&mut self, conn_id: ConnId) {
        if let Some(lane) = self.lanes.get_mut(&conn_id).filter(|lane| !lane.is_open) {
            lane.is_open = true;
            self.open.push_back(conn_id);
        }
    }

    /// Looks at this lane at this time, if not before.
    pub(crate) fn look_at(&mut self, conn_id: ConnId, at: Instant) {
        if let Some(lane) = self.lanes.get_mut(&conn_id) {
            if let Some(before) = lane.due.replace(at) {
                self.due.remove(&(before, conn_id));
            }
            self.due.insert((at, conn_id));
        }
    }

    /// The time means nothing for this lane any more.
    pub(crate) fn forget_date(&mut self, conn_id: ConnId) {
        if let Some(at) = self.lanes.get_mut(&conn_id).and_then(|lane| lane.due.take()) {
            self.due.remove(&(at, conn_id));
        }
    }

    pub(crate) fn has_date(&self, conn_id: ConnId) -> bool {
        self.lanes.get(&conn_id).is_some_and(|lane| lane.due.is_some())
    }

    /// The next lane whose time has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<ConnId> {
        let (at, conn_id) = *self.due.first().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, conn_id));
        if let Some(lane) = self.lanes.get_mut(&conn_id) {
            lane.due = None;
        }
        Some(conn_id)
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The connection of the next open lane, the octets of what is first in it, and what of the end of the
    /// connection that is.
    pub(crate) fn next_open(&mut self) -> Option<(ConnId, usize, End)> {
        loop {
            let conn_id = *self.open.front()?;
            let lane = self.lanes.get(&conn_id).filter(|lane| lane.is_open);
            if let Some(lane) = lane {
                let (octets, is_close) = lane.first();
                return Some((conn_id, octets, End::of(octets, is_close)));
            }
            // It has gone meanwhile.
            self.open.pop_front();
        }
    }

    /// That lane has no room after all.
    pub(crate) fn shut_first(&mut self) {
        if let Some(lane) = self.open.pop_front().and_then(|conn_id| self.lanes.get_mut(&conn_id)) {
            lane.is_open = false;
        }
    }

    /// Takes what is first in the first open lane, or the first octets of it where it has more than so
    /// many; the next open lane has its turn then.
    pub(crate) fn take(&mut self, octets_max: usize) -> Option<Delivery> {
        let conn_id = self.open.pop_front()?;
        let lane = self.lanes.get_mut(&conn_id)?;
        let taken = lane.take(octets_max);
        if let Some(Delivery { parts, weight, .. }) = taken.as_ref().filter(|it| !it.is_pong) {
            self.marks.remove(*parts, *weight);
            self.most.remove(*parts, *weight);
            lane.marks.remove(*parts, *weight);
        }
        if lane.marks.reopened() {
            self.reopened.push_back(conn_id);
        }
        if lane.is_empty() {
            self.remove(conn_id);
        } else {
            self.open.push_back(conn_id);
        }
        taken
    }

    /// Takes all that waits for one connection, in order, save a pong.
    pub(crate) fn take_all_of(&mut self, conn_id: ConnId) -> Vec<Delivery> {
        let Some(lane) = self.remove(conn_id) else { return Vec::new() };
        let all: Vec<_> = lane.waiting.into_iter().map(Held::together).collect();
        for Delivery { parts, weight, .. } in &all {
            self.marks.remove(*parts, *weight);
            self.most.remove(*parts, *weight);
        }
        all
    }

    /// All connections are gone: nobody waits for room any more.
    pub(crate) fn forget_reopened(&mut self) {
        self.reopened.clear();
    }

    fn remove(&mut self, conn_id: ConnId) -> Option<Lane> {
        let lane = self.lanes.remove(&conn_id)?;
        if let Some(at) = lane.due {
            self.due.remove(&(at, conn_id));
        }
        Some(lane)
    }
}

impl Lane {
    fn is_begun(&self) -> bool {
        self.waiting.front().is_some_and(Held::is_begun)
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.pong.is_none()
    }

    /// The octets of what goes next, and whether that is our close frame alone.
    fn first(&self) -> (usize, bool) {
        let pong = self.pong.as_ref().filter(|_| !self.is_begun());
        let pong = pong.map(|pong| (pong.body.len(), false));
        let first = self.waiting.front().map(|held| (held.octets(), held.is_own_close()));
        pong.or(first).unwrap_or_default()
    }

    fn take(&mut self, octets_max: usize) -> Option<Delivery> {
        if !self.is_begun() {
            if let Some(pong) = self.pong.take() {
                return Some(pong);
            }
        }
        let first = self.waiting.front_mut()?;
        if first.octets() > octets_max && first.is_divisible() {
            return Some(first.part(octets_max));
        }
        self.waiting.pop_front().map(Held::together)
    }
}

/// For how many connections there is as much room as one may use.
const LANES_MIN: usize = 16;

#[cfg(test)]
mod tests;
