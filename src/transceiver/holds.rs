//! Connections that are kept alive though their browsers say nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::mongrel2::ConnId;
use crate::socket::later;

/// The connections of one life of a server that are held, and when they are seen to next: all at one
/// time, so that few messages do.
#[derive(Debug, Default)]
pub(super) struct Holds {
    until: BTreeMap<ConnId, Instant>,
    next: Option<Instant>,
}

impl Holds {
    pub(super) fn len(&self) -> usize {
        self.until.len()
    }

    pub(super) fn has(&self, conn_id: ConnId) -> bool {
        self.until.contains_key(&conn_id)
    }

    /// Holds a connection until then, whatever was said about it before.
    pub(super) fn hold(
        &mut self,
        conn_id: ConnId,
        until: Instant,
        now: Instant,
        interval: Duration,
    ) {
        self.until.insert(conn_id, until);
        self.next.get_or_insert_with(|| after(now, interval));
    }

    pub(super) fn release(&mut self, conn_id: ConnId) {
        // Most of the time nobody is held.
        if !self.until.is_empty() {
            self.until.remove(&conn_id);
        }
        if self.until.is_empty() {
            self.next = None;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Those to be kept alive now, if it is time for that.
    pub(super) fn due(&mut self, now: Instant, interval: Duration) -> Vec<ConnId> {
        if self.next.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.until.retain(|_, until| *until > now);
        self.next = (!self.until.is_empty()).then(|| after(now, interval));
        self.until.keys().copied().collect()
    }

    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }
}

fn after(now: Instant, interval: Duration) -> Instant {
    later(now, interval.max(Duration::from_millis(1)))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    #[test]
    fn all_are_seen_to_at_one_time_until_theirs_is_over() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut holds = Holds::default();
        holds.hold(ConnId(1), at(100), at(0), INTERVAL);
        holds.hold(ConnId(2), at(59), at(20), INTERVAL);
        assert_eq!((holds.next(), holds.due(at(29), INTERVAL)), (Some(at(30)), vec![]));
        assert_eq!(holds.due(at(30), INTERVAL), [1, 2].map(ConnId));
        assert_eq!(holds.due(at(60), INTERVAL), [ConnId(1)]);
        assert!(!holds.has(ConnId(2)) && holds.next() == Some(at(90)));
        // However late it is looked.
        assert_eq!(holds.due(at(99), INTERVAL), [ConnId(1)]);
        assert_eq!((holds.due(at(1000), INTERVAL), holds.next()), (vec![], None));
    }

    #[test]
    fn nothing_is_due_where_nobody_is_held() {
        let now = Instant::now();
        let mut holds = Holds::default();
        holds.hold(ConnId(1), now + INTERVAL * 9, now, INTERVAL);
        holds.hold(ConnId(1), now + INTERVAL * 5, now, Duration::ZERO);
        assert_eq!((holds.len(), holds.next()), (1, Some(now + INTERVAL)));
        holds.release(ConnId(2));
        assert_eq!(holds.next(), Some(now + INTERVAL));
        holds.release(ConnId(1));
        assert_eq!((holds.next(), holds.due(now + INTERVAL, INTERVAL)), (None, vec![]));
    }
}
