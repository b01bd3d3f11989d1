//! What one Node has taken and not finished.

use std::collections::BTreeMap;

use super::super::wire::Range;
use crate::transceiver::{ServerId, Target};

/// Unfinished requests by their number on the link; at most so many.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: BTreeMap<u64, Entry>,
    last: u64,
    max: usize,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) target: Target,
    /// Whether its browser waits for a response over HTTP.
    pub(super) is_http: bool,
}

impl Ledger {
    pub(super) fn new(max: usize) -> Self {
        Self { entries: BTreeMap::new(), last: 0, max: max.max(1) }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Enters the next request; the one that had to make room for it.
    pub(super) fn add(&mut self, entry: Entry) -> Option<Entry> {
        self.last += 1;
        self.entries.insert(self.last, entry);
        if self.entries.len() <= self.max {
            return None;
        }
        self.entries.pop_first().map(|(_, entry)| entry)
    }

    /// The number of the last request.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Whether something behind this number is not finished.
    pub(super) fn has_behind(&self, number: u64) -> bool {
        self.entries.last_key_value().is_some_and(|(last, _)| *last > number)
    }

    /// Strikes out what a receipt names: the work is that of what is struck, however long the ranges.
    pub(super) fn strike(&mut self, ranges: &[Range]) -> Vec<Entry> {
        let mut struck = Vec::new();
        for (first, last) in ranges {
            while let Some((&number, _)) = self.entries.range(first..=last).next() {
                struck.extend(self.entries.remove(&number));
            }
        }
        struck
    }

    /// Strikes out all of a life and those before it: nobody waits for their answers any more.
    pub(super) fn forget(&mut self, server: ServerId, life: u32) {
        self.entries.retain(|_, e| e.target.server != server || e.target.life > life);
    }

    /// All that is left, oldest first.
    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.entries.into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mongrel2::ConnId;

    fn entry(conn_id: i64) -> Entry {
        let target = Target { server: ServerId(1), life: 1, conn_id: ConnId(conn_id) };
        Entry { target, is_http: true }
    }

    fn filled(count: i64, max: usize) -> Ledger {
        let mut ledger = Ledger::new(max);
        for conn_id in 1..=count {
            ledger.add(entry(conn_id));
        }
        ledger
    }

    #[test]
    fn receipts_strike_by_number_and_do_no_harm_twice() {
        let mut ledger = filled(10, 100);
        assert_eq!(ledger.strike(&[(2, 3), (10, u64::MAX)]), [2, 3, 10].map(entry));
        assert!(ledger.strike(&[(2, 3), (0, 0)]).is_empty());
        let left: Vec<_> = ledger.into_entries().collect();
        assert_eq!(left, [1, 4, 5, 6, 7, 8, 9].map(entry));
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut ledger = filled(3, 3);
        assert_eq!(ledger.add(entry(4)), Some(entry(1)));
        assert_eq!(ledger.len(), 3);
    }

    #[test]
    fn a_life_that_is_over_is_forgotten() {
        let mut ledger = filled(3, 10);
        ledger.forget(ServerId(2), 9);
        assert_eq!(ledger.len(), 3);
        ledger.forget(ServerId(1), 1);
        assert_eq!(ledger.len(), 0);
    }
}
