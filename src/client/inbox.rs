//! What was received and is not taken yet.

use std::collections::VecDeque;

use super::limits::Limits;
use super::received::Received;

/// A queue with a limit on its items and one on their octets.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    items: VecDeque<Received>,
    size: usize,
    items_max: usize,
    size_max: usize,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Inbox {
    pub(super) const fn new(limits: &Limits) -> Self {
        let (items_max, size_max) = (limits.received_max, limits.received_size_max);
        Self { items: VecDeque::new(), size: 0, items_max, size_max }
    }

    pub(super) fn push(&mut self, item: Received) -> Result<(), Full> {
        let size = self.size.saturating_add(item.size());
        if self.items.len() >= self.items_max || size > self.size_max {
            return Err(Full);
        }
        self.size = size;
        self.items.push_back(item);
        Ok(())
    }

    /// Whether this came last, and waits.
    pub(super) fn ends_with(&self, item: &Received) -> bool {
        self.items.back() == Some(item)
    }

    /// The last item of all: there is always room for it.
    pub(super) fn push_last(&mut self, item: Received) {
        self.size += item.size();
        self.items.push_back(item);
    }

    pub(super) fn pop(&mut self) -> Option<Received> {
        let item = self.items.pop_front()?;
        self.size -= item.size();
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold() {
        let limits = Limits { received_max: 2, received_size_max: 10, ..Limits::default() };
        let raw = |len: usize| Received::Raw(vec![0; len].into());
        let mut inbox = Inbox::new(&limits);
        assert_eq!(inbox.push(raw(11)), Err(Full));
        assert_eq!((inbox.push(raw(6)), inbox.push(raw(5))), (Ok(()), Err(Full)));
        assert_eq!((inbox.push(raw(4)), inbox.push(raw(0))), (Ok(()), Err(Full)));
        inbox.push_last(Received::Ended);
        assert_eq!((inbox.pop(), inbox.pop()), (Some(raw(6)), Some(raw(4))));
        assert_eq!((inbox.pop(), inbox.pop()), (Some(Received::Ended), None));
        assert_eq!(inbox.push(raw(10)), Ok(()));
    }
}
