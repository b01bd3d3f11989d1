//! Which connections have places left in Mongrel2, as far as anything proves it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::mongrel2::ConnId;
use crate::socket::later;

use super::delivery::Delivery;
use super::sessions::Sessions;
use super::window::Bucket;

/// The places of one server's connections. Those of WebSockets are counted in the table of sessions.
#[derive(Debug)]
pub(super) struct Places {
    /// What other connections were sent of late.
    buckets: BTreeMap<ConnId, Bucket>,
    /// From how many on it is looked for some that are empty.
    buckets_max: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self { buckets: BTreeMap::new(), buckets_max: BUCKETS_MIN }
    }
}

impl Places {
    /// Whether one more delivery, or the end, may go to this connection.
    pub(super) fn has_one(
        &mut self,
        to: ConnId,
        is_hang_up: bool,
        sessions: &Sessions,
        now: Instant,
    ) -> bool {
        if let Some(window) = sessions.window(to) {
            return window.admits(is_hang_up);
        }
        self.buckets.get_mut(&to).is_none_or(|bucket| {
            bucket.drain(now);
            bucket.admits(is_hang_up)
        })
    }

    /// When a connection that is no WebSocket has the next one; never now.
    pub(super) fn next(&self, to: ConnId, now: Instant) -> Instant {
        let next = self.buckets.get(&to).map_or(now, Bucket::next);
        next.max(later(now, Duration::from_millis(1)))
    }

    /// Takes a place for a delivery of each of its connections: which of them are to be asked whether
    /// they read.
    pub(super) fn take(
        &mut self,
        delivery: &Delivery,
        sessions: &mut Sessions,
        now: Instant,
    ) -> Vec<ConnId> {
        let mut to_ask = Vec::new();
        for to in delivery.to.as_slice() {
            let Some(window) = sessions.window_mut(*to) else {
                self.bucket(*to, now).sent();
                continue;
            };
            window.sent();
            if let Some(mark) = delivery.mark {
                window.asked(mark);
            } else if window.wants_ping() && !delivery.is_last() {
                to_ask.push(*to);
            }
        }
        to_ask
    }

    fn bucket(&mut self, to: ConnId, now: Instant) -> &mut Bucket {
        if self.buckets.len() >= self.buckets_max {
            self.buckets.retain(|_, bucket| !bucket.drain(now));
            self.buckets_max = self.buckets.len() * 2 + BUCKETS_MIN;
        }
        self.buckets.entry(to).or_insert_with(|| Bucket::new(now))
    }

    /// All places of this connection are free.
    pub(super) fn clear(&mut self, of: ConnId) {
        // It stays, for whoever asks once mostly asks again.
        if let Some(bucket) = self.buckets.get_mut(&of) {
            bucket.clear();
        }
    }

    /// A connection is gone.
    pub(super) fn forget(&mut self, of: ConnId) {
        self.buckets.remove(&of);
    }

    /// All connections are gone.
    pub(super) fn clear_all(&mut self) {
        *self = Self::default();
    }
}

/// How many buckets nobody looks at to find empty ones.
const BUCKETS_MIN: usize = 64;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use bytes::Bytes;

    use super::super::delivery::Origin;
    use super::super::window::PAUSE;
    use super::*;

    #[test]
    fn places_of_the_past_leave_nothing_behind() {
        let (mut places, start) = (Places::default(), Instant::now());
        let mut sessions = Sessions::default();
        for id in 0..10_000 {
            let now = start + PAUSE / 10 * u32::try_from(id).unwrap();
            let reply = Delivery::to_one(ConnId(id), Bytes::from_static(b"x"), Origin::Own);
            assert!(places.take(&reply, &mut sessions, now).is_empty());
            assert!(places.buckets.len() <= 200, "{}", places.buckets.len());
        }
    }
}
