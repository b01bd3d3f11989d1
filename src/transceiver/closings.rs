//! Sessions that we have sent a close frame, and when to end their connections if nothing comes back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::mongrel2::ConnId;
use crate::socket::later;

/// Those of one server's sessions, in the order in which their time comes.
#[derive(Debug, Default)]
pub(super) struct Closings {
    row: VecDeque<(Instant, ConnId)>,
    /// Not before then are more looked at: there were too many for one call.
    again: Option<Instant>,
}

impl Closings {
    /// One more, whose time is not before that of the others. Of those that `is_closing` does not know any
    /// more, the row keeps no more than there are `sessions`.
    pub(super) fn push(
        &mut self,
        at: Instant,
        conn_id: ConnId,
        sessions: usize,
        is_closing: impl Fn(ConnId) -> bool,
    ) {
        if self.row.len() > 2 * sessions + 64 {
            // Many have ended while the first still waits.
            self.row.retain(|(_, conn_id)| is_closing(*conn_id));
        }
        self.row.push_back((at, conn_id));
    }

    /// Those whose time has come and that are still closing: some of them, and others a moment later.
    pub(super) fn due(&mut self, now: Instant, is_closing: impl Fn(ConnId) -> bool) -> Vec<ConnId> {
        let mut due = Vec::new();
        if self.again.is_some_and(|again| again > now) {
            return due;
        }
        self.again = None;
        for _ in 0..DUE_AT_ONCE {
            let Some((at, conn_id)) = self.row.front().copied() else { return due };
            let is_closing = is_closing(conn_id);
            if at > now && is_closing {
                return due;
            }
            // Those that have ended meanwhile have stayed in the row.
            self.row.pop_front();
            due.extend(is_closing.then_some(conn_id));
        }
        self.again = Some(later(now, MOMENT));
        due
    }

    /// When to look at them.
    pub(super) fn next(&self) -> Option<Instant> {
        let first = self.row.front().map(|(at, _)| *at)?;
        Some(self.again.map_or(first, |again| again.max(first)))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// How many are looked at in one call.
const DUE_AT_ONCE: usize = 4096;

/// How long the others wait then.
const MOMENT: Duration = Duration::from_millis(1);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;

    #[test]
    fn many_come_in_portions() {
        let start = Instant::now();
        let mut closings = Closings::default();
        for id in 0..10_000 {
            closings.push(start, ConnId(id), 10_000, |_| true);
        }
        // Every third has ended.
        let is_closing = |id: ConnId| id.0 % 3 > 0;
        let (mut now, mut found) = (start, Vec::new());
        while let Some(next) = closings.next() {
            assert!(closings.due(now - Duration::from_nanos(1), is_closing).is_empty());
            now = next;
            let some = closings.due(now, is_closing);
            assert!((1..=DUE_AT_ONCE).contains(&some.len()));
            assert!(closings.next().is_none_or(|next| next > now));
            found.extend(some);
        }
        assert!(found.iter().copied().eq((0..10_000).map(ConnId).filter(|id| is_closing(*id))));
        assert_eq!(now, start + 2 * MOMENT);
    }

    #[test]
    fn those_that_have_ended_do_not_fill_the_row() {
        let start = Instant::now();
        let mut closings = Closings::default();
        for id in 0..100_000 {
            closings.push(start, ConnId(id), 1, |id| id.0 == 0);
        }
        assert!(closings.row.len() < 100);
        assert_eq!(closings.due(start, |id| id.0 == 0), [ConnId(0)]);
    }
}
