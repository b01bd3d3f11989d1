//! Where a table of connections finds one: the numbers of slots by connection id.
//!
//! It grows bit by bit: to enter a million connections anew at once takes more than ten milliseconds. So
//! what was in it before it grew stays where it was, and a little is moved with each connection that
//! comes. Ids are the server's counter, so there is nothing to attack, and nothing ever depends on the
//! order here.

use crate::mongrel2::ConnId;

/// Slot numbers by connection id. Ids are not kept here: whoever asks says which id a slot has.
#[derive(Debug, Default)]
pub(super) struct Index {
    places: Places,
    /// Those of before it grew, as far as they are not moved.
    old: Places,
    /// How many of the old places are moved.
    moved: usize,
    /// How many connections there are, old ones included.
    len: usize,
}

/// A table with open addressing (Knuth, 6.4): slot numbers plus 1, [`EMPTY`] or [`MOVED`]. Its length is
/// a power of two, or none.
#[derive(Debug, Default)]
struct Places(Vec<u32>);

impl Index {
    /// The slot of a connection.
    pub(super) fn find(&self, conn_id: ConnId, id_of: impl Fn(u32) -> ConnId) -> Option<u32> {
        let found = self.places.find(conn_id, &id_of).map(|place| self.places.0[place]);
        let old = || self.old.find(conn_id, &id_of).map(|place| self.old.0[place]);
        found.or_else(old).map(|number| number - 1)
    }

    /// Enters the slot of a connection that has none.
    pub(super) fn insert(&mut self, conn_id: ConnId, slot: u32, id_of: impl Fn(u32) -> ConnId) {
        self.move_some(MOVED_AT_ONCE, &id_of);
        // A quarter stays empty, so that searches are short.
        if (self.len + 1) * 4 > self.places.0.len() * 3 {
            // There were enough that came since it grew last to move all.
            self.move_some(usize::MAX, &id_of);
            let length = (self.places.0.len() * 2).max(PLACES_MIN);
            self.old = std::mem::replace(&mut self.places, Places(vec![EMPTY; length]));
            self.moved = 0;
        }
        self.len += 1;
        self.places.enter(conn_id, slot + 1);
    }

    /// Forgets a connection: the slot that it had.
    pub(super) fn remove(&mut self, conn_id: ConnId, id_of: impl Fn(u32) -> ConnId) -> Option<u32> {
        let number = if let Some(place) = self.places.find(conn_id, &id_of) {
            let number = self.places.0[place];
            self.places.close_gap(place, id_of);
            number
        } else {
            let place = self.old.find(conn_id, id_of)?;
            std::mem::replace(&mut self.old.0[place], MOVED)
        };
        self.len -= 1;
        Some(number - 1)
    }

    /// Moves what is in so many of the old places.
    fn move_some(&mut self, most: usize, id_of: impl Fn(u32) -> ConnId) {
        let rest = self.old.0.iter_mut().skip(self.moved).take(most);
        for place in rest {
            self.moved += 1;
            // Searches for others go on behind it.
            if *place != EMPTY && *place != MOVED {
                let number = std::mem::replace(place, MOVED);
                self.places.enter(id_of(number - 1), number);
            }
        }
        if self.moved == self.old.0.len() {
            self.old = Places::default();
        }
    }
}

impl Places {
    fn find(&self, conn_id: ConnId, id_of: impl Fn(u32) -> ConnId) -> Option<usize> {
        if self.0.is_empty() {
            return None;
        }
        let mut place = self.home(conn_id);
        loop {
            match self.0[place] {
                EMPTY => return None,
                MOVED => {}
                number if id_of(number - 1) == conn_id => return Some(place),
                _ => {}
            }
            place = self.after(place);
        }
    }

    fn enter(&mut self, conn_id: ConnId, number: u32) {
        let mut place = self.home(conn_id);
        while self.0[place] != EMPTY {
            place = self.after(place);
        }
        self.0[place] = number;
    }

    /// Empties a place, and moves back what a search would else no longer find.
    fn close_gap(&mut self, mut gap: usize, id_of: impl Fn(u32) -> ConnId) {
        let mask = self.0.len() - 1;
        let mut place = self.after(gap);
        while let Some(slot) = self.0[place].checked_sub(1) {
            let home = self.home(id_of(slot));
            if place.wrapping_sub(home) & mask >= place.wrapping_sub(gap) & mask {
                self.0[gap] = self.0[place];
                gap = place;
            }
            place = self.after(place);
        }
        self.0[gap] = EMPTY;
    }

    /// Where a search starts. Multiplying by an odd constant (Knuth, 6.4) spreads counters well; the
    /// upper bits are the good ones.
    fn home(&self, conn_id: ConnId) -> usize {
        let id = u64::from_ne_bytes(conn_id.0.to_ne_bytes());
        let spread = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (spread >> 32) as usize & (self.0.len() - 1)
    }

    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.0.len() - 1)
    }
}

const EMPTY: u32 = 0;

/// Of an old place: what was there is elsewhere now, or forgotten.
const MOVED: u32 = u32::MAX;

/// How many old places are moved with each connection that comes. A twelfth of those that come until it
/// grows again is enough to move all.
const MOVED_AT_ONCE: usize = 16;

const PLACES_MIN: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rng::Rng;

    /// An index of connections whose slots have numbers in their order.
    fn filled(ids: &[i64]) -> Index {
        let mut index = Index::default();
        for (slot, id) in ids.iter().enumerate() {
            index.insert(ConnId(*id), u32::try_from(slot).unwrap(), |slot| id_in(ids, slot));
        }
        index
    }

    fn id_in(ids: &[i64], slot: u32) -> ConnId {
        ConnId(ids[slot as usize])
    }

    #[test]
    fn whatever_was_entered_is_found_until_it_is_removed() {
        let mut ids: Vec<i64> = (1..2_000).collect();
        ids.extend([0, -1, i64::MIN, i64::MAX]);
        ids.extend((1..2_000).map(|id| id << 40));
        let mut index = filled(&ids);
        let id_of = |slot| id_in(&ids, slot);
        for (slot, id) in ids.iter().enumerate() {
            assert_eq!(index.find(ConnId(*id), id_of), u32::try_from(slot).ok());
        }
        for (slot, id) in ids.iter().enumerate().filter(|(slot, _)| slot % 3 > 0) {
            assert_eq!(index.remove(ConnId(*id), id_of), u32::try_from(slot).ok());
            assert_eq!(index.remove(ConnId(*id), id_of), None);
        }
        for (slot, id) in ids.iter().enumerate() {
            let expected = u32::try_from(slot).ok().filter(|slot| slot % 3 == 0);
            assert_eq!(index.find(ConnId(*id), id_of), expected);
        }
    }

    #[test]
    fn random_use_agrees_with_a_set_while_it_grows() {
        let mut rng = Rng::new(3);
        let mut was_moving = 0;
        for _ in 0..20 {
            let mut index = Index::default();
            let mut model = BTreeSet::new();
            // Slots are the ids, so that they are unlike their order.
            let id_of = |slot: u32| ConnId(i64::from(slot));
            for _ in 0..5_000 {
                let slot = u32::try_from(rng.below(6_000)).unwrap();
                let conn_id = id_of(slot);
                assert_eq!(index.find(conn_id, id_of), model.get(&slot).copied());
                if model.insert(slot) {
                    index.insert(conn_id, slot, id_of);
                } else if rng.below(2) == 0 {
                    model.remove(&slot);
                    assert_eq!(index.remove(conn_id, id_of), Some(slot));
                    assert_eq!(index.remove(conn_id, id_of), None);
                }
                assert_eq!(index.len, model.len());
                was_moving += usize::from(!index.old.0.is_empty());
            }
            assert!(model.iter().all(|slot| index.find(id_of(*slot), id_of) == Some(*slot)));
        }
        assert!(was_moving > 1_000, "{was_moving}");
    }

    #[test]
    fn all_is_moved_long_before_it_grows_again() {
        let ids: Vec<i64> = (0..100_000).collect();
        let mut index = Index::default();
        let mut came = 0;
        for (slot, id) in ids.iter().enumerate() {
            let length = index.places.0.len();
            index.insert(ConnId(*id), u32::try_from(slot).unwrap(), |slot| id_in(&ids, slot));
            let has_grown = index.places.0.len() > length;
            came = if has_grown { 0 } else { came + 1 };
            assert_eq!(
                index.old.0.is_empty(),
                came * MOVED_AT_ONCE * 2 >= index.places.0.len() || length == 0
            );
        }
    }

    #[test]
    fn no_connection_is_far_from_its_home() {
        let ids: Vec<i64> = (0..98_303).collect();
        let mut index = filled(&ids);
        index.move_some(usize::MAX, |slot| id_in(&ids, slot));
        assert_eq!(index.places.0.len(), 1 << 17, "it is as full as can be");
        let mask = index.places.0.len() - 1;
        for (place, number) in index.places.0.iter().enumerate().filter(|(_, number)| **number > 0)
        {
            let home = index.places.home(id_in(&ids, number - 1));
            assert!(place.wrapping_sub(home) & mask < 64);
        }
    }
}
