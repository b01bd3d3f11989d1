//! Deadlines by key: one each, the earliest at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// A table of deadlines. Setting, clearing and finding the earliest cost a logarithm of their
/// number; looking at the earliest costs nothing.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K: Copy + Ord> Timers<K> {
    pub(crate) const fn new() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    /// Sets the one deadline of `key`, in place of an earlier one.
    pub(crate) fn set(&mut self, key: K, at: Instant) {
        self.clear(key);
        self.by_key.insert(key, at);
        self.by_time.insert((at, key));
    }

    /// Sets or clears the one deadline of `key`.
    pub(crate) fn set_or_clear(&mut self, key: K, at: Option<Instant>) {
        match at {
            Some(at) if self.by_key.get(&key) == Some(&at) => {}
            Some(at) => self.set(key, at),
            None => self.clear(key),
        }
    }

    pub(crate) fn clear(&mut self, key: K) {
        if let Some(at) = self.by_key.remove(&key) {
            self.by_time.remove(&(at, key));
        }
    }

    pub(crate) fn is_set(&self, key: K) -> bool {
        self.by_key.contains_key(&key)
    }

    pub(crate) fn clear_all(&mut self) {
        self.by_key.clear();
        self.by_time.clear();
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes a key whose deadline is `now` or earlier, with that deadline.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, K)> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.clear(key);
        Some((at, key))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
    fn the_earliest_comes_first_and_each_key_has_one() {
        let base = Instant::now();
        let at = |seconds| base + Duration::from_secs(seconds);
        let mut timers = Timers::new();
        timers.set('a', at(3));
        timers.set('b', at(2));
        timers.set('a', at(1));
        timers.set('c', at(9));
        timers.clear('c');
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.pop_due(at(0)), None);
        assert_eq!(timers.pop_due(at(5)), Some((at(1), 'a')));
        assert_eq!(timers.pop_due(at(5)), Some((at(2), 'b')));
        assert_eq!((timers.pop_due(at(99)), timers.next()), (None, None));
    }
}
