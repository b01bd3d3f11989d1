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
    /// Takes the next in turn, to be put back by [`put_back`](Self::put_back) or
    /// [`set_full`](Self::set_full), or forgotten.
    pub(super) fn take_next(&mut self) -> Option<Outlet> {
        self.open.pop_front()
    }

    /// Puts an outlet at the end of the row.
    pub(super) fn put_back(&mut self, outlet: Outlet) {
        self.open.push_back(outlet);
    }

    pub(super) fn set_full(&mut self, outlet: Outlet) {
        self.full.insert(outlet);
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
        let first = outlets.take_next().unwrap();
        outlets.set_full(first);
        assert_eq!((first, outlets.take_next(), outlets.take_next()), (A, Some(B), None));
        outlets.put_back(B);
        assert!(outlets.has_full() && outlets.reopen(A) && !outlets.reopen(A));
        assert_eq!((outlets.take_next(), outlets.take_next()), (Some(B), Some(A)));
    }

    #[test]
    fn the_gone_get_no_turn() {
        let mut outlets = Outlets::default();
        outlets.put_back(A);
        outlets.set_full(B);
        outlets.remove(A);
        outlets.remove(B);
        assert!(outlets.take_next().is_none() && !outlets.has_full() && !outlets.reopen(B));
    }
}
