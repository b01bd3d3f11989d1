//! How far a server may be with what it was sent, as far as what it tells shows that.

use std::time::{Duration, Instant};

use crate::mongrel2::ConnId;

use super::bucket::Moment;

/// What one server has told of, and when it is to be made tell of something.
#[derive(Debug)]
pub(super) struct Progress {
    batch: u32,
    turn: u32,
    /// Of whom it told last.
    last: Option<ConnId>,
    /// The greatest id that it has given to a connection, as far as is known. They ascend.
    top: i64,
    wants_turn: bool,
    /// When it was last made to tell of something, until it tells of anything.
    probed_at: Option<Instant>,
}

impl Default for Progress {
    fn default() -> Self {
        // What has never been sent anything is in the batch before.
        Self { batch: 1, turn: 0, last: None, top: 0, wants_turn: false, probed_at: None }
    }
}

impl Progress {
    pub(super) const fn at(&self, time: Instant) -> Moment {
        Moment { time, batch: self.batch, turn: self.turn }
    }

    /// The server tells of a connection that it is gone, or anything else.
    pub(super) fn told_of(&mut self, of: ConnId, is_gone: bool) {
        if self.last != Some(of) {
            self.last = Some(of);
            self.turn = self.turn.wrapping_add(1);
            self.probed_at = None;
        }
        if !is_gone {
            self.top = self.top.max(of.0);
        }
    }

    /// All that was received is taken in.
    pub(super) const fn taken_all(&mut self) {
        self.batch = self.batch.wrapping_add(1);
    }

    /// Somebody's next request proves something if the server has told of another connection by then.
    pub(super) const fn wants_turn(&mut self) {
        self.wants_turn = true;
    }

    /// An id that the server has given to nobody: of what is sent to it the server says that it is not
    /// there, even if another handler hears that. One at a time.
    pub(super) fn next_probe(&mut self, now: Instant) -> Option<ConnId> {
        if !self.wants_turn || self.top > TOP_MAX {
            return None;
        }
        if self.probed_at.is_some_and(|at| now.saturating_duration_since(at) < PATIENCE) {
            return None;
        }
        self.wants_turn = false;
        self.probed_at = Some(now);
        Some(ConnId(self.top + AHEAD))
    }

    /// Whether the end of a connection that nobody has heard of is told because of somebody's probe.
    pub(super) const fn is_probe(&self, conn_id: ConnId) -> bool {
        self.top <= TOP_MAX && conn_id.0 > self.top + AHEAD / 2
    }

    /// A probe may be lost, or the answer to it.
    pub(super) const fn lost_link(&mut self) {
        self.probed_at = None;
    }
}

/// So many connections later a server has given a probe's id to somebody, and so many it can count to
/// ahead of that (its ids have 32 bits, printed with a sign). No server lives as long.
const AHEAD: i64 = 1 << 30;

/// Above this id no probes are sent.
const TOP_MAX: i64 = (1 << 30) - 1;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(10);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;

    #[test]
    fn one_probe_at_a_time_and_only_where_one_is_wanted() {
        let (mut progress, now) = (Progress::default(), Instant::now());
        progress.told_of(ConnId(7), false);
        assert_eq!(progress.next_probe(now), None);
        progress.wants_turn();
        let probe = progress.next_probe(now).unwrap();
        assert_eq!(probe, ConnId(7 + AHEAD));
        progress.wants_turn();
        assert_eq!(progress.next_probe(now), None, "one is under way");
        assert!(progress.is_probe(probe) && !progress.is_probe(ConnId(8)));
        progress.told_of(probe, true);
        assert_eq!(progress.next_probe(now), Some(probe), "its id counts for nothing");
        assert_eq!(progress.next_probe(now + PATIENCE), None);
        progress.wants_turn();
        assert_eq!(progress.next_probe(now + PATIENCE), Some(probe), "the first was lost");
        progress.lost_link();
        progress.wants_turn();
        assert_eq!(progress.next_probe(now + PATIENCE), Some(probe), "so was that");
    }

    #[test]
    fn no_probe_can_meet_anybody() {
        let (mut progress, now) = (Progress::default(), Instant::now());
        progress.wants_turn();
        progress.told_of(ConnId(TOP_MAX), false);
        let probe = progress.next_probe(now);
        assert_eq!(probe, Some(ConnId(i64::from(i32::MAX))));
        progress.told_of(ConnId(TOP_MAX + 1), false);
        progress.wants_turn();
        assert_eq!(progress.next_probe(now), None);
        assert!(!progress.is_probe(ConnId(i64::from(i32::MAX))));
    }

    #[test]
    fn there_and_back_are_two_turns() {
        let (mut progress, now) = (Progress::default(), Instant::now());
        let turn = |progress: &Progress| progress.at(now).turn;
        [1, 1, 1].into_iter().for_each(|id| progress.told_of(ConnId(id), false));
        assert_eq!(turn(&progress), 1);
        [2, 1].into_iter().for_each(|id| progress.told_of(ConnId(id), false));
        assert_eq!(turn(&progress), 3);
    }
}
