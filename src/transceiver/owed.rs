//! Answers that the application owes to browsers: an orderly end waits for them.

use std::collections::BTreeMap;

use crate::mongrel2::ConnId;

/// Requests over HTTP that were handed over, and to which nothing was said yet.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Never zero.
    by_connection: BTreeMap<ConnId, u32>,
}

impl Owed {
    /// A request was handed over.
    pub(super) fn asked(&mut self, by: ConnId) {
        *self.by_connection.entry(by).or_default() += 1;
        if self.by_connection.len() > CONNECTIONS_MAX {
            // The oldest connection: not all ends are told of.
            self.by_connection.pop_first();
        }
    }

    /// Something was said: all of an answer, or a part of one, for nobody else can tell.
    pub(super) fn answered(&mut self, to: ConnId) {
        if let Some(requests) = self.by_connection.get_mut(&to) {
            *requests -= 1;
            if *requests == 0 {
                self.by_connection.remove(&to);
            }
        }
    }

    /// A connection is gone, or is to end.
    pub(super) fn forget(&mut self, of: ConnId) {
        self.by_connection.remove(&of);
    }

    pub(super) fn clear(&mut self) {
        self.by_connection.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_connection.is_empty()
    }
}

/// How many connections are remembered.
const CONNECTIONS_MAX: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_answered_once() {
        let mut owed = Owed::default();
        let (one, other) = (ConnId(1), ConnId(2));
        [one, one, other].into_iter().for_each(|by| owed.asked(by));
        owed.answered(one);
        owed.answered(other);
        owed.answered(other);
        assert!(!owed.is_empty());
        owed.answered(one);
        assert!(owed.is_empty());
    }

    #[test]
    fn those_who_never_get_an_answer_are_forgotten_some_day() {
        let mut owed = Owed::default();
        (0..200_000).for_each(|id| owed.asked(ConnId(id)));
        assert_eq!(owed.by_connection.len(), CONNECTIONS_MAX);
        owed.forget(ConnId(199_999));
        assert_eq!(owed.by_connection.len(), CONNECTIONS_MAX - 1);
        owed.clear();
        assert!(owed.is_empty());
    }
}
