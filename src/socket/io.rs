//! What every layer of one machine shares: its operations, its ids, its dice, its time.

use std::collections::VecDeque;
use std::time::Instant;

use crate::machine::{LinkId, ListenerId, Output};
use crate::rng::Rng;

/// Handed down from a machine to its sockets, so that all write into one queue of operations and
/// no id is ever used twice.
#[derive(Debug)]
pub(crate) struct Io {
    /// The newest time that the machine was told.
    now: Instant,
    outputs: VecDeque<Output>,
    serial: u64,
    pub(crate) rng: Rng,
}

impl Io {
    pub(crate) const fn new(now: Instant, seed: u64) -> Self {
        Self { now, outputs: VecDeque::new(), serial: 0, rng: Rng::new(seed) }
    }

    /// Notes the time; an older one than the newest seen counts as that.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) const fn new_link(&mut self, scope: u32) -> LinkId {
        self.serial += 1;
        LinkId::new(scope, self.serial)
    }

    pub(crate) const fn new_listener(&mut self, scope: u32) -> ListenerId {
        self.serial += 1;
        ListenerId::new(scope, self.serial)
    }
}
