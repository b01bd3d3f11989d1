//! Events that wait for the application: bounded by their number and by their octets.

use std::collections::VecDeque;

use super::event::Event;
use super::target::Target;

/// What the application has not taken yet.
#[derive(Debug)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    octets: usize,
    count_max: usize,
    octets_max: usize,
}

impl Events {
    /// Bounds of zero count as one.
    pub(super) fn new(count_max: usize, octets_max: usize) -> Self {
        let (count_max, octets_max) = (count_max.max(1), octets_max.max(1));
        Self { queue: VecDeque::new(), octets: 0, count_max, octets_max }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether nothing more is to be made of what peers say.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= self.count_max || self.octets >= self.octets_max
    }

    /// Whether the application leaves even the reports about its own commands where they are.
    pub(super) fn is_neglected(&self) -> bool {
        self.queue.len() / 2 >= self.count_max || self.octets / 2 >= self.octets_max
    }

    pub(super) fn is_half_empty(&self) -> bool {
        self.queue.len() <= self.count_max / 2 && self.octets <= self.octets_max / 2
    }

    pub(super) fn push(&mut self, event: Event) {
        self.octets += weight(&event);
        self.queue.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.queue.pop_front()?;
        self.octets -= weight(&event);
        Some(event)
    }
}

/// Octets that an event keeps, apart from itself.
fn weight(event: &Event) -> usize {
    match event {
        Event::Request { request, .. } | Event::SessionOpened { request, .. } => {
            request.raw().len()
        }
        // The message is a part of it, and keeps all of it.
        Event::SessionMessage { raw, .. } => raw.len(),
        Event::Undelivered { targets, .. } => size_of::<Target>() * targets.len(),
        Event::ServerDeaf { subscribed, .. } => subscribed.len(),
        Event::ServerAdded { .. }
        | Event::ServerUnreachable { .. }
        | Event::ServerUp { .. }
        | Event::ServerDown { .. }
        | Event::ServerRemoved { .. }
        | Event::Disconnect { .. }
        | Event::SessionClosed { .. }
        | Event::TooLarge { .. }
        | Event::Unreadable { .. }
        | Event::Room { .. }
        | Event::TargetRoom { .. }
        | Event::ControlListening { .. }
        | Event::ControlFailed { .. }
        | Event::Stopped { .. } => 0,
    }
}

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
}
