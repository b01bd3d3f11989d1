//! PUSH and REQ: whose turn it is to take a message.

use std::collections::{BTreeSet, VecDeque};

use super::names::Outlet;

/// All outlets: those that may have room in turn, those without room aside. So a send costs the same
/// however many peers are slow.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    open: VecDeque<Outlet>,
    /// Each has refused a message and not said since that it has room again.
    full: BTreeSet<Outlet>,
}

impl Outlets {
    /// The next in turn.
    pub(super) fn next(&self) -> Option<Outlet> {
        self.open.front().copied()
    }

    /// The next one has had its turn.
    pub(super) fn pass(&mut self) {
        if self.open.len() > 1 {
            self.open.rotate_left(1);
        }
    }

    /// The next one is full, and has no turn until it says that it has room again.
    pub(super) fn next_is_full(&mut self) {
        self.full.extend(self.open.pop_front());
    }

    /// The next one is gone.
    pub(super) fn next_is_gone(&mut self) {
        self.open.pop_front();
    }

    /// Puts an outlet at the end of the row.
    pub(super) fn put_back(&mut self, outlet: Outlet) {
        self.open.push_back(outlet);
    }

    /// An outlet has room again. Whether it was full.
    pub(super) fn reopen(&mut self, outlet: Outlet) -> bool {
        let was_full = self.full.remove(&outlet);
        if was_full {
            self.open.push_back(outlet);
        }
        was_full
    }

    /// Forgets an outlet.
    pub(super) fn remove(&mut self, outlet: Outlet) {
        if !self.full.remove(&outlet) {
            self.open.retain(|other| *other != outlet);
        }
    }

    pub(super) fn has_full(&self) -> bool {
        !self.full.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::DialId;
    use super::*;

    const A: Outlet = Outlet::Dial(DialId(1));
    const B: Outlet = Outlet::Dial(DialId(2));

    #[test]
    fn the_full_stand_aside_until_they_have_room() {
        let mut outlets = Outlets::default();
        outlets.put_back(A);
        outlets.put_back(B);
        assert_eq!(outlets.next(), Some(A));
        outlets.next_is_full();
        for _ in 0..3 {
            assert_eq!(outlets.next(), Some(B));
            outlets.pass();
        }
        assert!(outlets.has_full() && outlets.reopen(A) && !outlets.reopen(A));
        for next in [B, A, B] {
            assert_eq!(outlets.next(), Some(next));
            outlets.pass();
        }
        outlets.next_is_gone();
        assert_eq!(outlets.next(), Some(B));
    }

    #[test]
    fn the_gone_get_no_turn() {
        let mut outlets = Outlets::default();
        outlets.put_back(B);
        outlets.next_is_full();
        outlets.put_back(A);
        outlets.remove(A);
        outlets.remove(B);
        assert!(outlets.next().is_none() && !outlets.has_full() && !outlets.reopen(B));
    }
}
