//! Requests whose server is not there yet: held within limits, for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use bytes::Bytes;

use crate::mongrel2::Request;

use super::receipts::Place;

/// A request, where it came from, and which life of its server it belongs to, if the API said so.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) request: Request,
    pub(super) place: Option<Place>,
    pub(super) life: Option<ApiLife>,
    /// When it is given up.
    pub(super) until: Instant,
}

/// A life of a server as the API counts: the API's own number, and that of the life.
pub(super) type ApiLife = (u64, u32);

#[derive(Debug)]
pub(super) struct Held {
    /// By the end of their time, then in the order in which they came.
    items: BTreeMap<(Instant, u64), Item>,
    max: usize,
    last: u64,
    /// Servers of which some may be told now.
    ready: BTreeSet<Bytes>,
}

impl Held {
    pub(super) const fn new(max: usize) -> Self {
        Self { items: BTreeMap::new(), max, last: 0, ready: BTreeSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// A bound of zero counts as one.
    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= self.max.max(1)
    }

    pub(super) fn push(&mut self, item: Item) {
        self.last += 1;
        self.items.insert((item.until, self.last), item);
    }

    /// Whether some of this server are held, which nothing may overtake.
    pub(super) fn holds(&self, sender: &[u8]) -> bool {
        self.items.values().any(|item| item.request.sender() == sender)
    }

    /// Where they came from.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.items.values().filter_map(|item| item.place)
    }

    /// Some of this server may be told now.
    pub(super) fn is_ready(&mut self, sender: Bytes) {
        self.ready.insert(sender);
    }

    /// A server of which some may be told now.
    pub(super) fn next_ready(&mut self) -> Option<Bytes> {
        self.ready.pop_first()
    }

    /// Takes out those of a server, in order.
    pub(super) fn take(&mut self, sender: &[u8]) -> Vec<Item> {
        let items = std::mem::take(&mut self.items);
        let (taken, kept): (BTreeMap<_, _>, _) =
            items.into_iter().partition(|(_, item)| item.request.sender() == sender);
        self.items = kept;
        taken.into_values().collect()
    }

    /// One whose time is over.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<Item> {
        let entry = self.items.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// All, whose time never comes.
    pub(super) fn take_all(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items).into_values().collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.items.first_key_value().map(|((until, _), _)| *until)
    }
}
