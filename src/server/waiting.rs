//! Messages of clients that wait for a handler to take them.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::socket::HighWater;

/// A queue before the queues of the handlers, so that browsers wait where no handler is, as with
/// Mongrel2.
#[derive(Debug)]
pub(super) struct Waiting {
    messages: VecDeque<Bytes>,
    marks: HighWater,
}

impl Waiting {
    pub(super) fn new(messages_max: usize, octets_max: usize) -> Self {
        Self { messages: VecDeque::new(), marks: HighWater::new(messages_max, octets_max) }
    }

    /// Whether a client may say something more.
    pub(super) fn admits(&mut self) -> bool {
        self.marks.admits(1, 0)
    }

    /// Whether there is room again after a client was refused; says so once.
    pub(super) fn reopened(&mut self) -> bool {
        self.marks.reopened()
    }

    /// Whether more waits than may: what clients say by themselves cannot be refused.
    pub(super) const fn is_exceeded(&self) -> bool {
        self.marks.is_exceeded()
    }

    pub(super) fn is_half_empty(&self) -> bool {
        self.marks.is_half_empty()
    }

    pub(super) fn push(&mut self, message: Bytes) {
        self.marks.add(message.len());
        self.messages.push_back(message);
    }

    pub(super) fn first(&self) -> Option<&Bytes> {
        self.messages.front()
    }

    pub(super) fn pop(&mut self) {
        if let Some(message) = self.messages.pop_front() {
            self.marks.remove(1, message.len());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Empties it; how many there were.
    pub(super) fn clear(&mut self) -> usize {
        let mut count = 0;
        while !self.is_empty() {
            self.pop();
            count += 1;
        }
        count
    }
}
