//! The table of open WebSockets of one server: 16 octets each, and no timer of their own.
//!
//! Sessions lie in slots, found by connection id through an index of our own. A round visits every slot
//! once per interval, in slices; see [`Sessions::visit`].

use crate::mongrel2::{ConnId, TARGETS_MAX};

use super::compression::Compression;
use super::index::Index;
use super::slot::Slot;
pub(crate) use super::slot::State;
use super::window::Window;

/// The sessions of one life of a server.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// What was agreed with some of them.
    pub(super) compression: Compression,
    slots: Vec<Slot>,
    /// Slots that are free.
    free: Vec<u32>,
    /// How many are [`State::Gone`], and [`State::Closing`].
    gone: usize,
    closing: usize,
    index: Index,
    /// The slot where it is looked next for what may be forgotten.
    forget_at: usize,
}

/// How long sessions may be silent, in visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Visits in a row that find nothing, the first of which asks for a ping: at the last of them the
    /// session ends. At least 2.
    pub(crate) silent: u8,
    /// Visits in a row that find no message: at the last of them the session ends.
    pub(crate) idle: Option<u8>,
}

/// What a visit found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Silent since the last visit: to be sent a ping.
    pub(crate) to_ping: Vec<ConnId>,
    /// Silent in spite of a ping: to be ended.
    pub(crate) to_end: Vec<ConnId>,
    /// Without a message for long: to be closed.
    pub(crate) to_close: Vec<ConnId>,
    /// A ping that asks whether they read was not answered since the last visit: to be asked anew.
    pub(crate) to_ask: Vec<ConnId>,
    /// Ended by us, and forgotten now.
    pub(crate) forgotten: Vec<ConnId>,
}

impl Sessions {
    pub(super) fn new(compression: Compression) -> Self {
        Self { compression, ..Self::default() }
    }

    /// All that there are; none are left.
    pub(super) fn take(&mut self) -> Self {
        let fresh = Self::new(self.compression.fresh());
        std::mem::replace(self, fresh)
    }

    /// How many slots are in use, for whatever.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many connections there are that have not ended.
    pub(crate) fn live_len(&self) -> usize {
        self.len() - self.gone
    }

    /// How many connections we have ended.
    pub(crate) const fn gone_len(&self) -> usize {
        self.gone
    }

    /// How many we have sent a close frame, and wait for theirs.
    pub(crate) const fn closing_len(&self) -> usize {
        self.closing
    }

    /// A connection has come to be in one state, and is in the other no more.
    fn count(&mut self, state: State, was: State) {
        for (of, count) in [(State::Gone, &mut self.gone), (State::Closing, &mut self.closing)] {
            *count += usize::from(state == of);
            *count -= usize::from(was == of);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn state(&self, conn_id: ConnId) -> Option<State> {
        self.find(conn_id).map(|slot| self.slots[slot].state)
    }

    /// Enters a connection; it counts as heard from.
    pub(crate) fn insert(&mut self, conn_id: ConnId, state: State) {
        if let Some(slot) = self.find(conn_id) {
            self.count(state, self.slots[slot].state);
            self.slots[slot] = Slot::new(conn_id, state);
            return;
        }
        self.count(state, State::Free);
        let entry = Slot::new(conn_id, state);
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = entry;
                number
            }
            None => {
                self.slots.push(entry);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let slots = &self.slots;
        self.index.insert(conn_id, number, |slot| slots[slot as usize].conn_id);
    }

    pub(crate) fn set_state(&mut self, conn_id: ConnId, state: State) {
        if let Some(slot) = self.find(conn_id) {
            let was = std::mem::replace(&mut self.slots[slot].state, state);
            self.count(state, was);
            self.slots[slot].silent = 0;
        }
    }

    /// What a connection was sent and is not proven to have read; `None` of one that is no session.
    pub(crate) fn window(&self, conn_id: ConnId) -> Option<Window> {
        self.find(conn_id).map(|slot| self.slots[slot].window)
    }

    /// The same, of one of several that are looked for in turn.
    pub(super) fn window_near(&self, conn_id: ConnId, near: &mut Near) -> Option<Window> {
        self.find_near(conn_id, near).map(|slot| self.slots[slot].window)
    }

    pub(super) fn window_near_mut(
        &mut self,
        conn_id: ConnId,
        near: &mut Near,
    ) -> Option<&mut Window> {
        self.find_near(conn_id, near).map(|slot| &mut self.slots[slot].window)
    }

    pub(crate) fn window_mut(&mut self, conn_id: ConnId) -> Option<&mut Window> {
        self.find(conn_id).map(|slot| &mut self.slots[slot].window)
    }

    /// A link is lost, perhaps with pings or pongs on it.
    pub(crate) fn lost_link(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.window.lost_link());
    }

    /// Notes a sign of life.
    pub(crate) fn heard(&mut self, conn_id: ConnId) {
        if let Some(slot) = self.find(conn_id) {
            self.slots[slot].heard();
        }
    }

    /// Notes a message, which is a sign of life as well.
    pub(crate) fn said(&mut self, conn_id: ConnId) {
        if let Some(slot) = self.find(conn_id) {
            self.slots[slot].said();
        }
    }

    /// Forgets a connection: what it was.
    pub(crate) fn remove(&mut self, conn_id: ConnId) -> Option<State> {
        let slots = &self.slots;
        let number = self.index.remove(conn_id, |slot| slots[slot as usize].conn_id)?;
        self.compression.forget(conn_id);
        let slot = &mut self.slots[number as usize];
        let was = std::mem::replace(&mut slot.state, State::Free);
        self.count(State::Free, was);
        self.free.push(number);
        Some(was)
    }

    /// Forgets connections that we ended, before their time: those in the next portion of slots, so that
    /// all of them are forgotten after as many calls as there are portions. Frames that the server still
    /// hands over of them will look like those of sessions that somebody else opened.
    pub(crate) fn forget_some_gone(&mut self) -> Vec<ConnId> {
        if self.forget_at >= self.slots.len() {
            self.forget_at = 0;
        }
        let some = self.slots.iter().skip(self.forget_at).take(FORGET_SLOTS);
        let gone = some.filter(|slot| slot.state == State::Gone).map(|slot| slot.conn_id);
        let gone: Vec<_> = gone.collect();
        self.forget_at += FORGET_SLOTS;
        for conn_id in &gone {
            self.remove(*conn_id);
        }
        gone
    }

    /// Visits the slots of slice number `slice` of `slices`. Which slice a slot is in does not
    /// depend on how many slots there are, so that a growing table brings no visit forward.
    ///
    /// A session heard from since the last visit is left alone; the first silent visit asks for a
    /// ping, a later one for its end, as the `patience` has it. Connections that we ended are forgotten
    /// on the second. Who has to answer a ping before anything more can be sent to it counts as silent
    /// until then. Where we are not `listening`, so that signs may lie unread, silence counts for nothing; but
    /// it does not count as a sign either.
    pub(crate) fn visit(
        &mut self,
        (slice, slices): (usize, usize),
        patience: Patience,
        listening: bool,
    ) -> Visit {
        let blocks = self.slots.chunks_mut(BLOCK).skip(slice).step_by(slices);
        let mut visit = Visit::default();
        for slot in blocks.flatten() {
            let asked = slot.window.mark();
            if listening && asked.is_some() && asked == slot.asked {
                // A server may hand over to a link that is dead, and not know it.
                slot.window.lost_link();
                visit.to_ask.push(slot.conn_id);
            }
            slot.asked = slot.window.mark();
            let (is_heard, has_said) = slot.take_signs();
            if has_said {
                slot.idle = 0;
            }
            let is_alive = is_heard && !slot.window.is_full();
            if is_alive {
                slot.silent = 0;
            }
            if !listening {
                continue;
            }
            if !has_said {
                slot.idle = slot.idle.saturating_add(1);
            }
            if slot.state == State::Open && patience.idle.is_some_and(|most| slot.idle >= most) {
                visit.to_close.push(slot.conn_id);
                continue;
            }
            if is_alive {
                continue;
            }
            slot.silent = slot.silent.saturating_add(1);
            match (slot.state, slot.silent) {
                (State::Open, 1) => visit.to_ping.push(slot.conn_id),
                (State::Open, silent) if silent >= patience.silent => {
                    visit.to_end.push(slot.conn_id);
                }
                (State::Gone, 2..) => visit.forgotten.push(slot.conn_id),
                (State::Free | State::Open | State::Closing | State::Ending | State::Gone, _) => {}
            }
        }
        visit.forgotten.iter().for_each(|conn_id| {
            self.remove(*conn_id);
        });
        visit
    }

    /// All connections in this state.
    pub(crate) fn all_in(&self, state: State) -> impl Iterator<Item = ConnId> {
        self.slots.iter().filter(move |slot| slot.state == state).map(|slot| slot.conn_id)
    }

    /// Up to `most` connections in this state, from slot number `cursor` on; moves it past them.
    pub(crate) fn next_in(&self, state: State, cursor: &mut usize, most: usize) -> Vec<ConnId> {
        let mut found = Vec::new();
        while let Some(slot) = self.slots.get(*cursor).filter(|_| found.len() < most) {
            if slot.state == state {
                found.push(slot.conn_id);
            }
            *cursor += 1;
        }
        found
    }

    /// The next session, open or closing, from slot number `cursor` on; moves it past that.
    pub(crate) fn next_session(&self, cursor: &mut usize) -> Option<(ConnId, State)> {
        loop {
            let slot = self.slots.get(*cursor)?;
            *cursor += 1;
            if matches!(slot.state, State::Open | State::Closing) {
                return Some((slot.conn_id, slot.state));
            }
        }
    }

    fn find(&self, conn_id: ConnId) -> Option<usize> {
        let slot = self.index.find(conn_id, |slot| self.slots[slot as usize].conn_id);
        slot.map(|slot| slot as usize)
    }

    /// Those who get the same often lie side by side, and are found without the index.
    fn find_near(&self, conn_id: ConnId, near: &mut Near) -> Option<usize> {
        let next = self.slots.get(near.0).filter(|slot| slot.state != State::Free);
        let slot = match next {
            Some(next) if next.conn_id == conn_id => near.0,
            _ => self.find(conn_id)?,
        };
        near.0 = slot + 1;
        Some(slot)
    }
}

/// Where several connections are looked for in turn: behind the last that was found.
#[derive(Debug, Default)]
pub(super) struct Near(usize);

/// Slots that are visited together: as many as are pinged with one message.
const BLOCK: usize = TARGETS_MAX;

/// How many slots are looked at for some to forget: of a million, a thousandth.
const FORGET_SLOTS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::window::Mark;
    use super::*;
    use crate::rng::Rng;

    const USUAL: Patience = Patience { silent: 2, idle: None };

    /// Visits all slots.
    fn visit(sessions: &mut Sessions, listening: bool) -> Visit {
        sessions.visit((0, 1), USUAL, listening)
    }

    #[test]
    fn random_use_agrees_with_a_map() {
        let mut rng = Rng::new(5);
        let mut sessions = Sessions::default();
        let mut model = BTreeMap::new();
        for _ in 0..50_000 {
            let conn_id = ConnId(i64::try_from(rng.below(700)).unwrap());
            match rng.below(3) {
                0 => {
                    sessions.insert(conn_id, State::Open);
                    model.insert(conn_id, State::Open);
                }
                1 => assert_eq!(sessions.remove(conn_id), model.remove(&conn_id)),
                _ => assert_eq!(sessions.state(conn_id), model.get(&conn_id).copied()),
            }
            assert_eq!(sessions.len(), model.len());
        }
        let mut cursor = 0;
        let found = std::iter::from_fn(|| sessions.next_session(&mut cursor)).count();
        assert_eq!(found, model.len());
    }

    #[test]
    fn whoever_is_looked_for_in_turn_is_found_wherever_it_is() {
        let mut rng = Rng::new(6);
        let mut sessions = Sessions::default();
        for id in 0..1000 {
            sessions.insert(ConnId(id), State::Open);
        }
        for id in (0..1000).filter(|id| id % 7 == 0) {
            sessions.remove(ConnId(id));
        }
        // In slots that were others' before.
        for id in (0..1000).filter(|id| id % 21 == 0) {
            sessions.insert(ConnId(id), State::Open);
        }
        let mut near = Near::default();
        let mut is_side_by_side = 0;
        for _ in 0..10_000 {
            let start = i64::try_from(rng.below(1010)).unwrap();
            for conn_id in (start..start + 5).map(ConnId) {
                let before = near.0;
                let found = sessions.find_near(conn_id, &mut near);
                assert_eq!(found, sessions.find(conn_id));
                is_side_by_side += usize::from(found == Some(before));
            }
        }
        assert!((20_000..50_000).contains(&is_side_by_side), "{is_side_by_side}");
    }

    #[test]
    fn the_silent_are_asked_once_then_ended() {
        let mut sessions = Sessions::default();
        for id in 1..=3 {
            sessions.insert(ConnId(id), State::Open);
        }
        assert_eq!(visit(&mut sessions, true), Visit::default());
        assert_eq!(visit(&mut sessions, true).to_ping, [1, 2, 3].map(ConnId));
        sessions.heard(ConnId(2));
        assert_eq!(visit(&mut sessions, true).to_end, [1, 3].map(ConnId));
        assert_eq!(visit(&mut sessions, true).to_ping, [2].map(ConnId));
    }

    #[test]
    fn a_ping_that_is_not_answered_for_two_visits_is_sent_again() {
        let mut sessions = Sessions::default();
        sessions.insert(ConnId(1), State::Open);
        let window = sessions.window_mut(ConnId(1)).unwrap();
        (0..8).for_each(|_| window.sent());
        window.asked(Mark::FIRST);
        let visit = |sessions: &mut Sessions, listening| {
            sessions.heard(ConnId(1));
            visit(sessions, listening).to_ask
        };
        assert_eq!(visit(&mut sessions, true), []);
        assert_eq!(visit(&mut sessions, false), []);
        assert_eq!(visit(&mut sessions, true), [ConnId(1)]);
        assert!(sessions.window(ConnId(1)).unwrap().wants_ping());
        assert_eq!(visit(&mut sessions, true), []);
    }

    #[test]
    fn silence_while_nobody_listened_counts_neither_way() {
        let mut sessions = Sessions::default();
        sessions.insert(ConnId(1), State::Open);
        visit(&mut sessions, true);
        assert_eq!(visit(&mut sessions, true).to_ping, [ConnId(1)]);
        (0..9).for_each(|_| assert_eq!(visit(&mut sessions, false), Visit::default()));
        sessions.heard(ConnId(1));
        assert_eq!(visit(&mut sessions, false), Visit::default());
        assert_eq!(visit(&mut sessions, true).to_ping, [ConnId(1)], "it was heard meanwhile");
        (0..9).for_each(|_| assert_eq!(visit(&mut sessions, false), Visit::default()));
        assert_eq!(visit(&mut sessions, true).to_end, [ConnId(1)]);
    }

    #[test]
    fn slices_cover_every_slot_once() {
        let mut sessions = Sessions::default();
        for id in 0..1000 {
            sessions.insert(ConnId(id), State::Open);
        }
        let round = |sessions: &mut Sessions| -> usize {
            (0..64).map(|slice| sessions.visit((slice, 64), USUAL, true).to_ping.len()).sum()
        };
        assert_eq!((round(&mut sessions), round(&mut sessions)), (0, 1000));
    }

    #[test]
    fn a_growing_table_brings_no_visit_forward() {
        let mut sessions = Sessions::default();
        sessions.insert(ConnId(0), State::Open);
        sessions.visit((0, 64), USUAL, true);
        assert_eq!(sessions.visit((0, 64), USUAL, true).to_ping, [ConnId(0)]);
        for id in 1..100_000 {
            sessions.insert(ConnId(id), State::Open);
        }
        for slice in 1..64 {
            assert_eq!(sessions.visit((slice, 64), USUAL, true), Visit::default());
        }
        assert_eq!(sessions.visit((0, 64), USUAL, true).to_end, [ConnId(0)]);
    }

    #[test]
    fn what_we_ended_is_forgotten_after_two_silent_visits() {
        let mut sessions = Sessions::default();
        sessions.insert(ConnId(1), State::Gone);
        for _ in 0..2 {
            visit(&mut sessions, true);
            assert_eq!(sessions.state(ConnId(1)), Some(State::Gone));
        }
        visit(&mut sessions, true);
        assert!(sessions.is_empty());
    }

    #[test]
    fn what_we_ended_is_forgotten_in_portions() {
        let mut sessions = Sessions::default();
        for id in 0..3000 {
            sessions.insert(ConnId(id), if id % 3 == 0 { State::Open } else { State::Gone });
        }
        let portions = [0; 4].map(|_| sessions.forget_some_gone().len());
        assert_eq!(portions, [682, 683, 635, 0]);
        assert_eq!((sessions.len(), sessions.gone_len()), (1000, 0));
        assert!((0..1000).all(|id| sessions.state(ConnId(3 * id)) == Some(State::Open)));
    }

    #[test]
    fn next_in_walks_in_portions() {
        let mut sessions = Sessions::default();
        for id in 0..10 {
            sessions.insert(ConnId(id), if id % 2 == 0 { State::Open } else { State::Gone });
        }
        let mut cursor = 0;
        assert_eq!(sessions.next_in(State::Open, &mut cursor, 3), [0, 2, 4].map(ConnId));
        assert_eq!(sessions.next_in(State::Open, &mut cursor, 3), [6, 8].map(ConnId));
        assert!(sessions.next_in(State::Open, &mut cursor, 3).is_empty());
    }

    #[test]
    fn patience_is_counted_in_visits() {
        let mut sessions = Sessions::default();
        sessions.insert(ConnId(1), State::Open);
        let patience = Patience { silent: 4, idle: None };
        let mut visit = || sessions.visit((0, 1), patience, true);
        assert_eq!((visit(), visit().to_ping), (Visit::default(), vec![ConnId(1)]));
        assert_eq!((visit(), visit()), (Visit::default(), Visit::default()));
        assert_eq!(visit().to_end, [ConnId(1)]);
    }

    #[test]
    fn who_lives_and_says_nothing_is_idle() {
        let mut sessions = Sessions::default();
        sessions.insert(ConnId(1), State::Open);
        let patience = Patience { silent: 2, idle: Some(3) };
        let visit = |says: bool| {
            sessions.heard(ConnId(1));
            if says {
                sessions.said(ConnId(1));
            }
            sessions.visit((0, 1), patience, true).to_close.len()
        };
        let says = [false, false, true, false, false, false];
        assert_eq!(says.map(visit), [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn those_that_are_closing_are_counted() {
        let mut sessions = Sessions::default();
        (0..4).for_each(|id| sessions.insert(ConnId(id), State::Open));
        (0..3).for_each(|id| sessions.set_state(ConnId(id), State::Closing));
        sessions.set_state(ConnId(0), State::Gone);
        sessions.insert(ConnId(1), State::Open);
        assert_eq!((sessions.closing_len(), sessions.gone_len()), (1, 1));
        sessions.remove(ConnId(2));
        sessions.remove(ConnId(0));
        assert_eq!((sessions.closing_len(), sessions.gone_len(), sessions.live_len()), (0, 0, 2));
    }
}
