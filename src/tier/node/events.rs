//! Events that wait for the application: bounded by their number and by their octets.

use std::collections::VecDeque;

use super::event::Event;

#[derive(Debug)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    octets: usize,
    count_max: usize,
    octets_max: usize,
}

impl Events {
    pub(super) fn new(count_max: usize, octets_max: usize) -> Self {
        let (count_max, octets_max) = (count_max.max(1), octets_max.max(1));
        Self { queue: VecDeque::new(), octets: 0, count_max, octets_max }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing more is to be made of what peers say.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= self.count_max || self.octets >= self.octets_max
    }

    /// Whether the application leaves even news of links where they are.
    pub(super) fn is_neglected(&self) -> bool {
        self.queue.len() / 2 >= self.count_max
    }

    pub(super) fn is_half_empty(&self) -> bool {
        self.queue.len() <= self.count_max / 2 && self.octets <= self.octets_max / 2
    }

    /// Of failed attempts and useless subscriptions that nobody took, the last of each is kept.
    pub(super) fn push(&mut self, event: Event) {
        let is_of_these = matches!(event, Event::Unreachable { .. } | Event::ServerDeaf { .. });
        let mut older = self.queue.iter_mut().filter(|_| is_of_these);
        if let Some(older) = older.find(|older| takes_place_of(&event, older)) {
            self.octets -= weight(older);
            self.octets += weight(&event);
            *older = event;
            return;
        }
        self.octets += weight(&event);
        self.queue.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.queue.pop_front()?;
        self.octets -= weight(&event);
        Some(event)
    }
}

fn takes_place_of(event: &Event, older: &Event) -> bool {
    if let (Event::Unreachable { endpoint: a, .. }, Event::Unreachable { endpoint: b, .. }) =
        (event, older)
    {
        return a == b;
    }
    if let (Event::ServerDeaf { server: a, .. }, Event::ServerDeaf { server: b, .. }) =
        (event, older)
    {
        return a == b;
    }
    false
}

/// Octets that an event keeps, apart from itself.
fn weight(event: &Event) -> usize {
    match event {
        Event::Request { request, .. } | Event::Message { request, .. } => request.raw().len(),
        Event::Announcement { topic, body } => topic.len() + body.len(),
        Event::Undelivered { targets, .. } => size_of_val(targets.as_slice()),
        Event::ServerDeaf { subscribed: octets, .. } | Event::Unserved { sender: octets, .. } => {
            octets.len()
        }
        Event::ApiUp
        | Event::ApiDown { .. }
        | Event::Unreachable { .. }
        | Event::ServerAdded { .. }
        | Event::ServerUp { .. }
        | Event::ServerDown { .. }
        | Event::ServerRemoved { .. }
        | Event::Room { .. }
        | Event::TargetRoom { .. }
        | Event::ControlListening { .. }
        | Event::ControlFailed { .. }
        | Event::Stopped { .. } => 0,
    }
}
