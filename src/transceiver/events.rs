//! Events that wait for the application: bounded by their number and by their octets.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::planted::{Bug, is_planted};

use super::event::Event;
use super::target::Target;

/// What the application has not taken yet.
#[derive(Debug)]
pub(crate) struct Events<E = Event> {
    queue: VecDeque<E>,
    octets: usize,
    count_max: usize,
    octets_max: usize,
}

/// What can wait there.
pub(crate) trait Waits {
    /// Octets that it keeps, apart from itself.
    fn weight(&self) -> usize;

    /// Whether of several such that nobody took, the last is kept.
    fn is_renewed(&self) -> bool {
        false
    }

    /// Whether it says anew what an older one says.
    fn renews(&self, _older: &Self) -> bool {
        false
    }
}

impl<E: Waits> Events<E> {
    /// Bounds of zero count as one.
    pub(crate) fn new(count_max: usize, octets_max: usize) -> Self {
        let (count_max, octets_max) = (count_max.max(1), octets_max.max(1));
        Self { queue: VecDeque::new(), octets: 0, count_max, octets_max }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether nothing more is to be made of what peers say.
    pub(crate) fn is_full(&self) -> bool {
        if is_planted(Bug::EventsUnbounded) {
            return false;
        }
        self.queue.len() >= self.count_max || self.octets >= self.octets_max
    }

    /// Whether the application leaves even the reports about its own commands where they are.
    pub(crate) fn is_neglected(&self) -> bool {
        self.has_twice_as_many() || self.octets / 2 >= self.octets_max
    }

    /// Whether twice as many wait as may before reading stops.
    pub(crate) fn has_twice_as_many(&self) -> bool {
        self.queue.len() / 2 >= self.count_max
    }

    /// Octets that an event is about to keep. Where the application is behind they are copied, for else
    /// each small message that waits would keep the whole block that it was read in.
    pub(crate) fn to_keep(&self, octets: Bytes) -> Bytes {
        if self.queue.len() >= BEHIND && octets.len() < COPY_BELOW {
            return Bytes::copy_from_slice(&octets);
        }
        octets
    }

    pub(crate) fn is_half_empty(&self) -> bool {
        self.queue.len() <= self.count_max / 2 && self.octets <= self.octets_max / 2
    }

    pub(crate) fn push(&mut self, event: E) {
        self.octets += event.weight();
        if event.is_renewed() {
            if let Some(older) = self.queue.iter_mut().find(|older| event.renews(older)) {
                self.octets -= older.weight();
                *older = event;
                return;
            }
        }
        self.queue.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<E> {
        let event = self.queue.pop_front()?;
        self.octets -= event.weight();
        Some(event)
    }
}

impl Waits for Event {
    fn weight(&self) -> usize {
        match self {
            Self::Request { request, .. } | Self::SessionOpened { request, .. } => {
                request.raw().len()
            }
            Self::UploadStarted { request, path, .. } | Self::UploadDone { request, path, .. } => {
                request.raw().len() + path.len()
            }
            // The message is a part of it, and keeps all of it.
            Self::SessionMessage { raw, .. } => raw.len(),
            Self::Undelivered { targets, .. } => size_of::<Target>() * targets.len(),
            Self::Stopped { reports, .. } => size_of_val(&reports[..]),
            Self::ServerDeaf { subscribed, .. } => subscribed.len(),
            Self::ServerAdded { .. }
            | Self::ServerUnreachable { .. }
            | Self::ServerUp { .. }
            | Self::ServerDown { .. }
            | Self::ServerRemoved { .. }
            | Self::Disconnect { .. }
            | Self::SessionClosed { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::Room { .. }
            | Self::TargetRoom { .. }
            | Self::ControlListening { .. }
            | Self::ControlFailed { .. } => 0,
        }
    }
}

/// From how many events on an application is behind.
const BEHIND: usize = 64;

/// Larger messages are a good part of the block that they are in.
const COPY_BELOW: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::target::ServerId;
    use super::*;

    fn deaf(octets: usize) -> Event {
        let subscribed = Bytes::from(vec![b'x'; octets]);
        Event::ServerDeaf { server: ServerId(1), subscribed }
    }

    #[test]
    fn few_large_events_are_as_full_as_many_small_ones() {
        let mut events = Events::new(4, 100);
        (0..4).for_each(|_| events.push(deaf(0)));
        assert!(events.is_full() && !events.is_half_empty());
        events.pop();
        assert!(!events.is_full() && !events.is_half_empty());
        events.pop();
        assert!(events.is_half_empty());
        events.push(deaf(100));
        assert!(events.is_full() && !events.is_neglected());
        events.push(deaf(100));
        assert!(events.is_neglected());
        while events.pop().is_some() {}
        assert!(events.is_empty() && events.is_half_empty() && !events.is_full());
    }

    #[test]
    fn who_is_behind_keeps_no_blocks_for_the_sake_of_small_messages() {
        let mut events = Events::new(BEHIND, 100);
        let block = Bytes::from(vec![b'x'; COPY_BELOW]);
        let is_copied = |events: &Events<Event>, octets: Bytes| {
            let at = octets.as_ptr();
            let kept = events.to_keep(octets.clone());
            assert_eq!(kept, octets);
            kept.as_ptr() != at
        };
        assert!(!is_copied(&events, block.slice(1..)));
        (0..BEHIND).for_each(|_| events.push(deaf(0)));
        assert!(is_copied(&events, block.slice(1..)) && !is_copied(&events, block.slice(..)));
    }
}
