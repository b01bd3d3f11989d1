//! Whether requests are read from a server that is up.
//!
//! While too many replies wait for a server, no more requests are read from it, so that what waits
//! is bounded. But Mongrel2 takes no replies while it waits for somebody to read its own notices
//! (seen on Mongrel2 1.12.2): two that each wait for the other would wait for ever. So when nothing
//! at all could be written for a while, some messages are let through.

use std::time::{Duration, Instant};

use crate::socket::later;

#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// While it is shut for want of room: when to let some messages through.
    stalled_at: Option<Instant>,
    /// How many messages may still pass, and octets; the last message may exceed these.
    let_through: usize,
    octets: usize,
    /// There was room, and nobody has looked since.
    is_looked_for: bool,
}

impl Gate {
    /// Whether messages may pass, where there is room for replies or not.
    pub(crate) fn is_open(&mut self, has_room: bool, now: Instant) -> bool {
        if has_room {
            *self = Self::default();
            return true;
        }
        self.stalled_at.get_or_insert_with(|| later(now, PATIENCE));
        self.is_looked_for = false;
        self.let_through > 0 && self.octets > 0
    }

    /// Replies were written: nobody waits for us.
    pub(crate) fn progressed(&mut self) {
        *self = Self::default();
    }

    /// There is room though nothing was written: what took it waits for slow browsers now. That is to be
    /// looked at soon, once.
    pub(crate) fn has_room(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.is_looked_for, true) {
            self.stalled_at = self.stalled_at.map(|at| at.min(later(now, SOON)));
        }
    }

    /// A message of so many octets has passed.
    pub(crate) const fn passed(&mut self, octets: usize) {
        self.let_through = self.let_through.saturating_sub(1);
        self.octets = self.octets.saturating_sub(octets);
    }

    /// Does what the time asks for.
    pub(crate) fn do_what_is_due(&mut self, now: Instant) {
        if self.stalled_at.is_some_and(|at| at <= now) {
            let stalled_at = Some(later(now, PATIENCE));
            (self.stalled_at, self.let_through, self.octets) =
                (stalled_at, PORTION, PORTION_OCTETS);
        }
    }

    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        self.stalled_at
    }
}

/// How long the reply link may stand still before some messages are let through.
const PATIENCE: Duration = Duration::from_millis(500);

/// Later than now, which every deadline is.
const SOON: Duration = Duration::from_millis(1);

/// How many are let through then. A PUSH socket of libzmq that was full takes messages again when
/// half of its thousand are gone.
const PORTION: usize = 512;

/// How many octets of them: what is answered meanwhile has to be held by the application.
const PORTION_OCTETS: usize = 1 << 20;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;

    #[test]
    fn room_that_nobody_looks_at_is_looked_for_once() {
        let now = Instant::now();
        let mut gate = Gate::default();
        gate.has_room(now);
        assert_eq!(gate.next_deadline(), None, "it is not shut");
        for _ in 0..2 {
            assert!(!gate.is_open(false, now));
            gate.has_room(now);
            let soon = gate.next_deadline().unwrap();
            assert!(soon > now && soon < now + PATIENCE);
            gate.do_what_is_due(soon);
            gate.has_room(soon);
            assert_eq!(gate.next_deadline(), Some(soon + PATIENCE));
            gate.is_open(true, now);
        }
    }

    #[test]
    fn a_stalled_link_lets_some_through() {
        let now = Instant::now();
        let mut gate = Gate::default();
        assert!(gate.is_open(true, now) && gate.next_deadline().is_none());
        assert!(!gate.is_open(false, now));
        let due = gate.next_deadline().unwrap();
        assert_eq!(due, now + PATIENCE);
        gate.do_what_is_due(due);
        (0..PORTION).for_each(|_| {
            assert!(gate.is_open(false, due));
            gate.passed(1);
        });
        assert!(!gate.is_open(false, due) && gate.next_deadline() > Some(due));
    }

    #[test]
    fn whatever_is_written_starts_the_wait_anew() {
        let now = Instant::now();
        let mut gate = Gate::default();
        gate.is_open(false, now);
        gate.do_what_is_due(now + PATIENCE);
        gate.progressed();
        assert!(!gate.is_open(false, now + PATIENCE));
        assert_eq!(gate.next_deadline(), Some(now + PATIENCE * 2));
    }
}
