//! Links on which nothing moves any more and of which nobody is told: the handler gives each up in time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::support::StreamId;

/// The streams that are watched.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    /// Since when nothing has moved on each, or the handler could not have noticed.
    since: BTreeMap<StreamId, Duration>,
}

impl Silence {
    /// Nothing moves on this stream from now on.
    pub(crate) fn begins(&mut self, stream: StreamId, now: Duration) {
        self.since.entry(stream).or_insert(now);
    }

    /// It moves again, or is gone.
    pub(crate) fn ends(&mut self, stream: StreamId) {
        self.since.remove(&stream);
    }

    /// The handler does not listen, or the time has jumped: who did not listen, and who looks late, blames
    /// nobody for silence.
    pub(crate) fn is_excused(&mut self, now: Duration) {
        self.since.values_mut().for_each(|since| *since = now);
    }

    /// Takes those that the handler has given up; how many. `held` are those that it still has.
    pub(crate) fn judge(&mut self, held: &[StreamId], now: Duration) -> usize {
        let before = self.since.len();
        self.since.retain(|stream, _| held.contains(stream));
        for (stream, since) in &self.since {
            assert!(now < *since + PATIENCE, "nothing moves on {stream:?} since {since:?}");
        }
        before - self.since.len()
    }
}

/// A PING is sent ten seconds after the one before at the latest, and answered within ten more; what is
/// being written before it, and what is still under way from the peer, take some.
const PATIENCE: Duration = Duration::from_secs(25);
