//! PUB and SUB (RFC 29).

use bytes::Bytes;

use crate::machine::LinkId;
use crate::zmtp::Message;

use super::core::Core;
use super::event::{DownReason, Event, Refused};
use super::io::Io;
use super::pattern::Pattern;

impl Core {
    /// Gives a message to every subscriber whose subscriptions match; drops it for those whose queue
    /// is full, and counts that.
    pub(super) fn publish(&mut self, message: &Message) -> Result<(), Refused> {
        let mut takers = Vec::new();
        let mut missed = 0;
        for link in self.links.values_mut() {
            let wants = link.is_ready() && !link.is_lingering;
            if !wants || !link.subscriptions.match_frame(message.first()) {
                continue;
            }
            if link.queue.admits(message.size()) {
                link.enqueue(message.clone());
                takers.push(link.id);
            } else {
                missed += 1;
            }
        }
        if takers.is_empty() && missed == 0 {
            return Err(Refused::NoPeer);
        }
        takers.into_iter().for_each(|id| self.mark_dirty(id));
        self.count_dropped(missed);
        Ok(())
    }

    fn count_dropped(&mut self, missed: u64) {
        if let Pattern::Pub { dropped } = &mut self.pattern {
            *dropped += missed;
        }
    }

    /// Messages that slow subscribers missed since the last call.
    pub(crate) fn take_dropped(&mut self) -> Option<Event> {
        let Pattern::Pub { dropped } = &mut self.pattern else { return None };
        let messages = std::mem::take(dropped);
        (messages > 0).then_some(Event::Dropped { messages })
    }

    /// Whether this subscriber is to get messages that start with these octets.
    pub(crate) fn is_subscribed(&self, link: LinkId, octets: &[u8]) -> bool {
        self.links.get(&link).is_some_and(|link| link.subscriptions.matches(octets))
    }

    pub(super) fn subscribed(&mut self, id: LinkId, prefix: Bytes, io: &mut Io) -> Option<Event> {
        let subscriptions = &mut self.links.get_mut(&id)?.subscriptions;
        let is_full = subscriptions.len() >= self.config.limits.subscriptions_max.max(1);
        if is_full && !subscriptions.contains(&prefix) {
            self.fail(id, DownReason::TooManySubscriptions, io);
            return None;
        }
        let is_first = subscriptions.add(prefix.clone());
        is_first.then_some(Event::Subscribed { link: id, prefix })
    }

    pub(super) fn cancelled(&mut self, id: LinkId, prefix: Bytes) -> Option<Event> {
        let was_last = self.links.get_mut(&id)?.subscriptions.remove(&prefix);
        was_last.then_some(Event::Cancelled { link: id, prefix })
    }

    pub(crate) fn subscribe(&mut self, prefix: Bytes) -> Result<(), Refused> {
        let max = self.config.limits.subscriptions_max.max(1);
        let Pattern::Sub { topics } = &mut self.pattern else { return Err(Refused::Direction) };
        if prefix.len() > PREFIX_SIZE_MAX {
            return Err(Refused::TooLarge);
        }
        if topics.len() >= max && !topics.contains(&prefix) {
            return Err(Refused::TooManySubscriptions);
        }
        if topics.add(prefix.clone()) {
            self.tell_publishers(|engine| engine.subscribe(&prefix));
        }
        Ok(())
    }

    pub(crate) fn cancel(&mut self, prefix: &[u8]) -> Result<(), Refused> {
        let Pattern::Sub { topics } = &mut self.pattern else { return Err(Refused::Direction) };
        if topics.remove(prefix) {
            self.tell_publishers(|engine| engine.cancel(prefix));
        }
        Ok(())
    }

    fn tell_publishers(&mut self, tell: impl Fn(&mut crate::zmtp::Engine)) {
        let mut told = Vec::new();
        for link in self.links.values_mut().filter(|link| link.is_ready()) {
            tell(&mut link.engine);
            told.push(link.id);
        }
        told.into_iter().for_each(|id| self.mark_dirty(id));
    }
}

/// The longest prefix that every peer takes in one command.
const PREFIX_SIZE_MAX: usize = 2048;
